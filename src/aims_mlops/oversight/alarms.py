"""What is wrong now with the monitoring of a system, computed from aims.yaml and the log.

Nothing here is stored, so that nothing has to run for an alarm to be seen: the command line, the
gate, reports and the server each ask. What becomes of an alarm is a nonconformity.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
from aims_mlops.oversight.nonconformity import nonconformities, open_nonconformity

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
                missed=tuple(missed(runs, done, now)),
            )
        )
    return found


def alarms(store: EvidenceStore, project: Project, now: datetime) -> tuple[Alarm, ...]:
    """What is wrong with the monitoring of every system. Raises StoreUnavailableError."""
    found = [a for s in schedules(store, project.systems, now) for a in alarms_of(s)]
    return (*_clock(store, now), *unlogged(store, now), *found)


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
    found = [a for s in schedules(store, systems.values(), now) for a in alarms_of(s)]
    return (*_clock(store, now), *unlogged(store, now), *found)


def alarms_of(schedule: Schedule) -> list[Alarm]:
    """What is wrong with one schedule: runs that did not happen, and what the last ones found."""
    found = _missed(schedule)
    stages: dict[str, Record] = {}
    for record in schedule.done.values():
        body = record.evidence.body
        stage = str(body.get("stage"))
        known = stages.get(stage)
        if known is None or body["window"]["start"] >= known.evidence.body["window"]["start"]:
            stages[stage] = record
    if schedule.failed:
        stages["failed"] = list(schedule.failed.values())[-1]
    for record in stages.values():
        findings = record.evidence.body.get("findings") or ()
        found += [_found(schedule, record, finding) for finding in findings]
    return found


def filed(
    store: EvidenceStore, project: Project, found: Iterable[Alarm], now: datetime
) -> list[Record]:
    """The nonconformity that each alarm is, opened if it was not known; those that are new."""
    known = {n.key for n in nonconformities(store) if n.is_open}
    new = []
    for alarm in found:
        if alarm.key in known:
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
