"""What was scheduled from when until when: schedules begin, change and end by records. Pure.

aims.yaml says what comes next and the log says what was due, so that deleting or rewriting an entry
takes nothing away. Where no `monitoring-schedule` speaks of a schedule yet, the `system` records
do: a schedule began when it was first declared, and only a record ends it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.declared.monitor import Monitor

KIND = "monitoring-schedule"
_WHEN = ("every", "window", "delay", "grace", "labels_delay", "time_zone")
_LABELS = ("label", "labels", "data")  # which say whether a second run awaits labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A stretch of time under one schedule.

    since : what ends after it is due; begun : also what was not overdue then, for a schedule that
    begins.  until : None while it stands.  recorded : by a `monitoring-schedule`.
    """

    monitor: Monitor
    since: datetime
    until: datetime | None = None
    begun: bool = True
    recorded: bool = False

    def covers(self, end: datetime) -> bool:
        """Whether a window that ends then is due under it."""
        if self.until is not None and end > self.until:
            return False
        late = self.monitor.wait + self.monitor.patience
        return (end + late if self.begun else end) > self.since


def plans_of(records: Iterable[Record]) -> dict[str, tuple[Plan, ...]]:
    """By the monitor's id: its schedules in order of time, the last without an end if it stands.

    records : `system` and `monitoring-schedule` of one AI system, in the order of the log.
    """
    found: dict[str, list[Plan]] = {}
    for record in records:
        at, body = parse(record.received_at), record.evidence.body
        if record.evidence.kind == "system":
            monitoring = body.get("monitoring")
            for said in monitoring if isinstance(monitoring, list) else ():
                _declared(found, _monitor(said), at)
        elif record.evidence.kind == KIND:
            _recorded(found, body, at)
    return {id_: tuple(plans) for id_, plans in found.items() if plans}


def timing(monitor: Monitor) -> dict[str, Any]:
    """What a schedule's record keeps from changing in silence: when runs are due."""
    said = {name: getattr(monitor, name) for name in _WHEN}
    return said | {"awaits_labels": monitor.awaits_labels}


def under(plan: Plan, declared: Monitor) -> Monitor:
    """A monitor as aims.yaml has it, run when its schedule says."""
    names = list(_WHEN)
    if plan.monitor.awaits_labels != declared.awaits_labels:
        names += _LABELS
    return declared.model_copy(update={name: getattr(plan.monitor, name) for name in names})


def difference(before: Monitor, after: Monitor) -> str:
    """What of the timing differs, in words; empty if nothing does."""
    old, new = timing(before), timing(after)
    return ", ".join(
        f"{name} {_word(old[name])}, not {_word(new[name])}"
        for name in old
        if old[name] != new[name]
    )


def current_plan(plans: Iterable[Plan]) -> Plan | None:
    """The one that has no end."""
    last = next(iter(reversed(tuple(plans))), None)
    return last if last is not None and last.until is None else None


def _declared(found: dict[str, list[Plan]], monitor: Monitor | None, at: datetime) -> None:
    if monitor is None:
        return
    plans = found.setdefault(monitor.id, [])
    plan = current_plan(plans)
    if plan is None:
        plans.append(Plan(monitor=monitor, since=at))
    elif not plan.recorded:
        _follow(plans, plan, monitor, at)
    else:  # when it runs stays as recorded; what it measures is as declared
        plans[-1] = replace(plan, monitor=under(plan, monitor))


def _recorded(found: dict[str, list[Plan]], body: Mapping[str, Any], at: datetime) -> None:
    id_, event = str(body.get("monitor")), body.get("event")
    plans = found.setdefault(id_, [])
    plan = current_plan(plans)
    if event == "ended":
        if plan is not None:
            plans[-1] = replace(plan, until=at)
        return
    monitor = _monitor(body.get("settings"))
    if monitor is None:
        return
    if plan is None:
        plans.append(Plan(monitor=monitor, since=at, recorded=True))
    elif event == "changed" or not plan.recorded:
        _follow(plans, plan, monitor, at)
        plans[-1] = replace(plans[-1], recorded=True)


def _follow(plans: list[Plan], plan: Plan, monitor: Monitor, at: datetime) -> None:
    """A new time table begins where the old one ends; what was due under that one stays due."""
    if timing(plan.monitor) == timing(monitor):
        plans[-1] = replace(plan, monitor=monitor)
        return
    plans[-1] = replace(plan, until=at)
    plans.append(replace(plan, monitor=monitor, since=at, begun=False))


def _monitor(said: object) -> Monitor | None:
    if not isinstance(said, Mapping):
        return None
    try:
        return Monitor.model_validate_json(json.dumps(dict(said)))
    except ValueError:
        return None  # of a newer version


def _word(value: object) -> str:
    return (
        "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    )
