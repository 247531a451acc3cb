"""What a client with a pinned key (AIMS_LOG_KEY) believes a server.

Rules: everything that is shown or decided from is checked before it is returned.
 1. The head is signed by the log's key, and the keys follow from the pinned one by handovers that
    stand in the log (`evidence.transparency.keychain`).
 2. The head continues the last one that this client saw, in this process or an earlier one.
 3. Every record is signed by the log's key of its time, and an audit path leads from its leaf to a
    head of rules 1 and 2.
A server that cannot prove one of these is not believed in anything: VerificationError.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import threading
import uuid
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aims_mlops.errors import EvidenceError, EvidenceFormatError, VerificationError
from aims_mlops.evidence.records import Record
from aims_mlops.evidence.transparency.checkpoint import (
    Checkpoint,
    origin_of,
    read_checkpoint,
    unverified_checkpoint,
)
from aims_mlops.evidence.transparency.keychain import Handover, KeyChain, follow
from aims_mlops.evidence.transparency.leaf import Leaf
from aims_mlops.evidence.transparency.merkle import (
    check_consistency,
    leaf_hash,
    root_from_inclusion,
)
from aims_mlops.evidence.transparency.note import VerifierKey
from aims_mlops.store.disk.spool import state_folder
from aims_mlops.store.remote.answers import hashes_from, record_from

FOLDER = Path("aims-mlops") / "seen"  # in the user's state folder
_log = logging.getLogger("aims_mlops.store")

Ask = Callable[[int], Any]  # size last seen -> the server's answer about its log
Paths = Callable[[Sequence[int], int], list[list[bytes]]]


@dataclass(frozen=True, slots=True)
class Head:
    """A checkpoint that was verified, its note, and the keys that lead to it."""

    note: str
    checkpoint: Checkpoint
    chain: KeyChain


class Trust:
    """What is known of one log under one pinned key; safe to use from threads."""

    def __init__(self, pinned: VerifierKey, url: str, ask: Ask, paths: Paths) -> None:
        self.pinned = pinned
        self._url = url
        self._ask = ask
        self._paths = paths
        self._seen = Seen(pinned)
        self._head: Head | None = None
        self._lock = threading.RLock()
        self._told: set[bytes] = set()

    def refresh(self) -> Head | None:
        """The log's head now, verified; None for a log without records, if it never had any."""
        with self._lock:
            seen, kept = self._seen.read()
            last = unverified_checkpoint(seen) if seen is not None else None
            answer = self._ask(last.size if last is not None else 0)
            try:
                note = self._verified(answer, last, kept)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                if isinstance(error, EvidenceError):
                    raise
                raise EvidenceFormatError(
                    f"the server's answer about its log has another shape: {type(error).__name__}",
                    next_step="use the same version of aims-mlops on both sides",
                ) from error
            if note is not None:
                self._seen.write(note)
            return self._head

    def _verified(
        self, answer: Mapping[str, Any], last: Checkpoint | None, kept: str | None
    ) -> str | None:
        note = answer["checkpoint"]
        if origin_of(answer["log_id"]) != self.pinned.name:
            raise VerificationError(
                f"{self._url} keeps another log than the one whose key is pinned",
                got=origin_of(str(answer["log_id"]))[:120],
                expected=self.pinned.name[:120],
                next_step="check AIMS_STORE_URL and AIMS_LOG_KEY",
            )
        if note is None:
            if last is not None:
                raise VerificationError(
                    f"the log at {self._url} is empty", expected=f"{last.size} records seen before"
                )
            return None
        if self._head is not None and note == self._head.note and last == self._head.checkpoint:
            return None  # verified before
        head = unverified_checkpoint(str(note))
        if last is not None:
            if answer["consistency"] is None or head.size < last.size:
                raise VerificationError(
                    f"the log at {self._url} shrank",
                    got=f"{head.size} records",
                    expected=f"the {last.size} seen before, and perhaps more",
                    next_step="ask whoever keeps the log; a backup may have been restored",
                )
            path = hashes_from(answer["consistency"])
            check_consistency(last.size, head.size, last.root, head.root, path)
        spans = [(int(key["valid_from"]), b64decode(key["public"])) for key in answer["keys"]]
        handovers = [_handover(item, head) for item in answer["handovers"]]
        chain = follow(self.pinned, str(note), spans, handovers, kept=[kept] if kept else [])
        self._tell(chain)
        self._head = Head(str(note), head, chain)
        return str(note)

    def _tell(self, chain: KeyChain) -> None:
        """Say once that the log is signed by another key than the pinned one, and why that is."""
        newest = chain.spans[-1]
        if newest.public in (self.pinned.public, *self._told):
            return
        self._told.add(newest.public)
        _log.warning(
            "the log at %s was handed over to another key at record %d; both keys signed it, so "
            "it is followed. Pin the new one: AIMS_LOG_KEY=%s",
            self._url,
            newest.valid_from - 1,
            VerifierKey(chain.origin, newest.public),
        )

    def check(self, records: Sequence[Record]) -> None:
        """Raise VerificationError unless every record is in the log and signed by its key."""
        if not records:
            return
        with self._lock:
            head = self._head
            if head is None or max(r.sequence for r in records) >= head.checkpoint.size:
                head = self.refresh()
        size = head.checkpoint.size if head is not None else 0
        beyond = max(r.sequence for r in records)
        if head is None or beyond >= size:
            raise VerificationError(
                f"the server shows record {beyond} of a log of {size} records by its own checkpoint"
            )
        paths = self._paths([record.sequence for record in records], size)
        if len(paths) != len(records):
            raise VerificationError(
                "the server does not prove every record",
                got=f"{len(paths)} proofs",
                expected=str(len(records)),
            )
        for record, path in zip(records, paths, strict=True):
            _check_place(record, head.checkpoint, path)
            head.chain.check_record(record.sequence, record.envelope)


def _check_place(record: Record, head: Checkpoint, path: Sequence[bytes]) -> None:
    if origin_of(Leaf.from_bytes(record.leaf).log) != head.origin:
        raise VerificationError(f"record {record.sequence} belongs to another log")
    root = root_from_inclusion(record.sequence, head.size, leaf_hash(record.leaf), path)
    if root != head.root:
        raise VerificationError(f"the server does not prove that record {record.sequence} is in it")


def _handover(item: Mapping[str, Any], head: Checkpoint) -> Handover:
    """A handover whose place in the log is proved; so is that of the record right after it."""
    record = record_from(item)
    _check_place(record, head, hashes_from(item["proof"]))
    after = item.get("following")
    if after is None:
        return Handover(record.sequence, record.envelope)
    following = record_from(after)
    _check_place(following, head, hashes_from(after["proof"]))
    if following.sequence != record.sequence + 1:
        raise VerificationError(f"record {following.sequence} does not follow the handover")
    return Handover(record.sequence, record.envelope, following.envelope)


class Seen:
    """The last head that was verified under one pinned key, kept in the user's state folder.

    Beside it the newest that the pinned key itself signed: by it a client goes on to believe the
    log after a handover.
    """

    def __init__(self, pinned: VerifierKey) -> None:
        self._pinned = pinned
        name = hashlib.sha256(str(pinned).encode()).hexdigest()[:32]
        self.path = state_folder() / FOLDER / f"{name}.json"
        self._memory: tuple[str | None, str | None] = (None, None)

    def read(self) -> tuple[str | None, str | None]:
        """The last note seen and the last that the pinned key signed; VerificationError."""
        try:
            content = self.path.read_bytes()
        except OSError:
            return self._memory  # none yet, or a home that cannot be read: this process remembers
        try:
            said = json.loads(content)
            seen, kept = said["seen"], said["kept"]
            there = unverified_checkpoint(seen)
            if kept is not None:
                unverified_checkpoint(kept)
            if there.origin != self._pinned.name:
                raise ValueError("another log")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise VerificationError(
                f"what was last seen of the log is damaged: {self.path}",
                next_step="find out who changed it; without the file the log is followed from the "
                "pinned key alone",
            ) from error
        mine = self._memory[0]
        if mine is not None and unverified_checkpoint(mine).size > there.size:
            return self._memory
        return seen, kept

    def write(self, note: str) -> None:
        """Remember a head that was verified; without a place to write, until the process ends."""
        seen, kept = self.read()
        size = unverified_checkpoint(note).size
        if seen is not None and unverified_checkpoint(seen).size > size:
            return  # another process has seen more
        with contextlib.suppress(EvidenceError):
            read_checkpoint(note, [self._pinned])
            kept = note
        self._memory = (note, kept)
        draft = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft.write_text(json.dumps({"seen": note, "kept": kept}), encoding="utf-8")
            draft.replace(self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            _log.info("what was seen of the log is not kept: %s", error.strerror)
