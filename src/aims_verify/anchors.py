"""Checkpoints from outside: one that the auditor kept, and those that the log was anchored with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.x509 import Certificate

from aims_verify.bundle import Header
from aims_verify.encoding import from_base64
from aims_verify.findings import Findings, UnreadableError, counted
from aims_verify.merkle import GrowingTree, consistency_holds
from aims_verify.note import Checkpoint
from aims_verify.timestamp import check_token

Said = tuple[str, ...]


def said_in(anchor: Mapping[str, Any]) -> Said:
    """What a line or a record says of an anchor: checkpoint, method, place and token, if any."""
    return tuple(str(anchor.get(n, "")) for n in ("checkpoint", "method", "place", "token"))


@dataclass(slots=True)
class _Wanted:
    """A checkpoint that the log must continue; `root` is the log's own root at its size."""

    checkpoint: Checkpoint
    name: str
    root: bytes | None = None


class Anchors:
    """Holds the log against each checkpoint from outside while the records pass by."""

    def __init__(
        self,
        header: Header,
        findings: Findings,
        kept: Checkpoint | None,
        roots: Sequence[Certificate] = (),
    ) -> None:
        self._header, self._findings = header, findings
        self._wanted: list[_Wanted] = []
        self._paths: dict[int, list[bytes]] = {}
        self._given: list[tuple[int, Said]] = []
        self._places: list[str] = []
        self._kept, self._roots = kept, roots
        self.continued: Checkpoint | None = None  # the kept one, once the log is proved to go on
        if kept is not None:
            self._wanted.append(_Wanted(kept, "the checkpoint you kept"))
        self._sizes = {wanted.checkpoint.size for wanted in self._wanted}
        self._at_size(0, GrowingTree().root())

    def take(self, found: dict[str, Any]) -> None:
        """An anchor's line; raises ValueError."""
        try:
            checkpoint = Checkpoint.parse(found["checkpoint"])
        except UnreadableError as error:
            raise ValueError(str(error)) from error
        self._given.append((int(found["sequence"]), said_in(found)))
        method, place = str(found["method"]), str(found["place"])
        if "token" in found:
            self._take_token(found, checkpoint, place)
        self._places.append(f"{place[:200]} ({method[:40]}, {counted(checkpoint.size, 'record')})")
        self._wanted.append(
            _Wanted(checkpoint, f"the checkpoint on record as anchored in {place[:200]}")
        )
        self._sizes.add(checkpoint.size)
        self._at_size(0, GrowingTree().root())

    def _take_token(self, found: dict[str, Any], checkpoint: Checkpoint, place: str) -> None:
        text = f"the time-stamp token of {place[:200]} over {counted(checkpoint.size, 'record')}"
        if not self._roots:
            self._findings.unchecked.append(
                f"{text}: give the root certificate of the authority with --tsa-root"
            )
            return
        try:
            token = from_base64(found["token"])
            if token is None:
                raise ValueError("it is not base64")
            time = check_token(token, str(found["checkpoint"]).encode(), self._roots)
        except ValueError as error:
            self._findings.fail(f"{text} does not hold: {error}")
            return
        self._findings.holds.append(
            f"a time-stamp authority saw the checkpoint of {counted(checkpoint.size, 'record')} at "
            f"{time.isoformat()}: they existed before"
        )

    def take_path(self, found: dict[str, Any]) -> None:
        """A consistency proof's line, from `size` to the bundle's checkpoint."""
        path = [from_base64(item) for item in found["path"]]
        self._paths[int(found["size"])] = [hashed for hashed in path if hashed is not None]

    def passed(self, tree: GrowingTree) -> None:
        """Another record is in the tree."""
        if tree.size in self._sizes:
            self._at_size(tree.size, tree.root())

    def _at_size(self, size: int, root: bytes) -> None:
        for wanted in self._wanted:
            if wanted.checkpoint.size == size:
                wanted.root = root

    def sum_up(self, recorded: Sequence[tuple[int, Said]]) -> None:
        """Say of each checkpoint whether the log continues it.

        recorded : (sequence, what it says) of every record of an anchor. The lines come before the
        records and nobody signed them, so each must say the same as its record, once.
        """
        for wanted in self._wanted:
            self._check(wanted)
        if sorted(recorded) != sorted(self._given):
            self._findings.fail("the bundle's anchors are not those on record")
        if self._places:
            self._findings.unchecked.append(
                "whether these anchors are really there: "
                + "; ".join(self._places[-5:])
                + ". Fetch the newest checkpoint from there and give it with --checkpoint"
            )
        elif self._kept is None:
            self._findings.unchecked.append(
                "unanchored: nobody outside holds a checkpoint of this log, so whoever has both "
                "its database and its key could have rewritten all of it. Keep this bundle's "
                "checkpoint, and give it with --checkpoint next time"
            )

    def _check(self, wanted: _Wanted) -> None:
        header, findings = self._header, self._findings
        old, top, name = wanted.checkpoint, header.checkpoint, wanted.name
        text = f"{name} ({counted(old.size, 'record')})"
        if old.origin != top.origin:
            findings.fail(f"{name} is of another log", old.origin[:120])
            return
        if old.signed_by(key.public for key in header.keys) is None:
            findings.fail(f"{name} is not signed by any key that this bundle lists")
            return
        if old.signed_by(key.public for key in header.in_force(old.size)) is None:
            findings.fail(f"{name} is signed by a key that was not the log's at that time")
            return
        if old.size > top.size:
            findings.fail(
                f"the log is shorter than {text}: it has {top.size:,}. Records were cut off, an "
                "old backup was restored, or this bundle is older than that checkpoint"
            )
            return
        if header.scope is None:
            same = wanted.root == old.root
        elif old.size == top.size:
            same = old.root == top.root
        elif old.size in self._paths:
            same = consistency_holds(old.size, top.size, old.root, top.root, self._paths[old.size])
        else:
            findings.unchecked.append(
                f"whether the log continues {text}: a bundle of a part of the log needs a proof "
                "for it. Export again with --since FILE"
            )
            return
        findings.expect(
            same,
            f"the log continues {text}: nothing before it was changed",
            f"the log does not continue {text}: what was in it was rewritten",
        )
        if same and old is self._kept:
            self.continued = old
