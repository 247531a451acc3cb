"""What verifying a log came to, and the state to go on from later."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from aims_mlops.errors import EvidenceFormatError
from aims_mlops.evidence import clock
from aims_mlops.evidence.transparency.merkle import root_of


@dataclass(frozen=True, slots=True)
class Verified:
    """What was verified, to go on from later; the auditor keeps it, not the store."""

    log_id: str
    size: int
    root: str
    frontier: tuple[str, ...]
    received: str = ""  # when the newest of them was; time runs forward from there

    def to_json(self) -> str:
        """What is kept for the next, incremental verification."""
        return json.dumps(
            {
                "log_id": self.log_id,
                "size": self.size,
                "root": self.root,
                "frontier": list(self.frontier),
                "received": self.received,
            },
            indent=1,
        )

    @classmethod
    def from_json(cls, text: str) -> Verified:
        """Read it back; raises EvidenceFormatError."""
        try:
            found = json.loads(text)
            frontier = tuple(found["frontier"])
            received = str(found.get("received", ""))  # versions before did not keep it
            state = cls(found["log_id"], found["size"], found["root"], frontier, received)
            if received:
                clock.parse(received)
            if root_of([bytes.fromhex(h) for h in frontier]).hex() != state.root:
                raise ValueError("the frontier does not give the root")
        except (ValueError, KeyError, TypeError) as error:
            raise EvidenceFormatError(f"not the state of a verified log: {error}") from error
        return state


@dataclass(slots=True)
class Report:
    """The outcome: `holds` and `open_points` in words, and every failure."""

    log_id: str = ""
    size: int = 0
    root: str = ""
    since: int = 0
    checked: int = 0
    signatures: int = 0
    blobs: int = 0
    holds: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    open_points: list[str] = field(default_factory=list)
    verified: Verified | None = None
    latest: str = ""  # when the newest record was received

    @property
    def ok(self) -> bool:
        """Whether nothing failed; open points are not failures."""
        return not self.failures
