"""Which scheduled runs were due, which happened, and which did not.

Computed from the log by whoever looks, so that a dead scheduler cannot hide itself.
Windows start at midnight UTC (or a division of the day, or Monday), whenever a run happens; one is
due while the system is in operation, from its first promotion or deployment until nothing of it
runs any more. Pure: no store, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.kinds import USE_KINDS
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.declared.monitor import Monitor, span
from aims_mlops.operations.in_use import Uses
from aims_mlops.operations.schedule.plans import Plan
from aims_mlops.operations.schedule.windows import end_after, ends, start_of

RUN_KIND = "monitoring-run"
Stage = Literal["data", "labels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """One run that a schedule asks for.

    start, end : the window, half open.  stage : `data`, or `labels` for what needs them.
    due : when it should happen.  missed_at : from when on it counts as missed.
    length : the window's, such as `+6h`, where the schedule had others before.
    """

    system: str
    monitor: str
    stage: Stage
    start: datetime
    end: datetime
    due: datetime
    missed_at: datetime
    length: str = ""

    @property
    def id(self) -> str:
        """Such as `loans/daily/2026-11-21T00:00Z/data`; the id of the run in evidence."""
        return (
            f"{self.system}/{self.monitor}/{self.start:%Y-%m-%dT%H:%MZ}{self.length}/{self.stage}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Runs of one schedule, one after another, that have not happened though their time is over."""

    system: str
    monitor: str
    stage: Stage
    runs: tuple[Scheduled, ...]

    @property
    def since(self) -> datetime:
        """When the first of the runs had to be there."""
        return self.runs[0].missed_at

    @property
    def words(self) -> str:
        """What is missing, for people."""
        first, last = self.runs[0], self.runs[-1]
        days = f"{first.start:%Y-%m-%d %H:%M}"
        if len(self.runs) > 1:
            days += f" to {last.start:%Y-%m-%d %H:%M}"
        count = "1 run" if len(self.runs) == 1 else f"{len(self.runs)} runs"
        return f"{count} of {self.system}/{self.monitor} ({self.stage}) for {days} UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """When a system was in operation, and with which model.

    periods : in order; the last has no end while it still is.  models : from when on which content
    digest ran; None where nothing did.
    """

    periods: tuple[tuple[datetime, datetime | None], ...] = ()
    models: tuple[tuple[datetime, str | None], ...] = ()

    @property
    def goes_on(self) -> bool:
        """Whether it is in operation now."""
        return bool(self.periods) and self.periods[-1][1] is None

    def model_at(self, moment: datetime) -> str | None:
        """Digest of the model that ran last by then."""
        return next((model for at, model in reversed(self.models) if at <= moment and model), None)


def scheduled(
    system: str, plans: Sequence[Plan], operation: Operation, now: datetime
) -> Iterator[Scheduled]:
    """Every run that is due by now, oldest window first, data before labels.

    plans : of one monitor, in order of time.
    """
    for plan in plans:
        first = plans[0].monitor
        other = (plan.monitor.step, plan.monitor.length) != (first.step, first.length)
        yield from _under(plan, system, operation, now, f"+{plan.monitor.every}" if other else "")


def _under(
    plan: Plan, system: str, operation: Operation, now: datetime, length: str
) -> Iterator[Scheduled]:
    monitor = plan.monitor
    stages: list[tuple[Stage, timedelta]] = [("data", monitor.wait)]
    if monitor.awaits_labels:
        stages.append(("labels", span(monitor.labels_delay)))
    for end in _ends(monitor, operation, now):
        if not plan.covers(end):
            continue
        for stage, wait in stages:
            if (due := end + wait) <= now:
                yield Scheduled(
                    system=system,
                    monitor=monitor.id,
                    stage=stage,
                    start=start_of(monitor, end),
                    end=end,
                    due=due,
                    missed_at=due + monitor.patience,
                    length=length,
                )


def next_due(monitor: Monitor, operation: Operation, now: datetime) -> datetime | None:
    """When the next window's data are due; None if the system is not in operation."""
    if not operation.goes_on:
        return None
    since = max(now - monitor.wait, operation.periods[-1][0])
    return end_after(monitor, since) + monitor.wait


def missed(runs: Iterable[Scheduled], done: Iterable[str], now: datetime) -> list[Missed]:
    """Runs whose time is over and that have not happened, those in a row together.

    runs : of one schedule, oldest first.  done : ids of the runs that happened.
    """
    happened = set(done)
    found: list[Missed] = []
    for stage in ("data", "labels"):
        row: list[Scheduled] = []
        for run in (*(r for r in runs if r.stage == stage), None):
            if run is not None and run.id not in happened and run.missed_at <= now:
                row.append(run)
                continue
            if row:
                first = row[0]
                found.append(
                    Missed(
                        system=first.system,
                        monitor=first.monitor,
                        stage=first.stage,
                        runs=tuple(row),
                    )
                )
                row = []
    return found


def operation_of(records: Iterable[Record], *systems: str) -> Operation:
    """When a system was in operation.

    records : the `promotion` and `deployment` records of the log, in its order, by whose clock the
        times are. It runs while something that promotes is set, or something is deployed.
    systems : whose, every id that it has had; none if the records are of one alone. Give those of
        all: that something was taken away may be noted without the system.
    """
    uses = Uses()
    periods: list[tuple[datetime, datetime | None]] = []
    models: list[tuple[datetime, str | None]] = []
    for record in records:
        if record.evidence.kind not in USE_KINDS:
            continue
        uses.take(record)
        at = parse(record.received_at)
        holding = [use for use in uses if not systems or use.system in systems]
        running = holding[-1].model if holding else None
        if running is not None or models:
            models.append((at, running))
        ongoing = bool(periods) and periods[-1][1] is None
        if holding and not ongoing:
            periods.append((at, None))
        elif ongoing and not holding:
            periods[-1] = (periods[-1][0], at)
    return Operation(periods=tuple(periods), models=tuple(models))


def happened(records: Iterable[Record]) -> tuple[dict[str, Record], dict[str, Record]]:
    """Newest record by run id: of runs that came to an end, be it without data, and of failed ones.

    A run that failed and was made good later is in the first alone.
    """
    done: dict[str, Record] = {}
    failed: dict[str, Record] = {}
    for record in records:
        if record.evidence.kind == RUN_KIND:
            by_id = failed if record.evidence.body.get("outcome") == "failed" else done
            by_id[str(record.evidence.run)] = record
    return done, {id_: record for id_, record in failed.items() if id_ not in done}


def _ends(monitor: Monitor, operation: Operation, now: datetime) -> Iterator[datetime]:
    """Ends of the windows that a period of operation reaches into."""
    last: datetime | None = None
    for begin, finish in operation.periods:
        stop = now if finish is None else min(now, end_after(monitor, finish))
        for end in ends(monitor, begin, stop):
            if last is None or end > last:
                yield end
                last = end
