"""Which scheduled runs were due, which happened, and which did not.

Computed from aims.yaml and the log by whoever looks, so that a dead scheduler cannot hide itself.
Windows start at midnight UTC (or a division of the day, or Monday), whenever a run happens; one is
due while the system is in operation, from its first promotion or deployment until nothing of it
runs any more. Pure: no store, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from aims_mlops.evidence.clock import read
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.monitoring import Monitor, span
from aims_mlops.oversight.in_use import USE_KINDS, Uses

RUN_KIND = "monitoring-run"
OPERATION_KINDS = USE_KINDS
Stage = Literal["data", "labels"]

_DAY = timedelta(days=1)
_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
_MIDNIGHT = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """One run that a schedule asks for.

    start, end : the window, half open.  stage : `data`, or `labels` for what needs them.
    due : when it should happen.  missed_at : from when on it counts as missed.
    """

    system: str
    monitor: str
    stage: Stage
    start: datetime
    end: datetime
    due: datetime
    missed_at: datetime

    @property
    def id(self) -> str:
        """Such as `loans/daily/2026-11-21T00:00Z/data`; the id of the run in evidence."""
        return f"{self.system}/{self.monitor}/{self.start:%Y-%m-%dT%H:%MZ}/{self.stage}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Runs of one schedule, one after another, that have not happened though their time is over."""

    system: str
    monitor: str
    stage: Stage
    runs: tuple[Scheduled, ...]

    @property
    def since(self) -> datetime:
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
        return bool(self.periods) and self.periods[-1][1] is None

    def model_at(self, moment: datetime) -> str | None:
        """Digest of the model that ran last by then."""
        return next((model for at, model in reversed(self.models) if at <= moment and model), None)


def scheduled(
    system: str, monitor: Monitor, operation: Operation, now: datetime
) -> Iterator[Scheduled]:
    """Every run that is due by now, oldest window first, data before labels."""
    stages: list[tuple[Stage, timedelta]] = [("data", monitor.wait)]
    if monitor.awaits_labels:
        stages.append(("labels", span(monitor.labels_delay)))
    for end in _ends(monitor, operation, now):
        for stage, wait in stages:
            if (due := end + wait) <= now:
                yield Scheduled(
                    system=system,
                    monitor=monitor.id,
                    stage=stage,
                    start=end - monitor.length,
                    end=end,
                    due=due,
                    missed_at=due + monitor.patience,
                )


def next_due(monitor: Monitor, operation: Operation, now: datetime) -> datetime | None:
    """When the next window's data are due; None if the system is not in operation."""
    if not operation.goes_on:
        return None
    since = max(now - monitor.wait, operation.periods[-1][0])
    return _aligned(since, monitor.step) + monitor.step + monitor.wait


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


def operation_of(records: Iterable[Record], system: str | None = None) -> Operation:
    """When a system was in operation.

    records : the `promotion` and `deployment` records of the log, in its order, by whose clock the
        times are. It runs while something that promotes is set, or something is deployed.
    system : whose; None if the records are of one alone. Give those of all: that something was
        taken away may be noted without the system.
    """
    uses = Uses()
    periods: list[tuple[datetime, datetime | None]] = []
    models: list[tuple[datetime, str | None]] = []
    for record in records:
        if record.evidence.kind not in USE_KINDS:
            continue
        uses.take(record)
        at = read(record.received_at)
        holding = [use for use in uses if system in (None, use.system)]
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
        end = _aligned(begin, monitor.step) + monitor.step
        stop = now if finish is None else min(now, _aligned(finish, monitor.step) + monitor.step)
        while end <= stop:
            if last is None or end > last:
                yield end
                last = end
            end += monitor.step


def _aligned(moment: datetime, step: timedelta) -> datetime:
    """The start of the step that a moment lies in."""
    origin = _MONDAY if step % (7 * _DAY) == timedelta(0) else _MIDNIGHT
    return moment - (moment - origin) % step
