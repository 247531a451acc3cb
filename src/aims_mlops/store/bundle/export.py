"""Write a log, or a part of it, as one file that `aims-verify` checks without us.

The file's lines are described in docs/verify.md. Each is canonical JSON; the trailer holds the
SHA-256 of all bytes before it. Records are streamed: memory does not grow with their number.
"""

from __future__ import annotations

import hashlib
import heapq
import os
import uuid
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import IO, Any

from aims_mlops.errors import (
    EvidenceNotFoundError,
    InputError,
    StoreUnavailableError,
    VerificationError,
)
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.evidence.encoding.envelope import pae
from aims_mlops.evidence.kinds import BUNDLE_KINDS, LOG_KINDS
from aims_mlops.evidence.records import Record
from aims_mlops.evidence.store import EvidenceStore
from aims_mlops.evidence.transparency.checkpoint import Checkpoint, unverified_checkpoint
from aims_mlops.evidence.transparency.keychain import ROTATION
from aims_mlops.evidence.transparency.leaf import Leaf
from aims_mlops.store.bundle.source import BundleSource, header_signature, source_of

VERSION = 1
PART = 768 * 1024  # bytes of a blob in one line
PAGE = 500  # records whose proofs are read at a time
HEADER_TYPE = "application/vnd.aims-mlops.bundle-header+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which records a bundle holds; all of them when every field is None.

    subject : SHA-256 (hex) of a model or dataset.
    received_from, received_before : RFC 3339 times, by the log's clock.
    control : ids of Annex A controls, one of which a record says that it supports.
    """

    system: str | None = None
    kind: tuple[str, ...] | None = None
    subject: str | None = None
    run: str | None = None
    received_from: str | None = None
    received_before: str | None = None
    control: tuple[str, ...] | None = None

    def covers(self, record: Record) -> bool:
        """Whether a record was received in the time, and supports one of the controls."""
        if self.received_from is not None and record.received_at < self.received_from:
            return False
        if self.received_before is not None and record.received_at >= self.received_before:
            return False
        return not self.control or not set(self.control).isdisjoint(record.evidence.controls)

    def chosen(self) -> dict[str, Any] | None:
        """What was chosen, for the header; None for the whole log."""
        found = {
            "system": self.system,
            "kind": list(self.kind) if self.kind else None,
            "subject": self.subject,
            "run": self.run,
            "received_from": self.received_from,
            "received_before": self.received_before,
            "control": list(self.control) if self.control else None,
        }
        return {name: value for name, value in found.items() if value is not None} or None


@dataclass(frozen=True, slots=True)
class Bundle:
    """What was written: how much, and the SHA-256 (hex) that stands in the trailer."""

    path: Path
    records: int
    blobs: int
    size: int
    log_size: int
    sha256: str


def export_bundle(
    store: EvidenceStore,
    path: Path,
    *,
    scope: Scope | None = None,
    blobs: bool = True,
    personal: bool = False,
    since: str | None = None,
    withhold: Sequence[str] = (),
) -> Bundle:
    """Write a bundle to `path`, which appears complete or not at all.

    blobs : whether their content goes along; personal : that of personal content too.
    since : a checkpoint (note) that the auditor kept; a bundle of a part of the log then carries
        the proof that the log continues it.
    withhold : kinds of records that stay in, with their proofs, without their content; the log
        signs that it was so, and a verifier asks to accept it.
    Raises InputError for an empty log, a checkpoint of another one, or kinds that cannot be
    withheld, StoreError.
    """
    if about := sorted(LOG_KINDS.intersection(withhold)):
        raise InputError("records about the log itself cannot be withheld", got=", ".join(about))
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}")
    try:
        with draft.open("xb") as file:
            done = _Writer(
                store,
                file,
                scope or Scope(),
                with_blobs=blobs,
                personal=personal,
                since=since,
                withhold=frozenset(withhold),
            ).write()
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise StoreUnavailableError(
            f"the bundle {path} cannot be written", got=error.strerror or str(error)
        ) from error
    finally:
        draft.unlink(missing_ok=True)
    records, given, size, log_size, digest = done
    return Bundle(path, records, given, size, log_size, digest)


class _Writer:
    def __init__(
        self,
        store: EvidenceStore,
        file: IO[bytes],
        scope: Scope,
        *,
        with_blobs: bool,
        personal: bool,
        since: str | None,
        withhold: frozenset[str],
    ) -> None:
        self.withhold = withhold
        self.store, self.file, self.scope = store, file, scope
        self.with_blobs, self.personal, self.since = with_blobs, personal, since
        self.source: BundleSource = source_of(store)
        self.digest = hashlib.sha256()
        self.lines = self.size = self.records = 0
        self.seen: set[str] = set()
        self.proved: set[int] = set()
        self.given = 0

    def write(self) -> tuple[int, int, int, int, str]:
        """Write every line; (records, blobs, bytes, size of the log, SHA-256)."""
        note = self.store.status().checkpoint
        if note is None:
            raise InputError(
                f"the log {self.store.url} is empty, so there is nothing to export",
                next_step="capture a run first",
            )
        top = unverified_checkpoint(note)
        chosen = self.scope.chosen()
        self._header(note, top, chosen)
        if self.since is not None:
            self._consistency(self.since, top, whole=chosen is None)
        self._anchors(top, whole=chosen is None)
        self.erased = self.source.erased() if self.with_blobs else frozenset()
        records = (record for record in self._chosen(chosen) if record.sequence < top.size)
        for page in _pages(records):
            paths: list[list[bytes]] | None = None
            if chosen is not None:
                paths = self.source.inclusion_paths([r.sequence for r in page], top.size)
            for i, record in enumerate(page):
                self._record(record, None if paths is None else paths[i])
        if chosen is None and self.records != top.size:
            raise VerificationError(
                f"the log {self.store.url} does not hold what its checkpoint counts",
                got=f"{self.records} records",
                expected=str(top.size),
                next_step="aims evidence verify",
            )
        digest = self.digest.hexdigest()
        self._line(b'{"end":{"lines":%d,"sha256":"%b"}}' % (self.lines, digest.encode()))
        return self.records, self.given, self.size, top.size, digest

    def _line(self, content: bytes) -> None:
        line = content + b"\n"
        self.file.write(line)
        self.digest.update(line)
        self.lines += 1
        self.size += len(line)

    def _header(self, note: str, top: Checkpoint, chosen: dict[str, Any] | None) -> None:
        keys = [(start, public) for start, public in self.source.log_keys() if start <= top.size]
        header = {
            "aims_bundle": VERSION,
            "checkpoint": note,
            "keys": [
                {"public": b64encode(public).decode(), "valid_from": start}
                for start, public in keys
            ],
            "log": self.store.status().log_id,
            "scope": chosen,
            "written_at": now(),
            "written_by": f"aims-mlops {metadata.version('aims-mlops')}",
        }
        if self.withhold:
            header["withheld"] = sorted(self.withhold)
        signature = header_signature(self.store, keys[-1][1], pae(HEADER_TYPE, canonical(header)))
        if signature is not None:
            header["signature"] = b64encode(signature).decode()
        elif self.withhold:
            raise InputError(
                "content can only be withheld where the log's key is, which signs that it was",
                next_step="export where the log is kept, or without --withhold",
            )
        self._line(canonical(header))

    def _consistency(self, note: str, top: Checkpoint, *, whole: bool) -> None:
        old = unverified_checkpoint(note)
        if old.origin != top.origin:
            raise InputError(
                "the checkpoint is of another log", got=old.origin[:120], expected=top.origin
            )
        if old.size > top.size:
            raise InputError(
                "the log is shorter than the checkpoint: records were cut off, or an old backup "
                "was restored",
                got=f"{top.size} records",
                expected=f"at least {old.size}",
                next_step="aims evidence verify",
            )
        if whole or old.size in self.proved:
            return  # of the whole log the verifier computes every root itself
        self.proved.add(old.size)
        path = self.source.consistency_path(old.size, top.size)
        self._line(
            canonical(
                {"consistency": {"path": [b64encode(h).decode() for h in path], "size": old.size}}
            )
        )

    def _anchors(self, top: Checkpoint, *, whole: bool) -> None:
        """What was anchored comes first, so that the verifier can hold the log to it in passing."""
        for record in self.store.find(kind="anchor"):
            if record.sequence >= top.size:
                return
            body = record.evidence.body
            note, token = str(body["checkpoint"]), body.get("token")
            line = {
                "checkpoint": note,
                "method": str(body["method"]),
                "place": str(body["place"]),
                "sequence": record.sequence,
            }
            self._line(canonical({"anchor": line if token is None else {**line, "token": token}}))
            self._consistency(note, top, whole=whole)

    def _chosen(self, chosen: dict[str, Any] | None) -> Iterator[Record]:
        if chosen is None:
            yield from self.store.find()
            return
        scope = self.scope
        found = self.store.find(
            kind=scope.kind, system=scope.system, subject=scope.subject, run=scope.run
        )
        picked = (record for record in found if scope.covers(record))
        last = -1
        about = self._about_the_log()
        for record in heapq.merge(picked, about, key=lambda record: record.sequence):
            if record.sequence != last:
                yield record
            last = record.sequence

    def _about_the_log(self) -> Iterator[Record]:
        """Records about the log, and the one after a handover of an older version: see keychain."""
        for record in self.store.find(kind=BUNDLE_KINDS):
            yield record
            if record.evidence.kind == ROTATION and "log" not in record.evidence.body:
                yield from self.store.find(since=record.sequence + 1, limit=1)

    def _record(self, record: Record, path: list[bytes] | None) -> None:
        # Envelope and leaf are canonical JSON, so the line is, and their bytes stay as they are.
        withheld = record.evidence.kind in self.withhold
        envelope = b"null" if withheld else record.envelope
        parts = [b'{"envelope":', envelope, b',"leaf":', record.leaf]
        if path is not None:
            hashes = b",".join(b'"%b"' % b64encode(h) for h in path)
            parts.append(b',"proof":[%b]' % hashes)
        self._line(b"".join((*parts, b"}")))
        self.records += 1
        if self.with_blobs and not withheld:
            for name in Leaf.from_bytes(record.leaf).blobs:
                if name not in self.seen:
                    self.seen.add(name)
                    self._blob(name)

    def _blob(self, name: str) -> None:
        salt = self.source.salt_of(name)
        if salt is not None and not self.personal:
            self._state(name, "personal")
            return
        try:
            content = self.store.get_blob(name)
        except EvidenceNotFoundError:
            self._state(name, "erased" if name in self.erased else "missing")
            return
        except VerificationError:
            self._state(name, "damaged")
            return
        salted = b"" if salt is None else b',"salt":"%b"' % b64encode(salt)
        for part, start in enumerate(range(0, max(len(content), 1), PART)):
            data = b64encode(content[start : start + PART])
            last = b"true" if start + PART >= len(content) else b"false"
            self._line(
                b'{"blob":{"data":"%b","last":%b,"part":%d%b,"sha256":"%b"}}'
                % (data, last, part, salted, name.encode())
            )
        self.given += 1

    def _state(self, name: str, state: str) -> None:
        self._line(canonical({"blob": {"sha256": name, "state": state}}))


def _pages(records: Iterable[Record]) -> Iterator[list[Record]]:
    source = iter(records)
    while page := list(islice(source, PAGE)):
        yield page
