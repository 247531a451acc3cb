"""Captured calls as an Arrow table of the log's columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from aims_mlops.inference_log.columns.inputs import MISSING, Columns, columns_of
from aims_mlops.inference_log.columns.outputs import predictions_of
from aims_mlops.inference_log.storage.hashing import bucketed, hashed
from aims_mlops.inference_log.storage.schema import Shape, as_json

if TYPE_CHECKING:
    import pyarrow as pa

    from aims_mlops.inventory.declared.inference_settings import Inference

OWN = (
    "request_id",
    "row",
    "time",
    "latency_ms",
    "model",
    "version",
    "target",
    "prediction",
    "score",
    "retyped",
    "system",
    "day",
)
_NAMES_TOLD = 200
UNREAD = object()  # stands for an output that could not be copied


class Call(NamedTuple):
    """One call as it was: times in ns, the first since 1970; inputs None if none are kept."""

    request_id: str
    time_ns: int
    latency_ns: int
    rows: int
    inputs: Any
    output: Any
    size: int = 0  # about how many bytes it holds


@dataclass(slots=True)
class ConversionNotes:
    """What is told of a log's columns, in counts of rows and names of features."""

    missing: Counter[str] = field(default_factory=Counter)
    left_out: set[str] = field(default_factory=set)
    unread_inputs: int = 0
    unread_outputs: int = 0


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Which features are kept, and how; `key` for those that are hashed.

    model, version, target : what answered, the same for every row.
    """

    settings: Inference
    key: bytes
    model: str | None = None
    version: str | None = None
    target: str | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """Names of all features that are kept, in any form."""
        settings = self.settings
        return (*settings.allow, *settings.hash, *settings.bucket)


def column_name(feature: str) -> str:
    """The column of a feature: its name, unless the log has a column of that name itself."""
    return f"feature_{feature}" if feature in OWN else feature


def table_of(
    calls: Sequence[Call], kept: LogSettings, shape: Shape, told: ConversionNotes
) -> pa.Table:
    """Calls as one table, rows of one call together. Raises nothing for an odd call: it is told."""
    import pyarrow as pa

    tables = [
        _table([calls[i] for i in columns.calls], columns, kept, shape, told)
        for columns in columns_of([(call.inputs, call.rows) for call in calls])
    ]
    return pa.concat_tables(tables, promote_options="default")


def _table(
    calls: Sequence[Call], columns: Columns, kept: LogSettings, shape: Shape, told: ConversionNotes
) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    odd: dict[int, dict[str, Any]] = {}
    rows = columns.rows
    text = pa.string()
    # Vectorised, since what holds the interpreter here is taken from the predictions.
    lengths = np.fromiter((call.rows for call in calls), np.int64, len(calls))
    of_call = np.repeat(np.arange(len(calls)), lengths)
    first_row = np.repeat(np.cumsum(lengths) - lengths, lengths)
    times = np.fromiter((call.time_ns // 1000 for call in calls), np.int64, len(calls))
    latencies = np.fromiter((call.latency_ns / 1e6 for call in calls), np.float64, len(calls))
    predictions, scores = _answers(calls, told)
    made: dict[str, pa.Array] = {
        "request_id": pa.array([call.request_id for call in calls], text).take(pa.array(of_call)),
        "row": pa.array((np.arange(rows) - first_row).astype(np.int32)),
        "time": pa.array(times[of_call]).cast(pa.timestamp("us", tz="UTC")),
        "latency_ms": pa.array(latencies[of_call]),
        "model": pa.repeat(pa.scalar(kept.model, text), rows),
        "version": pa.repeat(pa.scalar(kept.version, text), rows),
        "target": pa.repeat(pa.scalar(kept.target, text), rows),
        "prediction": shape.fit("prediction", predictions, odd, whole=True),
        "score": pa.nulls(rows, pa.float64())
        if scores is None
        else shape.fit("score", scores, odd),
        **_features(columns, kept, shape, told, odd),
    }
    if odd:
        made["retyped"] = pa.array([as_json(odd.get(i)) for i in range(rows)], text)
    else:
        made["retyped"] = pa.nulls(rows, text)
    return pa.table(made)


def _answers(calls: Sequence[Call], told: ConversionNotes) -> tuple[Any, list[Any] | None]:
    """Predictions of all calls, an array where each gave one, and scores if there are any."""
    import numpy as np

    outputs = [call.output for call in calls]
    if all(isinstance(output, np.ndarray) and output.ndim == 1 for output in outputs):
        kinds = {output.dtype.kind for output in outputs}
        if len(kinds) == 1 and kinds <= set("fiub"):
            return np.concatenate(outputs), None
    predictions: list[Any] = []
    scores: list[Any] = []
    for call in calls:
        try:
            if call.output is UNREAD:
                raise ValueError("an output that could not be copied")
            found = predictions_of(call.output, call.rows)
        except Exception:  # noqa: BLE001  an output of another form is counted, its row kept
            told.unread_outputs += call.rows
            found = [None] * call.rows, [None] * call.rows
        predictions += found[0]
        scores += found[1]
    return predictions, scores


def _features(
    columns: Columns,
    kept: LogSettings,
    shape: Shape,
    told: ConversionNotes,
    odd: dict[int, dict[str, Any]],
) -> dict[str, pa.Array]:
    import pyarrow as pa

    made: dict[str, pa.Array] = {}
    settings = kept.settings
    if not columns.names:
        told.unread_inputs += columns.rows if kept.features else 0
    elif len(told.left_out) < _NAMES_TOLD:
        told.left_out.update(set(columns.names).difference(kept.features))
    for feature in kept.features:
        name = column_name(feature)
        text = pa.nulls(columns.rows, pa.string())
        absent = shape.fit(name, pa.nulls(columns.rows), odd) if feature in settings.allow else text
        made[name] = absent
        if feature not in columns.names:
            told.missing[feature] += columns.rows if columns.names else 0
            continue
        try:
            made[name] = _feature(columns.column(feature), feature, name, kept, shape, told, odd)
        except Exception:  # noqa: BLE001  an odd feature must not take the others with it
            told.unread_inputs += columns.rows
    return made


def _feature(
    values: Any,
    feature: str,
    name: str,
    kept: LogSettings,
    shape: Shape,
    told: ConversionNotes,
    odd: dict[int, dict[str, Any]],
) -> pa.Array:
    import pyarrow as pa

    settings = kept.settings
    values = _present(values, feature, told)
    if feature in settings.hash:
        return pa.array([hashed(value, kept.key) for value in _each(values)], pa.string())
    if feature in settings.bucket:
        edges = settings.bucket[feature]
        return pa.array([bucketed(value, edges) for value in _each(values)], pa.string())
    return shape.fit(name, values, odd)


def _present(values: Any, feature: str, told: ConversionNotes) -> Any:
    """Values with None where a row lacks the feature, which is counted."""
    if not isinstance(values, list):
        return values
    lacking = sum(value is MISSING for value in values)
    if not lacking:
        return values
    told.missing[feature] += lacking
    return [None if value is MISSING else value for value in values]


def _each(values: Any) -> Any:
    return values.to_pylist() if hasattr(values, "to_pylist") else values
