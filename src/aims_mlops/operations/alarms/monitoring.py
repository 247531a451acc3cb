"""What is wrong now with the monitoring of a system, computed from aims.yaml and the log.

Nothing here is stored, so that nothing has to run for an alarm to be seen: the command line, the
gate, reports and the server each ask. What becomes of an alarm is a nonconformity.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aims_mlops.evidence.clock import parse, stamp
from aims_mlops.evidence.records import Record, Subject
from aims_mlops.inventory.declared.system import System
from aims_mlops.inventory.renames import KIND as RENAME
from aims_mlops.inventory.renames import Names
from aims_mlops.operations.alarms.alarm import Alarm as Alarm
from aims_mlops.operations.alarms.inference_log import unlogged
from aims_mlops.operations.alarms.undeclared import of_record, undeclared_systems
from aims_mlops.operations.nonconformity import Nonconformity, nonconformities, open_nonconformity
from aims_mlops.operations.schedule.schedules import Schedule, schedules

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore
    from aims_mlops.inventory.project import Project

_SKEW = timedelta(minutes=5)  # that clocks of two machines may lie apart


def alarms(store: EvidenceStore, project: Project, now: datetime) -> tuple[Alarm, ...]:
    """What is wrong with the monitoring of every system. Raises StoreUnavailableError."""
    return _alarms(store, project.systems, now, project=project)


def alarms_from_log(store: EvidenceStore, now: datetime) -> tuple[Alarm, ...]:
    """The same from the log alone, for whoever has no aims.yaml: systems as declared last.

    Raises StoreUnavailableError.
    """
    systems: dict[str, System] = {}
    for record in store.find(kind="system"):
        try:
            declared = System.model_validate_json(json.dumps(record.evidence.body))
        except ValueError:
            continue  # of a newer version, or not ours
        systems[declared.id] = declared
    return _alarms(store, systems.values(), now)


def _alarms(
    store: EvidenceStore,
    systems: Iterable[System],
    now: datetime,
    *,
    project: Project | None = None,
) -> tuple[Alarm, ...]:
    known = nonconformities(store)
    operated = tuple(systems)
    found = [a for s in schedules(store, operated, now) for a in alarms_of(s, known)]
    missing = undeclared_systems(store, project, now) if project is not None else []
    return (*_clock(store, now), *missing, *unlogged(store, now), *found)


def alarms_of(schedule: Schedule, known: Iterable[Nonconformity] = ()) -> list[Alarm]:
    """What is wrong with one schedule: runs that did not happen, what the newest windows found,
    and what older ones found and no nonconformity of `known` tells.

    Each window has its findings, so that nothing depends on when the scheduler ran.
    """
    found = {alarm.key: alarm for alarm in (*_missed(schedule), *of_record(schedule))}
    by_window = sorted(schedule.done.values(), key=_start)
    newest = {str(r.evidence.body.get("stage")): r for r in by_window}
    if schedule.failed:
        newest["failed"] = max(schedule.failed.values(), key=_start)
    for record in newest.values():
        for finding in _findings(record):
            alarm = _found(schedule, record, finding)
            found.setdefault(alarm.key, alarm)
    told = Told(known, schedule.all_names)
    for record in by_window:
        for finding in _findings(record):
            alarm = _found(schedule, record, finding)
            if alarm.key not in found and alarm not in told:
                window = _start(record)[:16].replace("T", " ")
                found[alarm.key] = replace(alarm, reason=f"{alarm.reason} (window {window} UTC)")
    return list(found.values())


class Told:
    """What nonconformities tell of: an alarm is in it if none has to be opened for it."""

    def __init__(self, known: Iterable[Nonconformity], names: Names) -> None:
        self._until: dict[str, float] = {}
        for one in known:
            if one.key is not None:
                key = names.key(one.key)
                ended = float("inf") if one.is_open else float(one.steps[-1].sequence)
                self._until[key] = max(ended, self._until.get(key, -1.0))

    def __contains__(self, alarm: Alarm) -> bool:
        """Also one that was closed after the record that the alarm comes from."""
        until = self._until.get(alarm.key)
        if until is None:
            return False
        return until == float("inf") if alarm.told_by is None else until > alarm.told_by


def _start(record: Record) -> str:
    return str(record.evidence.body["window"]["start"])


def filed(
    store: EvidenceStore, project: Project, found: Iterable[Alarm], now: datetime
) -> list[Record]:
    """The nonconformity that each alarm is, opened if it was not known; those that are new."""
    told = Told(nonconformities(store), Names(store.find(kind=RENAME)))
    new = []
    for alarm in found:
        if alarm in told:
            continue
        system = project.system(alarm.system) if alarm.system else None
        new.append(
            open_nonconformity(
                store,
                key=alarm.key,
                what=alarm.what,
                detail=alarm.reason,
                next_step=alarm.next_step,
                subjects=alarm.subjects,
                system=alarm.system,
                severity=alarm.severity,
                owner=(system.owner or None) if system else None,
                now=now,
            )
        )
    return new


def _missed(schedule: Schedule) -> list[Alarm]:
    """One alarm for all that is missing: one scheduler stood still."""
    if not schedule.missed:
        return []
    since = min(row.since for row in schedule.missed)
    words = "; ".join(row.words for row in schedule.missed)
    return [
        Alarm(
            # By when it began: an outage that goes on is still the same alarm.
            key=f"missed-run/{schedule.name}/{since:%Y-%m-%dT%H:%MZ}",
            what="missed-run",
            severity="major",
            system=schedule.system.id,
            reason=f"{words}: did not happen",
            next_step="aims monitor run catches up; then see why the scheduler stood still",
            since=stamp(since),
            subjects=(schedule.subject,),
            tell=schedule.monitor.tell,
        )
    ]


def _findings(record: Record) -> list[dict[str, Any]]:
    """What a run has to tell; what is not of that form is of another version, or not ours."""
    told = record.evidence.body.get("findings")
    return [f for f in told if isinstance(f, dict)] if isinstance(told, list) else []


def _found(schedule: Schedule, record: Record, finding: dict[str, Any]) -> Alarm:
    what = str(finding.get("what"))
    about = f"/{finding['about']}" if finding.get("about") else ""
    return Alarm(
        key=f"{what}/{schedule.name}{about}",
        what=what,
        severity="minor" if finding.get("severity") == "minor" else "major",
        system=schedule.system.id,
        reason=f"{schedule.name}: {finding.get('reason')}",
        next_step=str(finding.get("next_step")),
        since=record.received_at,
        told_by=record.sequence,
        subjects=(schedule.subject, *record.evidence.subjects[1:]),
        tell=schedule.monitor.tell,
    )


def _clock(store: EvidenceStore, now: datetime) -> Iterable[Alarm]:
    """A clock that was set back would make runs look as if they were not due yet."""
    newest = next(store.find(newest_first=True, limit=1), None)
    if newest is None or parse(newest.received_at) <= now + _SKEW:
        return
    yield Alarm(
        key="clock-set-back",
        what="clock-set-back",
        severity="major",
        system=None,
        reason=f"it is {stamp(now)} here, and the log's newest record is of {newest.received_at}",
        next_step="set the clock of this machine, or of the store's, and run again",
        since=stamp(now),
        subjects=(Subject.of_name("clock"),),
    )
