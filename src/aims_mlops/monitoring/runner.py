"""What is due is measured and recorded, once, whoever asks and however often.

A run is one batch of records, written together: what was measured, and a `monitoring-run` that
says of which window, by which files and with which findings. Measuring happens in other processes
where there is more than one window; the log is written by this one, in the order of the windows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import AimsError, StoreError
from aims_mlops.inventory.declared.monitor import span
from aims_mlops.monitoring.data_location import data_of
from aims_mlops.monitoring.recording import Ran, ScheduleRuns
from aims_mlops.monitoring.window import Measured, Task, told_of
from aims_mlops.monitoring.window_files import Listed, files_of, signature
from aims_mlops.operations.schedule.due_runs import Scheduled
from aims_mlops.operations.schedule.schedules import Schedule, schedules
from aims_mlops.operations.schedule.windows import zone_of

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore
    from aims_mlops.inventory.project import Project

Measure = Callable[[Task], "Future[Measured]"]


def due(store: EvidenceStore, project: Project, now: datetime) -> list[tuple[Schedule, Scheduled]]:
    """Every run to do, oldest window first: those that have not happened, and those of windows
    for which files came since."""
    found = []
    for schedule in schedules(store, project.systems, now):
        later = _came_later(schedule, project, now)
        wanted = {run.id for run in schedule.waiting} | later
        found += [(schedule, run) for run in schedule.runs if run.id in wanted]
    return sorted(found, key=lambda pair: (pair[1].end, pair[1].due, pair[1].id))


def run_due(
    store: EvidenceStore,
    project: Project,
    wanted: Sequence[tuple[Schedule, Scheduled]],
    measure: Measure,
    now: datetime,
) -> Iterator[Ran]:
    """Measure and record each run, in the order given; yields each when it is in the log.

    measure : starts measuring a task somewhere.  Raises StoreUnavailableError; what is recorded
    by then stays, and the next call does the rest.
    """
    contexts = {s.name: ScheduleRuns(store, project, s) for s, _ in wanted}
    waiting: deque[tuple[ScheduleRuns, Scheduled, Future[Measured], list[Any]]] = deque()
    left = deque(wanted)
    while left or waiting:
        while left and len(waiting) < _AHEAD:
            schedule, run = left.popleft()
            context = contexts[schedule.name]
            listed, future = _started(context, run, measure)
            waiting.append((context, run, future, listed))
        context, run, future, listed = waiting.popleft()
        yield context.record(run, _result(future, run), listed, now)


_AHEAD = 16  # windows in memory at once: measured, or being measured


def _started(
    context: ScheduleRuns, run: Scheduled, measure: Measure
) -> tuple[list[Any], Future[Measured]]:
    """What is there for a run, and the measurement of it under way."""
    monitor = context.schedule.monitor
    try:
        files, listed = _listing(context.project, context.schedule, run)
        profile = context.profile if run.stage == "data" else None
        task = Task(
            run=run,
            monitor=monitor,
            root=context.project.root,
            files=files,
            profile=profile,
            log=None if monitor.data is not None else context.schedule.system.inference.folder,
        )
    except StoreError:
        raise  # nothing could be recorded of it either
    except AimsError as error:
        broken: Future[Measured] = Future()
        broken.set_result(Measured(run=run, error=told_of(error)))
        return [], broken
    return listed, measure(task)


def _listing(
    project: Project, schedule: Schedule, run: Scheduled
) -> tuple[tuple[Listed, ...], list[Any]]:
    """The files of a window, and what tells whether they are those of before."""
    template = data_of(schedule.system, schedule.monitor)
    zone = zone_of(schedule.monitor) if schedule.monitor.data is not None else UTC
    files = files_of(template, project.root, run.start, run.end, zone)
    of_labels: tuple[Listed, ...] = ()
    if run.stage == "labels" and schedule.monitor.labels is not None:
        of_labels = files_of(schedule.monitor.labels, project.root, run.start, run.end, zone)
    return files, signature((*files, *of_labels))


def _result(future: Future[Measured], run: Scheduled) -> Measured:
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001  a process that was killed must not stop the others
        return Measured(
            run=run,
            error={
                "type": type(error).__name__,
                "message": "the process that measured it ended before it was done",
                "next_step": "aims monitor run does it again; see whether memory is enough",
            },
        )


def _came_later(schedule: Schedule, project: Project, now: datetime) -> set[str]:
    """Ids of runs that happened and for whose window files came since."""
    found = set()
    horizon = now - span(schedule.monitor.late_files)
    for run in schedule.runs:
        record = schedule.done.get(run.id)
        if record is None or run.due < horizon:
            continue
        try:
            _, listed = _listing(project, schedule, run)
        except AimsError:
            continue
        if listed and listed != record.evidence.body.get("listed"):
            found.add(run.id)
    return found
