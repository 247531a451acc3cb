"""The place in the log that an export is made from, so that it can be made again and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aims_mlops.errors import EvidenceNotFoundError
from aims_mlops.exports.basis.identity import uuid_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aims_mlops.evidence.records import Record
    from aims_mlops.evidence.store import EvidenceStore, StoreStatus


@dataclass(frozen=True, slots=True)
class Position:
    """The log's first `size` records.

    at : when the log received the last of them, RFC 3339 UTC: the time of whatever is exported.
    checkpoint : the signed note over them.
    """

    log_id: str
    size: int
    root: str
    at: str
    checkpoint: str | None
    anchored: bool

    def uuid(self, *parts: str) -> str:
        """An id that is the same for the same thing at the same position of the same log."""
        return uuid_of(self.log_id, str(self.size), self.root, *parts)

    def until(self, records: Iterable[Record]) -> Iterator[Record]:
        """Those of the records that were there; others may have come while we read."""
        return (record for record in records if record.sequence < self.size)

    def named(self) -> dict[str, str]:
        """Log, place and signed checkpoint, as names and texts for whatever format."""
        found = {"log": self.log_id, "size": str(self.size), "root": self.root}
        if self.checkpoint is not None:
            found["checkpoint"] = self.checkpoint
        return {**found, "anchored": "yes" if self.anchored else "no"}


def position_of(store: EvidenceStore, status: StoreStatus | None = None) -> Position:
    """The newest position of a log. Raises EvidenceNotFoundError for an empty one."""
    status = status if status is not None else store.status()
    last = next(iter(store.find(since=max(0, status.size - 1), limit=1)), None)
    if status.size == 0 or last is None:
        raise EvidenceNotFoundError(
            "the log is empty: there is nothing to export", next_step="aims status"
        )
    return Position(
        log_id=status.log_id,
        size=status.size,
        root=status.root,
        at=last.received_at,
        checkpoint=status.checkpoint,
        anchored=status.anchored,
    )
