"""What is wrong now with the monitoring of a system, computed from aims.yaml and the log.

Nothing here is stored, so that nothing has to run for an alarm to be seen: the command line, the
gate, reports and the server each ask. What becomes of an alarm is a nonconformity.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aims_mlops.evidence.clock import read, stamp
from aims_mlops.evidence.records import Record, Subject
from aims_mlops.inventory.monitoring import Monitor
from aims_mlops.inventory.system import System
from aims_mlops.oversight.alarm import Alarm as Alarm
from aims_mlops.oversight.cadence import (
    OPERATION_KINDS,
    RUN_KIND,
    Missed,
    Operation,
    Scheduled,
    happened,
    missed,
    operation_of,
    scheduled,
)
from aims_mlops.oversight.inference_log import unlogged
from aims_mlops.oversight.nonconformity import Nonconformity, nonconformities, open_nonconformity

if TYPE_CHECKING:
    from aims_mlops.inventory.project import Project
    from aims_mlops.store.base import EvidenceStore

_SKEW = timedelta(minutes=5)  # that clocks of two machines may lie apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One monitor of one system, with what the log says of it.

    runs : every run that is due by now.  done, failed : run id -> newest record of runs that came
    to an end, and of those that only failed so far.  missed : what has not happened though its
    time is over.
    """

    system: System
    monitor: Monitor
    operation: Operation
    runs: tuple[Scheduled, ...]
    done: dict[str, Record]
    failed: dict[str, Record]
    missed: tuple[Missed, ...]

    @property
    def name(self) -> str:
        return f"{self.system.id}/{self.monitor.id}"

    @property
    def subject(self) -> Subject:
        return Subject.of_name(f"monitor:{self.name}")

    @property
    def waiting(self) -> tuple[Scheduled, ...]:
        """Runs that are due and have not happened."""
        return tuple(run for run in self.runs if run.id not in self.done)


def schedules(
    store: EvidenceStore, systems: Iterable[System], now: datetime
) -> tuple[Schedule, ...]:
    """Every monitor of the systems. Raises StoreUnavailableError."""
    monitored = [system for system in systems if system.monitoring]
    # Of all systems: that a promotion was taken away may be noted without one.
    operation = tuple(store.find(kind=OPERATION_KINDS)) if monitored else ()
    return tuple(
        schedule
        for system in monitored
        for schedule in schedules_of(
            system, (*operation, *store.find(kind=RUN_KIND, system=system.id)), now
        )
    )


def schedules_of(system: System, records: Sequence[Record], now: datetime) -> list[Schedule]:
    """The monitors of one system, from records in the order of the log. Pure.

    records : its `monitoring-run` records, and every `promotion` and `deployment`.
    """
    operation = operation_of(records, system.id)
    found = []
    for monitor in system.monitoring:
        own = [
            record
            for record in records
            if record.evidence.kind == RUN_KIND
            and record.evidence.body.get("monitor") == monitor.id
        ]
        done, failed = happened(own)
        runs = tuple(scheduled(system.id, monitor, operation, now))
        found.append(
            Schedule(
                system=system,
                monitor=monitor,
                operation=operation,
                runs=runs,
                done=done,
                failed=failed,
                # A run that failed has happened, and says itself what is wrong.
                missed=tuple(missed(runs, (*done, *failed), now)),
            )
        )
    return found


def alarms(store: EvidenceStore, project: Project, now: datetime) -> tuple[Alarm, ...]:
    """What is wrong with the monitoring of every system. Raises StoreUnavailableError."""
    return _alarms(store, project.systems, now)


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


def _alarms(store: EvidenceStore, systems: Iterable[System], now: datetime) -> tuple[Alarm, ...]:
    known = nonconformities(store)
    found = [a for s in schedules(store, systems, now) for a in alarms_of(s, known)]
    return (*_clock(store, now), *unlogged(store, now), *found)


def alarms_of(schedule: Schedule, known: Iterable[Nonconformity] = ()) -> list[Alarm]:
    """What is wrong with one schedule: runs that did not happen, what the newest windows found,
    and what older ones found and no nonconformity of `known` tells.

    Each window has its findings, so that nothing depends on when the scheduler ran.
    """
    found = {alarm.key: alarm for alarm in _missed(schedule)}
    by_window = sorted(schedule.done.values(), key=_start)
    newest = {str(r.evidence.body.get("stage")): r for r in by_window}
    if schedule.failed:
        newest["failed"] = max(schedule.failed.values(), key=_start)
    for record in newest.values():
        for finding in record.evidence.body.get("findings") or ():
            alarm = _found(schedule, record, finding)
            found.setdefault(alarm.key, alarm)
    told = Told(known)
    for record in by_window:
        for finding in record.evidence.body.get("findings") or ():
            alarm = _found(schedule, record, finding)
            if alarm.key not in found and alarm not in told:
                window = _start(record)[:16].replace("T", " ")
                found[alarm.key] = replace(alarm, reason=f"{alarm.reason} (window {window} UTC)")
    return list(found.values())


class Told:
    """What nonconformities tell of: an alarm is in it if none has to be opened for it."""

    def __init__(self, known: Iterable[Nonconformity]) -> None:
        self._until: dict[str, float] = {}
        for one in known:
            if one.key is not None:
                ended = float("inf") if one.is_open else float(one.steps[-1].sequence)
                self._until[one.key] = max(ended, self._until.get(one.key, -1.0))

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
    told = Told(nonconformities(store))
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
    if newest is None or read(newest.received_at) <= now + _SKEW:
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
