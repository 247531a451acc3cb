"""What people do about schedules and names of systems: each a record with a reason, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import GovernanceError, InputError
from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.inventory.renames import KIND as RENAME
from aims_mlops.inventory.renames import Names
from aims_mlops.operations.lifecycle import sentence
from aims_mlops.operations.schedule.plans import KIND, difference
from aims_mlops.operations.schedule.schedules import Schedule, schedules

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore
    from aims_mlops.inventory.project import Project

DECLARED = "declared in aims.yaml"


def begin_schedules(store: EvidenceStore, project: Project, now: datetime) -> list[Record]:
    """Record that what aims.yaml declares has begun, where no record says so yet.

    What was overdue by then is not due under it: adding a schedule makes no misses in the past.
    Raises StoreUnavailableError.
    """
    from aims_mlops.inventory.actor import current_actor

    actor = current_actor(project)
    return [
        _record(store, schedule, "begun", DECLARED, actor=actor, now=now)
        for schedule in schedules(store, project.systems, now)
        if schedule.declared is not None
        and (schedule.stands is None or not schedule.stands.recorded)
    ]


def change_schedule(
    store: EvidenceStore, project: Project, name: str, *, actor: str, now: datetime, reason: str
) -> Record:
    """Record that a schedule runs as aims.yaml says from now on; what was due before stays due.

    name : SYSTEM/MONITOR.  Raises InputError for one that is not declared or needs no change.
    """
    schedule = _named(store, project, name, now)
    stands = schedule.stands
    if schedule.declared is None:
        raise InputError(
            f"aims.yaml has no schedule {name}",
            next_step=f"aims monitor end {name} --reason TEXT, or put it back",
        )
    if stands is None:
        return _record(
            store, schedule, "begun", sentence("the reason", reason), actor=actor, now=now
        )
    if not difference(stands.monitor, schedule.declared):
        raise InputError(f"{name} runs as aims.yaml says", next_step="edit aims.yaml first")
    return _record(store, schedule, "changed", sentence("the reason", reason), actor=actor, now=now)


def end_schedule(
    store: EvidenceStore, project: Project, name: str, *, actor: str, now: datetime, reason: str
) -> Record:
    """Record that a schedule has ended; what was due before stays due.

    name : SYSTEM/MONITOR.  Raises InputError for one that stands in aims.yaml or has ended.
    """
    schedule = _named(store, project, name, now)
    if schedule.declared is not None:
        raise GovernanceError(
            f"{name} stands in aims.yaml and would begin again",
            next_step="take it out of aims.yaml first",
        )
    if schedule.stands is None:
        raise InputError(f"{name} has ended already", next_step="aims monitor status")
    return _record(store, schedule, "ended", sentence("the reason", reason), actor=actor, now=now)


def rename_system(
    store: EvidenceStore,
    project: Project,
    old: str,
    new: str,
    *,
    actor: str,
    now: datetime,
    reason: str,
) -> Record:
    """Record that a system has another id; its history counts for the new one from now on.

    Raises InputError for an id that the log does not know, one that aims.yaml still declares, or a
    new one that it does not declare.
    """
    words = sentence("the reason", reason)
    if project.system(new) is None:
        raise InputError(
            f"aims.yaml declares no AI system {new!r}",
            expected=", ".join(s.id for s in project.systems) or "systems in aims.yaml",
            next_step="write the new id into aims.yaml first",
        )
    if project.system(old) is not None:
        raise InputError(
            f"aims.yaml still declares {old!r}",
            next_step="give that system its new id there, and say so here",
        )
    names = Names(store.find(kind=RENAME))
    if names.current(old) != old:
        raise InputError(f"{old!r} was renamed before", got=f"it is {names.current(old)!r} now")
    if next(store.find(system=old, limit=1), None) is None:
        raise InputError(
            f"the log knows no AI system {old!r}",
            next_step="aims status shows those that are in operation",
        )
    return store.append(
        Evidence(
            kind=RENAME,
            subjects=(Subject.of_name(f"system:{old}"), Subject.of_name(f"system:{new}")),
            body={"from": old, "to": new, "reason": words},
            actor=actor,
            claimed_at=stamp(now),
            system=new,
        )
    )


def _named(store: EvidenceStore, project: Project, name: str, now: datetime) -> Schedule:
    found = schedules(store, project.systems, now)
    for schedule in found:
        if schedule.name == name:
            return schedule
    raise InputError(
        f"there is no schedule {name!r}",
        expected=", ".join(schedule.name for schedule in found) or "none is declared yet",
        next_step="aims monitor status",
    )


def _record(
    store: EvidenceStore,
    schedule: Schedule,
    event: str,
    reason: str,
    *,
    actor: str,
    now: datetime,
) -> Record:
    body: dict[str, Any] = {"event": event, "monitor": schedule.monitor.id, "reason": reason}
    if event != "ended" and schedule.declared is not None:
        body["settings"] = schedule.declared.model_dump(mode="json")
    if event == "changed" and schedule.stands is not None:
        body["before"] = schedule.stands.monitor.model_dump(mode="json")
    return _append(store, schedule, body, actor=actor, now=now)


def _append(
    store: EvidenceStore,
    schedule: Schedule,
    body: Mapping[str, Any],
    *,
    actor: str,
    now: datetime,
) -> Record:
    return store.append(
        Evidence(
            kind=KIND,
            subjects=(schedule.subject,),
            body=body,
            actor=actor,
            claimed_at=stamp(now),
            system=schedule.system.id,
        )
    )
