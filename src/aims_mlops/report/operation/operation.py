"""How a system is watched: windows by what became of them, drift over time, what was found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.declared.system import System
from aims_mlops.operations.alarms.alarm import Alarm
from aims_mlops.operations.schedule.schedules import Schedule, schedules_of
from aims_mlops.report.coverage.monitoring import first_was_late
from aims_mlops.report.operation.drift_trend import ColumnTrend, trends
from aims_mlops.report.render import page, reading
from aims_mlops.report.render.one_line import moment, plural
from aims_mlops.report.render.visible import one_line

FORMAT = "aims-monitoring/1"
STATES = ("in time", "late", "failed", "missed", "not due yet")
_MOST_WINDOWS = 120  # newest, on the page and in the text; the JSON has all
_MOST_COLUMNS = 20
_MOST_FINDINGS = 50
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One run that was due. state : one of STATES; `record` tells of it, if it happened."""

    start: str
    end: str
    stage: str
    state: str
    record: Record | None
    rows: int | None
    findings: tuple[Mapping[str, Any], ...]
    plots: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleShown:
    """One schedule. windows : the newest, oldest first.  earlier : how many came before them."""

    name: str
    every: str
    windows: tuple[Window, ...]
    counts: Mapping[str, int]
    earlier: int
    columns: tuple[ColumnTrend, ...]

    @property
    def shown(self) -> tuple[ColumnTrend, ...]:
        """The columns that are drawn."""
        return self.columns[:_MOST_COLUMNS]

    @property
    def found(self) -> list[tuple[Window, Mapping[str, Any]]]:
        """Findings, newest window first."""
        return [(w, f) for w in reversed(self.windows) for f in w.findings][:_MOST_FINDINGS]

    @property
    def words(self) -> str:
        """The schedule and what came of its runs, for people."""
        told = [f"{count} {state}" for state, count in self.counts.items() if count]
        return f"{self.name}, every {self.every}: {', '.join(told) or 'nothing was due yet'}"

    def place(self, start: str) -> str:
        """Where a window lies from the left, as an SVG length."""
        starts = sorted({window.start for window in self.windows})
        if start not in starts or len(starts) < 2:
            return "50.00%"
        return page.percent_of(starts.index(start), (-0.5, len(starts) - 0.5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Every schedule of one system, and what is wrong with it now."""

    system: str
    made_at: str
    schedules: tuple[ScheduleShown, ...]
    alarms: tuple[Alarm, ...]


def show(
    records: Sequence[Record],
    systems: Iterable[System],
    system: str,
    now: datetime,
    *,
    alarms: Iterable[Alarm] = (),
    every_window: bool = False,
) -> Operation:
    """The operation of a system, from records of SCHEDULE_KINDS and of kind `drift`. Pure.

    every_window : all of them and not the newest only.
    """
    ordered = sorted(records, key=lambda record: record.sequence)
    drift = [record for record in ordered if record.evidence.kind == "drift"]
    found = schedules_of(systems, ordered, now, only=system)
    most = None if every_window else _MOST_WINDOWS
    return Operation(
        system=system,
        made_at=stamp(now),
        schedules=tuple(_shown(schedule, drift, most) for schedule in found),
        alarms=tuple(alarms),
    )


def _shown(schedule: Schedule, drift: Sequence[Record], most: int | None) -> ScheduleShown:
    windows = list(_windows(schedule))
    kept = windows if most is None else windows[-most:]
    first = min((window.start for window in kept), default="")
    prefixes = tuple(f"{name}/" for name in schedule.names)
    bodies: dict[str, Mapping[str, Any]] = {}  # the newest evidence of each window
    for record in drift:
        body = record.evidence.body
        start = reading.string(reading.mapping(body, "window"), "start")
        if start is not None and (record.evidence.run or "").startswith(prefixes):
            bodies[start] = body
    return ScheduleShown(
        name=schedule.name,
        every=schedule.monitor.every,
        windows=tuple(kept),
        counts={state: sum(w.state == state for w in windows) for state in STATES},
        earlier=len(windows) - len(kept),
        columns=trends(body for start, body in sorted(bodies.items()) if start >= first),
    )


def _windows(schedule: Schedule) -> Iterator[Window]:
    missing = {run.id for row in schedule.missed for run in row.runs}
    for run in schedule.runs:
        record = schedule.done.get(run.id)
        state = "not due yet"
        if record is not None:
            state = "late" if first_was_late(record) else "in time"
        elif run.id in schedule.failed:
            record, state = schedule.failed[run.id], "failed"
        elif run.id in missing:
            state = "missed"
        body = {} if record is None else record.evidence.body
        yield Window(
            start=stamp(run.start),
            end=stamp(run.end),
            stage=run.stage,
            state=state,
            record=record,
            rows=reading.count(body, "rows"),
            findings=tuple(f for f in reading.sequence(body, "findings") if isinstance(f, Mapping)),
            plots=tuple(
                str(plot["sha256"])
                for plot in reading.sequence(body, "plots")
                if isinstance(plot, Mapping) and _DIGEST.fullmatch(str(plot.get("sha256")))
            ),
        )


def as_html(operation: Operation, *, single_user: bool = False) -> str:
    """One self-contained page."""
    return page.html("operation.html.j2", operation=operation, single_user=single_user)


def as_text(operation: Operation) -> str:
    """Plain text: each schedule, its drifting columns and its newest findings."""
    lines = [f"Monitoring of {one_line(operation.system)}, {moment(operation.made_at)}"]
    if not operation.schedules:
        lines.append("No schedule, in aims.yaml or in the log.")
    for schedule in operation.schedules:
        lines += ["", one_line(schedule.words)]
        lines += [f"  {_trend_words(column)}" for column in schedule.shown]
        if len(schedule.columns) > _MOST_COLUMNS:
            lines.append(f"  … {len(schedule.columns) - _MOST_COLUMNS} more columns: --json")
        lines += [
            f"  {window.start[:16]}  {one_line(str(finding.get('what')))}: "
            f"{one_line(str(finding.get('reason')))}"
            for window, finding in schedule.found
        ]
    if operation.alarms:
        lines += ["", f"{plural(len(operation.alarms), 'alarm')} now: aims monitor status"]
    return "\n".join(lines)


def _trend_words(trend: ColumnTrend) -> str:
    last = trend.last
    against = "" if last.threshold is None else f" against {page.figure(last.threshold)}"
    windows = plural(len(trend.points), "window")
    return one_line(
        f"{trend.column}: drift in {trend.drifted} of {windows}; "
        f"last {last.way[0] or 'effect'} {page.figure(last.value)}{against}, {last.verdict}"
    )


def as_json(operation: Operation) -> dict[str, Any]:
    """JSON values under a format name; docs/reports.md promises these fields."""
    return {
        "format": FORMAT,
        "made_at": operation.made_at,
        "system": operation.system,
        "schedules": [_schedule_json(schedule) for schedule in operation.schedules],
        "alarms": [alarm.to_body() for alarm in operation.alarms],
    }


def _schedule_json(schedule: ScheduleShown) -> dict[str, Any]:
    return {
        "schedule": schedule.name,
        "every": schedule.every,
        "states": dict(schedule.counts),
        "windows": [
            {
                "start": window.start,
                "end": window.end,
                "stage": window.stage,
                "state": window.state,
                "record": None if window.record is None else window.record.id,
                "rows": window.rows,
                "findings": [dict(finding) for finding in window.findings],
                "plots": list(window.plots),
            }
            for window in schedule.windows
        ],
        "columns": [
            {
                "column": trend.column,
                "drifted": trend.drifted,
                "points": [
                    {
                        "start": point.start,
                        "method": point.way[0],
                        "reference": point.way[1],
                        "value": point.value,
                        "threshold": point.threshold,
                        "verdict": point.verdict,
                    }
                    for point in trend.points
                ],
            }
            for trend in schedule.columns
        ],
    }
