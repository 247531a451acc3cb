"""A decision and the write that it allows, with nothing in between.

The log's own lock orders the two. While the decision's record is being appended, no approval can be
taken back: the write happens inside that append, and its failure takes the record with it. A store
that is reached over HTTP has no such lock; there the log is read once more right before the write.
"""

from __future__ import annotations

from collections.abc import Callable

from aims_mlops.errors import AimsError
from aims_mlops.evidence.kind_spec import Bears
from aims_mlops.evidence.kinds import bears_of
from aims_mlops.evidence.records import Evidence, Record
from aims_mlops.evidence.store import EvidenceStore, append_if_unchanged

Write = Callable[[], object]

TRIES = 20  # decisions made anew because the log changed meanwhile


class WriteFailedError(AimsError):
    """The write that a decision allowed did not happen; the cause is on `__cause__`."""


class AtomicPromotion:
    """Appends an allowed decision together with its write.

    size : of the log when the evidence was read.  system : that the decision is about.
    """

    def __init__(self, store: EvidenceStore, size: int, system: str | None, write: Write) -> None:
        self._store = store
        self._size = size
        self._system = system
        self._write = write

    def append(self, evidence: Evidence) -> Record:
        """Raises LogChangedError before, WriteFailedError instead of, the write."""
        record = self._append(evidence)
        assert record is not None
        return record

    def hold(self) -> None:
        """The write alone, for a decision that is in the log already; raises the same errors."""
        self._append(None)

    def _append(self, evidence: Evidence | None) -> Record | None:
        return append_if_unchanged(
            self._store, evidence, since=self._size, matters=self._matters, write=self._do
        )

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
