"""What the log says of one AI system at one position: its controls, and what was found wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from typing import TYPE_CHECKING

from aims_mlops.errors import InputError
from aims_mlops.evidence import clock
from aims_mlops.evidence.kinds import SHARED_KINDS
from aims_mlops.exports.basis.position import Position, position_of
from aims_mlops.inventory.renames import KIND, Names
from aims_mlops.report.coverage.coverage import Coverage, cover

if TYPE_CHECKING:
    from aims_mlops.evidence.records import Record
    from aims_mlops.evidence.store import EvidenceStore


@dataclass(frozen=True)
class SystemView:
    """One AI system. declared : the newest record of how the inventory declares it."""

    position: Position
    system: str
    coverage: Coverage
    declared: Record | None


def system_view(store: EvidenceStore, system: str) -> SystemView:
    """What the log says of a system, by its newest id. InputError if it says nothing."""
    status = store.status()
    position = position_of(store, status)
    known = Names(position.until(store.find(kind=KIND)))
    system = known.current(system)
    names = known.of(system)
    if not any(next(iter(store.find(system=name, limit=1)), None) for name in names):
        raise InputError(
            f"no evidence of system {system!r}",
            expected="the id of an AI system in the log",
            next_step="aims status",
        )

    def records() -> Iterator[Record]:
        parts = [store.find(system=name) for name in names]
        shared = (r for r in store.find(kind=SHARED_KINDS) if r.evidence.system is None)
        yield from position.until(merge(*parts, shared, key=lambda record: record.sequence))

    covered = cover(records(), clock.parse(position.at), system=system, log=status)
    declared = None
    for name in names:
        for record in position.until(store.find(kind="system", system=name, newest_first=True)):
            if declared is None or record.sequence > declared.sequence:
                declared = record
            break
    return SystemView(position, system, covered, declared)
