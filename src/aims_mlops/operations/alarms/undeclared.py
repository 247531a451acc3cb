"""What goes on though aims.yaml has it no longer, or otherwise: systems and schedules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.kinds import USE_KINDS
from aims_mlops.evidence.records import Record, Subject
from aims_mlops.inventory.renames import KIND as RENAME
from aims_mlops.inventory.renames import Names
from aims_mlops.operations.alarms.alarm import Alarm
from aims_mlops.operations.in_use import InUse, in_use
from aims_mlops.operations.nonconformity import Severity
from aims_mlops.operations.schedule.plans import difference
from aims_mlops.operations.schedule.schedules import Schedule

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore
    from aims_mlops.inventory.project import Project

UNDECLARED = "undeclared-system"
NOT_BEGUN = "schedule-not-begun"


def undeclared_systems(store: EvidenceStore, project: Project, now: datetime) -> list[Alarm]:
    """An alarm for each system that is in operation and that aims.yaml does not declare.

    Raises StoreUnavailableError.
    """
    records = tuple(store.find(kind=(*USE_KINDS, RENAME)))
    declared = {system.id for system in project.systems}
    return [
        Alarm(
            key=f"{UNDECLARED}/{id_}",
            what=UNDECLARED,
            severity="major",
            system=id_,
            reason=f"{id_} is in operation ({', '.join(use.words for use in uses[:3])}"
            f"{f' and {len(uses) - 3} more' if len(uses) > 3 else ''}) and aims.yaml declares no "
            "such system",
            next_step=f"declare {id_} again, or record its new name: aims system rename {id_} NEW "
            "--reason TEXT; or end its deployments and take its promotions away",
            since=stamp(now),
            subjects=(Subject.of_name(f"system:{id_}"),),
        )
        for id_, uses in _by_system(records).items()
        if id_ not in declared
    ]


def of_record(schedule: Schedule) -> Iterator[Alarm]:
    """What aims.yaml says of a schedule otherwise than the log: not begun, changed, deleted."""
    name, declared, stands = schedule.name, schedule.declared, schedule.stands
    if declared is None:
        if stands is not None and schedule.system_declared:
            yield _alarm(
                schedule,
                "schedule-deleted",
                "major",
                f"{name} is no longer in aims.yaml and nobody has ended it; it stays due",
                f"aims monitor end {name} --reason TEXT, or put it back",
            )
    elif stands is None:
        if schedule.operation.goes_on:
            yield _alarm(
                schedule,
                NOT_BEGUN,
                "major",
                f"{name} is in aims.yaml and has not begun, though the system is in operation",
                "aims monitor run begins it; see that a scheduler calls it",
            )
    elif other := difference(stands.monitor, declared):
        yield _alarm(
            schedule,
            "schedule-changed",
            "minor",
            f"{name} runs as recorded ({other} as in aims.yaml)",
            f"aims monitor change {name} --reason TEXT, or put aims.yaml right",
        )


def _alarm(schedule: Schedule, what: str, severity: Severity, reason: str, next_step: str) -> Alarm:
    return Alarm(
        key=f"{what}/{schedule.name}",
        what=what,
        severity=severity,
        system=schedule.system.id,
        reason=reason,
        next_step=next_step,
        since=stamp(schedule.plans[-1].since) if schedule.plans else _began(schedule),
        subjects=(schedule.subject,),
        tell=schedule.monitor.tell,
    )


def _began(schedule: Schedule) -> str:
    return stamp(schedule.operation.periods[-1][0])


def _by_system(records: Iterable[Record]) -> dict[str, list[InUse]]:
    records = tuple(records)
    names = Names(records)
    found: dict[str, list[InUse]] = {}
    for use in in_use(records):
        if use.system is not None:
            found.setdefault(names.current(use.system), []).append(use)
    return found
