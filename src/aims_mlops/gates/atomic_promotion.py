"""A decision and the write that it allows, with nothing in between.

The log's own lock orders the two. While the decision's record is being appended, no approval can be
taken back: the write happens inside that append, and its failure takes the record with it. A store
that is reached over HTTP has no such lock; there the log is read once more right before the write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import AimsError
from aims_mlops.evidence.kind_spec import Bears
from aims_mlops.evidence.kinds import bears_of
from aims_mlops.evidence.records import Evidence, Record

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

Write = Callable[[], object]

TRIES = 20  # decisions made anew because the log changed meanwhile


class DecisionOvertakenError(AimsError):
    """The log changed after the evidence was read; the decision has to be made again."""


class WriteFailedError(AimsError):
    """The write that a decision allowed did not happen; the cause is on `__cause__`."""


class Tied:
    """Appends an allowed decision together with its write.

    size : of the log when the evidence was read.  system : that the decision is about.
    """

    def __init__(self, store: EvidenceStore, size: int, system: str | None, write: Write) -> None:
        self._store = store
        self._size = size
        self._system = system
        self._write = write

    def append(self, evidence: Evidence) -> Record:
        """Raises DecisionOvertakenError before, WriteFailedError instead of, the write."""
        append_with: Any = getattr(self._store, "append_with", None)
        if append_with is not None:
            found: Record = append_with(evidence, self._checked_write)
            return found
        record = self._store.append(evidence)
        self._look_again()
        self._do()
        return record

    def hold(self) -> None:
        """The write alone, for a decision that is in the log already; raises the same errors."""
        hold: Any = getattr(self._store, "hold", None)
        if hold is not None:
            hold(self._checked_write)
            return
        self._look_again()
        self._do()

    def _look_again(self) -> None:
        for other in self._store.find(since=self._size):
            if self._matters(other.evidence.kind, other.evidence.system):
                raise DecisionOvertakenError("the log changed while the gate decided")

    def _checked_write(self, connection: Any) -> None:
        import sqlalchemy as sa

        from aims_mlops.store.database.tables import records

        query = sa.select(records.c.kind, records.c.system).where(records.c.sequence >= self._size)
        for kind, system in connection.execute(query):
            if self._matters(kind, system):
                raise DecisionOvertakenError("the log changed while the gate decided")
        self._do()

    def _matters(self, kind: str, system: str | None) -> bool:
        bears = bears_of(kind)
        anywhere = bears is Bears.EVERY_SYSTEM or system is None
        return bears is not Bears.NONE and (anywhere or system == self._system)

    def _do(self) -> None:
        try:
            self._write()
        except Exception as error:
            raise WriteFailedError(
                "the decision allowed it, and the registry then failed",
                got=f"{type(error).__name__}: {error}",
                next_step="see the registry's own message, then ask again",
            ) from error
