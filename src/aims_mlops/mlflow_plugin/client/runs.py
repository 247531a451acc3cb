"""The MLflow run that belongs to a run of ours.

User code may call `mlflow.start_run()` inside a decorated function, and MLflow refuses a second
active run; so none is opened before the user's code unless `mlflow=True` asks for it. What is
tied at the end is, in this order: the run that was active before, the one that the user's code
began, a new one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.urls import without_credentials
from aims_mlops.mlflow_plugin.client import sightings
from aims_mlops.mlflow_plugin.client.availability import (
    Mode,
    assert_answers,
    mode_of,
    without_telemetry,
)
from aims_mlops.mlflow_plugin.client.budget import Budget, bounded
from aims_mlops.mlflow_plugin.client.default_place import note_default_place

if TYPE_CHECKING:
    from aims_mlops.capture.state.run_state import RunState
    from aims_mlops.evidence.records import Record

RUN_TAG = "aims.run"
EVIDENCE_TAG = "aims.evidence"
_TAG_LIMIT = 5000  # characters; the least of what MLflow's stores take
_PARAMETER_LIMIT = 100  # of a run opened here, as one batch
_VALUE_LIMIT = 500  # characters of a parameter
_NAME_LIMIT = 250  # characters of a parameter's, tag's or run's name

_watched: dict[str, _Watch] = {}


@dataclass(frozen=True, slots=True)
class RunLink:
    """The MLflow run of a run.

    opened : by us, so that we end it.  left_open : begun inside the user's function and still
    active when that ended, so that it ends with the function.
    """

    run_id: str
    experiment_id: str
    opened: bool = False
    left_open: bool = False


@dataclass(slots=True)
class _Watch:
    mode: Mode
    active: str | None  # the MLflow run that was active when our run began
    last: str | None  # the one that had ended last
    tie: RunLink | None = None
    budget: Budget = field(default_factory=Budget)


@contextmanager
def spending(run: RunState | None) -> Iterator[None]:
    """Wait for MLflow no longer than the budget of a run allows in all.

    Raises InputError when the time is over.
    """
    known = _watched.get(run.id) if run is not None else None
    if known is None:
        yield
        return
    with known.budget.spending():
        yield


def watch(run: RunState) -> None:
    """Remember what MLflow was at when the run began."""
    mode = mode_of(run)
    if mode == "off":
        return
    without_telemetry()
    sightings.begin(run.id)
    known = _watched[run.id] = _Watch(mode, _active_id(), _last_ended_id())
    if known.active is not None:
        run.links["mlflow_run"] = known.active
    elif mode == "open-first":
        with known.budget.spending():
            known.tie = _opened(run, active=True)
        _link(run, known.tie)


def tied_run(run: RunState) -> RunLink | None:
    """The MLflow run of a run that has ended, opened now if need be; None to do without."""
    known = _watched.get(run.id)
    if known is None:
        return None
    if known.tie is None:
        known.tie = _found(run, known)
        if known.tie is not None:
            _link(run, known.tie)
    return known.tie


def release(run: RunState, records: Iterable[Record]) -> None:
    """Write the ids of run and evidence back to MLflow, and end what we have to end."""
    sightings.end(run.id)
    known = _watched.pop(run.id, None)
    if known is None or known.tie is None:
        return
    from mlflow.entities import RunTag

    import mlflow

    tie, client = known.tie, mlflow.MlflowClient()
    tags = {RUN_TAG: run.id, EVIDENCE_TAG: ",".join(record.id for record in records)}
    try:
        if not tie.opened:
            earlier = bounded(lambda: client.get_run(tie.run_id).data.tags)
            tags = {name: _joined(earlier.get(name), value) for name, value in tags.items()}
        written = [RunTag(name, _whole_ids(value)) for name, value in tags.items()]
        bounded(lambda: client.log_batch(tie.run_id, tags=written))
    finally:
        if tie.opened or tie.left_open:
            _end(tie.run_id, "FINISHED" if run.error is None else "FAILED")


def _found(run: RunState, known: _Watch) -> RunLink | None:
    if known.active is not None:
        return _tie_to(known.active)
    if (active := _active_id()) is not None:
        return _tie_to(active, left_open=True)
    last = _last_ended_id()
    if last is not None and last != known.last:
        return _tie_to(last)
    return _opened(run, active=False) if known.mode == "open" else None


def _tie_to(run_id: str, *, left_open: bool = False) -> RunLink:
    import mlflow

    assert_answers(mlflow.get_tracking_uri())
    found = bounded(lambda: mlflow.MlflowClient().get_run(run_id))
    return RunLink(run_id, found.info.experiment_id, left_open=left_open)


def _opened(run: RunState, *, active: bool) -> RunLink:
    from mlflow.entities import Param

    import mlflow

    assert_answers(mlflow.get_tracking_uri())
    tags = {name: str(value)[:_TAG_LIMIT] for name, value in _fitting(run.tags.values)}
    tags[RUN_TAG] = run.id
    client = mlflow.MlflowClient()
    found: Any
    if active:
        found = mlflow.start_run(run_name=run.name[:_NAME_LIMIT], tags=tags)
    else:
        found = bounded(
            lambda: client.create_run(
                _experiment_id(),
                start_time=int(parse(run.started_at).timestamp() * 1000),
                tags=_context_tags(tags),
                run_name=run.name[:_NAME_LIMIT],
            )
        )
    parameters = [
        Param(name, str(value)[:_VALUE_LIMIT])
        for name, value in _fitting(run.parameters.values)[:_PARAMETER_LIMIT]
    ]
    if parameters:
        bounded(lambda: client.log_batch(found.info.run_id, params=parameters))
    return RunLink(found.info.run_id, found.info.experiment_id, opened=True)


_MLFLOW_NAME = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-. /"
)  # what a parameter's name may hold on every store


def _fitting(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Parameters and tags under names that MLflow takes."""
    return [
        (name, value)
        for name, value in values.items()
        if len(name) <= _NAME_LIMIT and _MLFLOW_NAME.issuperset(name)
    ]


def _context_tags(tags: dict[str, str]) -> dict[str, str]:
    from mlflow.tracking.context.registry import resolve_tags

    found: dict[str, str] = resolve_tags(tags)
    return found


def _experiment_id() -> str:
    """The experiment in which `mlflow.start_run()` would put a run."""
    from mlflow.tracking.fluent import _get_experiment_id

    found = _get_experiment_id()
    return "0" if found is None else str(found)


def _active_id() -> str | None:
    """The active MLflow run of this thread, or the one that MLFLOW_RUN_ID says to continue."""
    mlflow = sys.modules.get("mlflow")
    if mlflow is not None and hasattr(mlflow, "active_run"):
        active = mlflow.active_run()
        if active is not None:
            return str(active.info.run_id)
    return os.environ.get("MLFLOW_RUN_ID")


def _last_ended_id() -> str | None:
    """The MLflow run of this thread that ended last; `mlflow.last_active_run` asks the store."""
    fluent: Any = sys.modules.get("mlflow.tracking.fluent")
    last = getattr(fluent, "_last_active_run_id", None)
    found = last.get() if last is not None else None
    return None if found is None else str(found)


def _end(run_id: str, status: str) -> None:
    import mlflow

    active = mlflow.active_run()
    if active is not None and active.info.run_id == run_id:
        mlflow.end_run(status)
    else:
        bounded(lambda: mlflow.MlflowClient().set_terminated(run_id, status))


def _link(run: RunState, tie: RunLink) -> None:
    import mlflow

    run.links["mlflow_run"] = tie.run_id
    run.links["mlflow_experiment"] = tie.experiment_id
    run.links["mlflow_tracking_uri"] = without_credentials(mlflow.get_tracking_uri())
    note_default_place(run, mlflow.get_tracking_uri())


def _whole_ids(value: str) -> str:
    """As many ids, separated by commas, as a tag holds."""
    return value if len(value) <= _TAG_LIMIT else value[:_TAG_LIMIT].rpartition(",")[0]


def _joined(earlier: str | None, value: str) -> str:
    """Two runs of ours can share an MLflow run: their ids stand in one tag, the newest first."""
    return value if not earlier or earlier == value else f"{value},{earlier}"
