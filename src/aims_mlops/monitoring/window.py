"""Measuring one window: files in, bodies of evidence out; no store, so any process can do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from aims_mlops.errors import AimsError, InputError, MissingExtraError
from aims_mlops.inventory.declared.monitor import Monitor
from aims_mlops.monitoring.window_files import Batch, Listed, files_of, opened, with_what_fits
from aims_mlops.operations.schedule.windows import zone_of

if TYPE_CHECKING:
    from aims_mlops.measures.result.result import MeasureResult
    from aims_mlops.operations.schedule.due_runs import Scheduled


MOST_WINDOWS = 30  # before the newest, that are put to it where it has too few rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What one run measures.

    root : the folder that paths of `monitor` start from.  files : of the window.
    profile : body and blob of what drift is measured against; None if drift is not measured.
    log : folder of the inference log, where that is what is measured.
    """

    run: Scheduled
    monitor: Monitor
    root: Path
    files: tuple[Listed, ...]
    profile: tuple[Mapping[str, Any], bytes | None] | None = None
    log: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What came of it.

    rows : of the batch; None without data.  batch : its name and digest.  bodies : kind and body of
    evidence.  labels : how they were joined.  problems : what is odd about files of
    an inference log.  left_out : files that do not fit to the others, with the reason.
    plots : kind and SVG.
    error : type, message and next step of what broke.
    """

    run: Scheduled
    rows: int | None = None
    files: tuple[dict[str, Any], ...] = ()
    repeated: tuple[str, ...] = ()
    batch: tuple[str, str] | None = None
    bodies: tuple[tuple[str, dict[str, Any]], ...] = ()
    labels: Mapping[str, Any] | None = None
    problems: tuple[Mapping[str, str], ...] = ()
    left_out: tuple[Mapping[str, Any], ...] = ()
    error: Mapping[str, str | None] | None = None
    plots: tuple[tuple[str, str], ...] = field(default=())


def measure_window(task: Task) -> Measured:
    """Everything the monitor measures of one window. Never raises: what broke is in the result."""
    found: dict[str, Any] = {"run": task.run}
    try:
        with opened(task.files) as batch:
            found["repeated"] = batch.repeated
            try:
                if batch.path is not None:
                    of_stage = _of_data if task.run.stage == "data" else _of_labels
                    if task.log is not None:  # its own reader names what is odd
                        found |= of_stage(task, batch)
                    else:
                        of_fitting, batch = with_what_fits(batch, partial(of_stage, task))
                        left_out = (*batch.left_out, *of_fitting.get("left_out", ()))
                        found |= of_fitting | {"left_out": left_out}
            finally:  # what is there is told, whether it could be measured or not
                found["files"] = batch.files
                if batch.subject is not None:
                    found["batch"] = (batch.subject.name, batch.subject.sha256)
    except AimsError as error:
        found["error"] = told_of(error)
    except Exception as error:  # noqa: BLE001  the message could hold values of the data
        found["error"] = {
            "type": type(error).__name__,
            "message": "the window could not be measured",
            "next_step": "measure the files by hand to see why: "
            "aims drift run --reference A --current B",
        }
    return Measured(**found)


def told_of(error: AimsError) -> dict[str, str | None]:
    """An error of ours as a run's record says it; its message holds no values of the data."""
    return {
        "type": type(error).__name__,
        "message": str(error),
        "next_step": error.next_step,
    }


def _of_data(task: Task, batch: Batch) -> dict[str, Any]:
    assert batch.path is not None
    data: Any = batch.path
    if task.log is None:
        rows = _rows(batch.path)
    else:
        data, problems = _of_log(task)
        rows = data.num_rows
    found: dict[str, Any] = {"rows": rows}
    if task.log is not None:
        found["problems"] = problems
    if rows == 0:
        return found
    results = tuple(_data_results(task, data, batch))
    bodies = [(result.kind, _body(task, batch, result)) for result in results]
    return found | {"bodies": tuple(bodies), "plots": tuple(_plots(task.monitor, results))}


def _of_log(
    task: Task, start: datetime | None = None, end: datetime | None = None
) -> tuple[Any, tuple[dict[str, str], ...]]:
    """The predictions of the window as an Arrow table without what only the log itself needs."""
    from aims_mlops.inference_log.columns.rows import OWN
    from aims_mlops.inference_log.reading.window_files import read_window

    assert task.log is not None
    run = task.run
    table, problems = read_window(
        task.log, run.system, start or run.start, end or run.end, root=task.root
    )
    own = [n for n in table.column_names if n in OWN and n not in ("prediction", "score")]
    return table.drop_columns(own), tuple(problem.to_body() for problem in problems)


def _data_results(task: Task, path: Any, batch: Batch) -> Iterator[MeasureResult]:
    monitor = task.monitor
    if "drift" in monitor.measures and task.profile is not None:
        from aims_mlops.measures.drift.pooling import measure_pooled_drift
        from aims_mlops.measures.drift.reference import ReferenceProfile

        profile = ReferenceProfile.from_body(*task.profile)
        known = profile.columns
        yield measure_pooled_drift(
            profile,
            path,
            earlier_windows(task),
            columns=monitor.columns or None,
            prediction=monitor.prediction if monitor.prediction in known else None,
        )
    if "quality" in monitor.measures:
        from aims_mlops.measures.quality.measure import measure_quality

        suite = task.root / monitor.suite if monitor.suite is not None else None
        yield measure_quality(path, suite, name=batch.first_name, at=task.run.end)
    at_once = monitor.label is not None and not monitor.awaits_labels
    if "bias" in monitor.measures and not monitor.awaits_labels:
        yield _bias(monitor, path, monitor.label if at_once else None)
    if "performance" in monitor.measures and at_once:
        yield _performance(monitor, path)


def earlier_windows(task: Task) -> Iterator[Callable[[], Any]]:
    """The windows before that of a task, newest first: calls that give a table, or None."""
    length = task.run.end - task.run.start
    end = task.run.start
    for _ in range(MOST_WINDOWS):
        yield partial(_earlier, task, end - length, end)
        end -= length


def _earlier(task: Task, start: datetime, end: datetime) -> Any:
    """What a window before held, in memory; None without rows, or where it cannot be read."""
    import pyarrow as pa

    from aims_mlops.measures.table.opening import open_table

    try:
        if task.log is not None:
            table = _of_log(task, start, end)[0]
            return table if table.num_rows else None
        files = files_of(str(task.monitor.data), task.root, start, end, zone_of(task.monitor))
        with opened(files) as batch:
            if batch.path is None:
                return None
            rows = open_table(batch.path, index="ignore")
            parts = [
                pa.table(dict(zip(rows.names, (c() for c in part.columns), strict=True)))
                for part in rows.batches()
            ]
        return pa.concat_tables(parts, promote_options="permissive") if parts else None
    except (AimsError, pa.ArrowException):
        return None  # it had a run of its own, which told what is wrong with it


def _bias(monitor: Monitor, data: Any, label: str | None) -> MeasureResult:
    from aims_mlops.measures.bias.measure import measure_bias

    return measure_bias(
        data,
        y_true=label,
        y_pred=monitor.prediction,
        sensitive=list(monitor.sensitive),
        positive_label=monitor.positive,
    )


def _performance(monitor: Monitor, data: Any) -> MeasureResult:
    from aims_mlops.measures.performance.measure import measure_performance

    return measure_performance(
        data,
        y_true=monitor.label,
        y_pred=monitor.prediction,
        y_score=monitor.score,
        groups=list(monitor.sensitive) or None,
        positive_label=monitor.positive,
    )


def _of_labels(task: Task, batch: Batch) -> dict[str, Any]:
    """What needs labels that came later, on the rows that have one by now."""
    assert batch.path is not None
    monitor, run = task.monitor, task.run
    if task.log is not None:
        joined, counts = _labelled_in_log(task, task.log)
        return _with_labels(task, batch, joined, counts, [])
    assert monitor.labels is not None
    zone = zone_of(monitor)
    with opened(files_of(monitor.labels, task.root, run.start, run.end, zone)) as labels:
        if labels.path is None:
            raise InputError(
                f"no file with labels for {run.start:%Y-%m-%d %H:%M} to {run.end:%Y-%m-%d %H:%M}",
                expected=monitor.labels,
                next_step="deliver the labels, or raise labels_delay",
            )
        data = batch.path
        (joined, counts), read = with_what_fits(
            labels, lambda those: _joined(monitor, data, cast("Path", those.path))
        )
        files = list(read.files)
    return _with_labels(task, batch, joined, counts, files) | {"left_out": read.left_out}


def _labelled_in_log(task: Task, folder: str) -> tuple[Any, dict[str, int]]:
    import pyarrow.compute as pc

    from aims_mlops.inference_log.reading.window_files import joined

    run = task.run
    found = joined(folder, run.system, run.start, run.end, root=task.root)
    if not found.labelled:
        raise InputError(
            f"no label has come for {run.start:%Y-%m-%d %H:%M} to {run.end:%Y-%m-%d %H:%M}",
            next_step="record them with aims.record_labels, or raise labels_delay",
        )
    counts = {
        "rows": found.rows,
        "joined": found.labelled,
        "without_label": found.rows - found.labelled,
    }
    return found.table.filter(pc.is_valid(found.table["labelled_at"])), counts


def _with_labels(
    task: Task, batch: Batch, joined: Any, counts: dict[str, int], files: list[Any]
) -> dict[str, Any]:
    monitor = task.monitor
    results = []
    if counts["joined"]:
        if "bias" in monitor.measures:
            results.append(_bias(monitor, joined, monitor.label))
        if "performance" in monitor.measures:
            results.append(_performance(monitor, joined))
    bodies = tuple((result.kind, _body(task, batch, result)) for result in results)
    return {
        "rows": counts["rows"],
        "labels": counts | {"files": files},
        "bodies": bodies,
        "plots": tuple(_plots(monitor, results)),
    }


def _joined(monitor: Monitor, data: Path, labels: Path) -> tuple[Any, dict[str, int]]:
    """The rows that have a label; a request that has two keeps the last one."""
    key, label = monitor.key, monitor.label
    assert label is not None
    wanted = [key, *filter(None, (monitor.prediction, monitor.score)), *monitor.sensitive]
    left, right = _frame(data, wanted), _frame(labels, [key, label])
    rows, given = len(left), len(right)
    right = right.dropna(subset=[label])
    once = right.drop_duplicates(subset=[key], keep="last")
    joined = left.merge(once, on=key, how="inner")
    counts = {
        "rows": rows,
        "joined": len(joined),
        "without_label": rows - len(joined),
        "unknown_requests": int((~once[key].isin(left[key])).sum()),
        "given_twice": len(right) - len(once),
        "empty": given - len(right),
    }
    return joined, counts


def _frame(path: Path, columns: Sequence[str]) -> Any:
    import pandas as pd

    from aims_mlops.measures.table.opening import open_table

    table = open_table(str(path)).select(list(dict.fromkeys(columns)))
    parts = [
        pd.DataFrame(
            {
                name: column().to_pandas()
                for name, column in zip(table.names, batch.columns, strict=True)
            }
        )
        for batch in table.batches()
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(columns))


def _body(task: Task, batch: Batch, result: MeasureResult) -> dict[str, Any]:
    """The body of a measure, with the window and the batch that it is about."""
    body = result.to_body()
    run, subject = task.run, batch.subject
    assert subject is not None
    body["window"] = {"start": _time(run.start), "end": _time(run.end), "run": run.id}
    if result.kind == "drift" and task.profile is not None:
        body["reference"] |= {
            "profile": task.profile[0]["sha256"],
            "dataset": None,
            "name": task.profile[0]["name"],
        }
        body["current"] |= {"name": subject.name.removeprefix("dataset:"), "sha256": subject.sha256}
    return body


def _plots(monitor: Monitor, results: Sequence[MeasureResult]) -> Iterator[tuple[str, str]]:
    """Pictures of what is to be seen, as (kind, SVG); drawing takes longer than measuring."""
    for result in results:
        if monitor.plots == "never":
            return
        if monitor.plots == "found" and getattr(result, "verdict", None) != "drift":
            continue
        try:
            yield result.kind, result.plot().svg
        except (InputError, MissingExtraError):
            continue


def _rows(path: Path) -> int:
    """Rows of a file or folder; of Parquet from the metadata alone."""
    from aims_mlops.measures.table.opening import open_table

    files = [path] if path.is_file() else sorted(path.iterdir())
    if all(file.suffix == ".parquet" for file in files):
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return sum(pq.read_metadata(file).num_rows for file in files)
        except (OSError, pa.ArrowInvalid) as error:
            raise InputError(
                "a file of the window is no Parquet file that can be read",
                got=type(error).__name__,
                next_step="write the file again; it may have been cut off",
            ) from error
    return sum(batch.rows for batch in open_table(str(path)).batches())


def _time(moment: datetime) -> str:
    from aims_mlops.evidence.clock import stamp

    return stamp(moment)
