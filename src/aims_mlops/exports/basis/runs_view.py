"""The runs of one AI system at one position of the log, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from typing import TYPE_CHECKING

from aims_mlops.errors import InputError
from aims_mlops.exports.basis.position import Position, position_of
from aims_mlops.inventory.renames import KIND, Names

if TYPE_CHECKING:
    from aims_mlops.evidence.records import Record
    from aims_mlops.evidence.store import EvidenceStore


@dataclass(frozen=True)
class RunsView:
    """The runs of a system; what belongs to a run is read when it is its turn."""

    position: Position
    system: str
    store: EvidenceStore
    names: tuple[str, ...]

    def runs(self) -> Iterator[tuple[Record, list[Record]]]:
        """Each run's record, in the order of the log, with the other records of that run."""
        parts = [self.store.find(kind="run", system=name) for name in self.names]
        for record in self.position.until(merge(*parts, key=lambda record: record.sequence)):
            run = record.evidence.run
            others = self.store.find(run=run) if run is not None else iter(())
            yield record, [r for r in self.position.until(others) if r.id != record.id]


def runs_view(store: EvidenceStore, system: str) -> RunsView:
    """The runs of a system, under every id that it had. InputError if the log has none."""
    position = position_of(store)
    known = Names(position.until(store.find(kind=KIND)))
    names = tuple(known.of(known.current(system)))
    if not any(next(iter(store.find(kind="run", system=n, limit=1)), None) for n in names):
        raise InputError(
            f"no run of system {system!r} is recorded",
            expected="the id of an AI system with runs in the log",
            next_step="aims evidence list --kind run",
        )
    return RunsView(position, known.current(system), store, names)
