"""Whether monitoring really ran, over the whole time that a system was in operation.

Every window is accounted for: measured in time, measured late, or not at all. A gap is explained
if a nonconformity about it is in the log, and named if none is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.declared.system import System
from aims_mlops.operations.nonconformity import Nonconformity
from aims_mlops.operations.schedule.due_runs import Scheduled
from aims_mlops.operations.schedule.schedules import Schedule, schedules_of
from aims_mlops.report.render.one_line import plural


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Windows in a row that were not measured in time.

    caught_up : whether all were measured later.  nonconformity : the record that tells of it.
    """

    first: Scheduled
    last: Scheduled
    count: int
    caught_up: bool
    nonconformity: Record | None

    @property
    def words(self) -> str:
        """How many windows, when, and what was done about it."""
        days = f"{self.first.start:%Y-%m-%d}"
        if self.count > 1:
            days += f" to {self.last.start:%Y-%m-%d}"
        done = "measured late" if self.caught_up else "not measured"
        about = " of labels" if self.first.stage == "labels" else ""
        told = "" if self.nonconformity else "; NO nonconformity tells why"
        return f"{plural(self.count, 'window')}{about}, {days}, {done}{told}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One schedule over the whole time. due = in_time + late + failed + missing + waiting."""

    name: str
    every: str
    since: datetime | None
    until: datetime | None
    due: int
    in_time: int
    late: int
    failed: int
    missing: int
    waiting: int
    without_data: int
    gaps: tuple[Gap, ...]

    @property
    def unexplained(self) -> tuple[Gap, ...]:
        """Gaps that no nonconformity is about."""
        return tuple(gap for gap in self.gaps if gap.nonconformity is None)

    @property
    def words(self) -> str:
        """One sentence for text and pages."""
        if self.since is None:
            return f"{self.name}, every {self.every}: not in operation yet, so nothing was due."
        ran = f"{self.in_time} of {plural(self.due, 'run')} in time"
        parts = [
            f"{count} {what}"
            for count, what in (
                (self.late, "late"),
                (self.failed, "failed"),
                (self.missing, "did not happen"),
                (self.waiting, "not overdue yet"),
                (self.without_data, "without data"),
            )
            if count
        ]
        more = f", {', '.join(parts)}" if parts else ""
        until = f" to {self.until:%Y-%m-%d}" if self.until else ""
        return f"{self.name}, every {self.every}, since {self.since:%Y-%m-%d}{until}: {ran}{more}."

    def to_body(self) -> dict[str, Any]:
        """JSON values, as docs/reports.md promises."""
        return {
            "schedule": self.name,
            "every": self.every,
            "due": self.due,
            "in_time": self.in_time,
            "late": self.late,
            "failed": self.failed,
            "missing": self.missing,
            "waiting": self.waiting,
            "without_data": self.without_data,
            "gaps": [
                {
                    "words": gap.words,
                    "windows": gap.count,
                    "caught_up": gap.caught_up,
                    "nonconformity": gap.nonconformity.id if gap.nonconformity else None,
                }
                for gap in self.gaps
            ],
        }


def watch(
    records: Sequence[Record],
    systems: Iterable[System],
    known: Iterable[Nonconformity],
    now: datetime,
) -> tuple[Watch, ...]:
    """Every schedule of the systems. known : nonconformities, open and closed."""
    told = [n for n in known if n.what == "missed-run"]
    return tuple(
        _watch(schedule, [n for n in told if (n.key or "").startswith(_about(schedule))])
        for schedule in schedules_of(systems, records, now)
    )


def _about(schedule: Schedule) -> tuple[str, ...]:
    return tuple(f"missed-run/{name}/" for name in schedule.names)


def _watch(schedule: Schedule, told: Sequence[Nonconformity]) -> Watch:
    late = {id_ for id_, record in schedule.done.items() if first_was_late(record)}
    missing = {run.id for row in schedule.missed for run in row.runs}
    done = [run for run in schedule.runs if run.id in schedule.done]
    failed = sum(run.id in schedule.failed for run in schedule.runs)
    periods = schedule.operation.periods
    return Watch(
        name=schedule.name,
        every=schedule.monitor.every,
        since=periods[0][0] if periods else None,
        until=periods[-1][1] if periods else None,
        due=len(schedule.runs),
        in_time=sum(run.id not in late for run in done),
        late=sum(run.id in late for run in done),
        failed=failed,
        missing=len(missing),
        waiting=len(schedule.runs) - len(done) - failed - len(missing),
        without_data=sum(
            schedule.done[run.id].evidence.body.get("outcome") == "no data" for run in done
        ),
        gaps=tuple(_gaps(schedule.runs, late, missing, told)),
    )


def first_was_late(record: Record) -> bool:
    """A window that was measured again for files that came later was not late for that."""
    body = record.evidence.body
    return body.get("late") is True and body.get("replaces") is None


def _gaps(
    runs: Sequence[Scheduled],
    late: set[str],
    missing: set[str],
    told: Sequence[Nonconformity],
) -> Iterable[Gap]:
    for stage in ("data", "labels"):
        row: list[Scheduled] = []
        for run in (*(r for r in runs if r.stage == stage), None):
            if run is not None and (run.id in late or run.id in missing):
                row.append(run)
            elif row:
                yield Gap(
                    first=row[0],
                    last=row[-1],
                    count=len(row),
                    caught_up=not any(r.id in missing for r in row),
                    nonconformity=_explaining(row, told),
                )
                row = []


def _explaining(row: Sequence[Scheduled], told: Sequence[Nonconformity]) -> Record | None:
    """The nonconformity whose outage reached the first of these runs."""
    for found in told:
        began = parse(f"{(found.key or '').rsplit('/', 1)[-1].removesuffix('Z')}:00+00:00")
        if began <= row[0].missed_at <= parse(found.opened.received_at):
            return found.opened
        if row[0].missed_at <= began <= row[-1].missed_at:
            return found.opened
    return None
