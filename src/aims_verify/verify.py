"""Verify a bundle: read it once from front to end, and say what holds, fails and is open."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path
from typing import IO, Any

from cryptography.x509 import Certificate

from aims_verify.anchors import Anchors, said_in
from aims_verify.blobs import BlobCheck
from aims_verify.bundle import Header, Lines, read_line
from aims_verify.findings import Findings, counted
from aims_verify.keys import Pinned, check_keys, check_pinned
from aims_verify.merkle import GrowingTree
from aims_verify.note import Checkpoint
from aims_verify.record import CLOCK_CHANGE, RECORD, Checked, check_records
from aims_verify.times import Clock
from aims_verify.withheld import check_withheld

CHUNK_BYTES = 512 * 1024  # of record lines given to a core at a time
PARALLEL_FROM = 4 * 1024 * 1024  # bytes; a smaller bundle is done before other processes start


def verify(
    path: Path,
    *,
    kept: Checkpoint | None = None,
    keys: Pinned = (),
    roots: Sequence[Certificate] = (),
    cores: int | None = None,
    accept_withheld: bool = False,
) -> Findings:
    """Findings about the bundle at `path`.

    kept : a checkpoint that the auditor kept from earlier.  keys : (id, raw bytes or b'', perhaps
    the name) of keys that the auditor knows to be the log's.  roots : of time-stamp authorities.
    cores : processes to use; every core when None.  accept_withheld : whether content that the
    export says it leaves out is no failure.
    Raises UnreadableError, OSError.
    """
    findings = Findings()
    with path.open("rb") as file:
        lines = Lines(file, findings)
        cores = cores or os.cpu_count() or 1
        if cores > 1 and path.stat().st_size >= PARALLEL_FROM:
            # spawn: nothing of this process, its open file above all, leaks into the workers
            pool: Any = ProcessPoolExecutor(cores, mp_context=get_context("spawn"))
        else:
            pool = nullcontext()
        with pool as executor:
            done = _Verification(lines.header, findings, kept, keys, roots)
            done.accept_withheld = accept_withheld
            done.run(lines, executor, cores)
    return findings


class _Verification:
    def __init__(
        self,
        header: Header,
        findings: Findings,
        kept: Checkpoint | None,
        keys: Pinned,
        roots: Sequence[Certificate],
    ) -> None:
        self.header, self.findings = header, findings
        self.kept, self.pinned = kept, keys
        self.accept_withheld = False
        self.clock = Clock(findings)
        self.tree = GrowingTree()
        self.anchors = Anchors(header, findings, kept, roots)
        self.blobs = BlobCheck(findings)
        self.totals = Checked()
        self.count = 0
        self.last = -1

    def run(self, lines: Lines, executor: Executor | None, cores: int) -> None:
        """Go through every line, then sum up."""
        waiting: deque[Checked | Future[Checked]] = deque()
        for chunk in self._chunks(lines):
            waiting.append(
                executor.submit(check_records, chunk, self.header)
                if executor is not None
                else check_records(chunk, self.header)
            )
            # Bounded, so that memory does not grow with the bundle.
            while len(waiting) > 2 * cores:
                self._take(waiting.popleft())
        for done in waiting:
            self._take(done)
        self._sum_up()

    def _chunks(self, lines: Lines) -> Iterator[list[bytes]]:
        chunk: list[bytes] = []
        size = 0
        for line in lines:
            if not line.startswith(RECORD):
                self._other(line)
                continue
            chunk.append(line)
            size += len(line)
            if size >= CHUNK_BYTES:
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk

    def _other(self, line: bytes) -> None:
        try:
            found = read_line(line)
            if "blob" in found:
                self.blobs.take(found["blob"])
            elif "anchor" in found and not self.count:
                self.anchors.take(found["anchor"])
            elif "consistency" in found:
                self.anchors.take_path(found["consistency"])
            else:
                self.findings.fail("a line of unknown kind")
        except (ValueError, KeyError, TypeError):
            self.findings.fail("a line is malformed")

    def _take(self, done: Checked | Future[Checked]) -> None:
        checked = done.result() if isinstance(done, Future) else done
        for what, place in checked.problems:
            self.findings.fail(what, place)
        whole = self.header.scope is None
        for sequence, hashed, received, kind in checked.leaves:
            self.count += 1
            if sequence <= self.last and sequence >= 0:
                self.findings.fail("records out of order or repeated", f"record {sequence}")
            elif whole and sequence != self.tree.size:
                self.findings.fail("a record is missing or misplaced", f"record {self.tree.size}")
            self.last = max(self.last, sequence)
            if sequence >= 0:
                self.clock.take(sequence, received, kind)
            self.tree.append(hashed)
            self.anchors.passed(self.tree)
        self.blobs.refer(checked.blobs, checked.sizes)
        for name in (
            "signatures",
            "strangers",
            "passkeys",
            "unknown",
            "withheld",
            "special",
            "handovers",
        ):
            setattr(self.totals, name, getattr(self.totals, name) + getattr(checked, name))
        self.totals.begun |= checked.begun

    def _sum_up(self) -> None:
        header, findings, totals = self.header, self.findings, self.totals
        top = header.checkpoint
        check_keys(header, findings, totals.handovers, totals.begun)
        check_withheld(
            header, findings, totals.withheld, _erased(totals), accepted=self.accept_withheld
        )
        if header.scope is None:
            whole = (
                f"the {counted(self.count, 'record')} are the whole log up to its checkpoint"
                if not totals.withheld
                else f"the leaves of {counted(self.count, 'record')} are those under the checkpoint"
            )
            findings.expect(
                self.tree.size == top.size and self.tree.root() == top.root,
                f"{whole}: root {top.root.hex()}",
                f"the records do not give the checkpoint's root ({self.count:,} records here, "
                f"{top.size:,} in the checkpoint)",
            )
        elif not findings.fails:
            findings.holds.append(
                f"each of the {counted(self.count, 'record')} is proved to be in the log of "
                f"{top.size:,} under the checkpoint"
            )
        if totals.signatures:
            findings.holds.append(
                f"{counted(totals.signatures, 'signature')} of the log over records hold"
            )
        if totals.passkeys:
            findings.holds.append(
                f"{counted(totals.passkeys, 'signature')} by passkeys of people hold, each over "
                "its whole record"
            )
        self.anchors.sum_up(
            [(seq, said_in(body)) for kind, seq, body in totals.special if kind == "anchor"]
        )
        check_pinned(header, findings, self.pinned, self.anchors.continued)
        self.blobs.sum_up(_erased(totals))
        self._open_questions()

    def _open_questions(self) -> None:
        header, totals, unchecked = self.header, self.totals, self.findings.unchecked
        if not self.pinned and self.kept is None:
            unchecked.append(
                "whose log this is: its key is not pinned. Compare "
                + ", ".join(key.id for key in header.keys)
                + " with what you got by another way, or give it with --key"
            )
        for kind, sequence, body in totals.special:
            if kind == "key-revocation":
                unchecked.append(
                    f"key {str(body.get('key_id'))[:16]} was revoked: what it signed from record "
                    f"{body.get('since')} on is in doubt unless an anchor is older"
                )
            elif kind == CLOCK_CHANGE:
                unchecked.append(
                    f"when the records before record {sequence} were received: the log's clock was "
                    "set back there"
                )
        if header.scope is not None:
            chosen = ", ".join(f"{k} {v}" for k, v in sorted(header.scope.items())) or "a selection"
            unchecked.append(
                f"completeness: this bundle holds a part of the log ({chosen}); that nothing of it "
                "was left out can only be checked with a bundle of the whole log"
                + ("" if header.signed else ", and the log did not sign what was chosen")
            )
        if totals.strangers:
            unchecked.append(
                f"{counted(totals.strangers, 'signature')} by keys that are not the log's "
                "(of people): the bundle does not say whose they are"
            )
        if totals.unknown:
            unchecked.append(
                f"{counted(totals.unknown, 'leaf')} of a version that this verifier does not know"
            )


def _erased(totals: Checked) -> set[str]:
    """Digests of the blobs whose erasure or pruning the log records."""
    found: set[str] = set()
    for kind, _, body in totals.special:
        if kind in ("erasure", "retention") and isinstance(body.get("blobs"), list):
            found.update(str(digest) for digest in body["blobs"])
    return found


def open_kept(file: IO[bytes]) -> Checkpoint:
    """A kept checkpoint; raises UnreadableError."""
    return Checkpoint.parse(file.read(65_536).decode("utf-8", "replace"))
