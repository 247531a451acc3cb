"""Every schedule of every system that the log or aims.yaml knows, with what the log says of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from aims_mlops.evidence.kinds import PLAN_KINDS, USE_KINDS
from aims_mlops.evidence.records import Record, Subject
from aims_mlops.inventory.declared.monitor import Monitor
from aims_mlops.inventory.declared.system import System
from aims_mlops.inventory.renames import KIND as RENAME
from aims_mlops.inventory.renames import Names
from aims_mlops.operations.schedule.due_runs import (
    RUN_KIND,
    Missed,
    Operation,
    Scheduled,
    happened,
    missed,
    operation_of,
    scheduled,
)
from aims_mlops.operations.schedule.plans import Plan, current_plan, plans_of, under

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One monitor of one system, with what the log says of it.

    monitor : as declared, run when the log says.  declared : as aims.yaml has it; None if it has it
    no longer.  system_declared : whether aims.yaml has the system.  plans : in order of time.
    runs : every run that is due by now.  done, failed : run id -> newest record of runs that came
    to an end, and of those that only failed so far.  missed : what has not happened though its
    time is over.  all_names : of every system.
    """

    system: System
    monitor: Monitor
    operation: Operation
    runs: tuple[Scheduled, ...]
    done: dict[str, Record]
    failed: dict[str, Record]
    missed: tuple[Missed, ...]
    plans: tuple[Plan, ...] = ()
    declared: Monitor | None = None
    system_declared: bool = True
    all_names: Names = field(default_factory=Names)

    @property
    def name(self) -> str:
        """The AI system and the monitor, as one name."""
        return f"{self.system.id}/{self.monitor.id}"

    @property
    def names(self) -> tuple[str, ...]:
        """Under every id that the system has had."""
        return tuple(f"{id_}/{self.monitor.id}" for id_ in self.all_names.of(self.system.id))

    @property
    def stands(self) -> Plan | None:
        """The plan that goes on; None if it has not begun, or was ended."""
        return current_plan(self.plans)

    @property
    def subject(self) -> Subject:
        """The schedule as a subject."""
        return Subject.of_name(f"monitor:{self.name}")

    @property
    def waiting(self) -> tuple[Scheduled, ...]:
        """Runs that are due and have not happened."""
        return tuple(run for run in self.runs if run.id not in self.done)


def schedules(
    store: EvidenceStore, systems: Iterable[System], now: datetime, *, only: str | None = None
) -> tuple[Schedule, ...]:
    """Every monitor of the systems that aims.yaml declares, and of those that the log knows.

    only : of this system alone.  Raises StoreUnavailableError.
    """
    said = list(store.find(kind=(*PLAN_KINDS, RENAME)))
    names = Names(said)
    declared = tuple(systems)
    if not any(r.evidence.kind != "system" or r.evidence.body.get("monitoring") for r in said) and (
        not any(system.monitoring for system in declared)
    ):
        return ()
    # Of all systems: that a promotion was taken away may be noted without one.
    said += store.find(kind=USE_KINDS)
    runs: list[Record] = []
    if only is None:
        runs += store.find(kind=RUN_KIND)
    else:
        for name in names.of(only):
            runs += store.find(kind=RUN_KIND, system=name)
    ordered = sorted((*said, *runs), key=lambda record: record.sequence)
    return tuple(schedules_of(declared, ordered, now, only=only))


def schedules_of(
    systems: Iterable[System],
    records: Sequence[Record],
    now: datetime,
    *,
    only: str | None = None,
) -> list[Schedule]:
    """The same from records of SCHEDULE_KINDS in the order of the log. Pure."""
    names = Names(records)
    declared = {system.id: system for system in systems}
    known: dict[str, list[Record]] = {id_: [] for id_ in declared}
    for record in records:
        if record.evidence.kind in PLAN_KINDS and record.evidence.system is not None:
            known.setdefault(names.current(record.evidence.system), []).append(record)
    found: list[Schedule] = []
    for id_, of_system in known.items():
        if only not in (None, id_):
            continue
        plans = plans_of(of_system)
        system = declared.get(id_) or _last_declared(id_, of_system)
        monitors = {monitor.id: monitor for monitor in system.monitoring if id_ in declared}
        if not (monitors or plans):
            continue
        operation = operation_of(records, *names.of(id_))
        own = [r for r in records if r.evidence.kind == RUN_KIND and _is_of(r, names, id_)]
        found += [
            _schedule(
                system,
                monitors.get(monitor_id),
                plans.get(monitor_id, ()),
                operation,
                [r for r in own if r.evidence.body.get("monitor") == monitor_id],
                names,
                now,
                system_declared=id_ in declared,
            )
            for monitor_id in dict.fromkeys((*monitors, *plans))
        ]
    return found


def _schedule(
    system: System,
    declared: Monitor | None,
    plans: tuple[Plan, ...],
    operation: Operation,
    own: Sequence[Record],
    names: Names,
    now: datetime,
    *,
    system_declared: bool,
) -> Schedule:
    done, failed = happened(own)
    ids = names.of(system.id)
    runs = tuple(
        _as_recorded(run, ids, (done, failed))
        for run in scheduled(system.id, plans, operation, now)
    )
    monitor = declared or plans[-1].monitor
    if declared is not None and plans:
        monitor = under(plans[-1], declared)
    return Schedule(
        system=system,
        monitor=monitor,
        operation=operation,
        runs=runs,
        done=done,
        failed=failed,
        # A run that failed has happened, and says itself what is wrong.
        missed=tuple(missed(runs, (*done, *failed), now)),
        plans=plans,
        declared=declared,
        system_declared=system_declared,
        all_names=names,
    )


def _as_recorded(
    run: Scheduled, ids: Iterable[str], known: Iterable[dict[str, Record]]
) -> Scheduled:
    """Under the id that the system had when it happened; under that of now if it has not."""
    for id_ in ids:
        under_id = replace(run, system=id_)
        if any(under_id.id in records for records in known):
            return under_id
    return run


def _is_of(record: Record, names: Names, id_: str) -> bool:
    return record.evidence.system is not None and names.current(record.evidence.system) == id_


def _last_declared(id_: str, records: Iterable[Record]) -> System:
    found = System.model_construct(id=id_)  # the log may hold ids that aims.yaml cannot
    for record in records:
        if record.evidence.kind == "system":
            try:
                said = System.model_validate_json(json.dumps(record.evidence.body))
            except ValueError:
                continue  # of a newer version, or not ours
            found = said.model_copy(update={"id": id_})
    return found
