"""What calls gave back, as one prediction and, where there is one, one score for each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PREDICTION = "prediction"
SCORE = "score"


def predictions_of(output: Any, rows: int) -> tuple[list[Any], list[Any]]:
    """Prediction and score of each row; None where there is none.

    A table or mapping has them in the columns or keys `prediction` and `score`; a lone column is
    the prediction, anything else is kept whole. A tuple of two columns is (prediction, score).
    Raises ValueError if the output has another number of rows.
    """
    predictions, scores = _split(output, rows)
    if len(predictions) != rows:
        raise ValueError(f"{len(predictions)} predictions for {rows} rows")
    if len(scores) != rows:
        scores = [None] * rows
    return predictions, scores


def _split(output: Any, rows: int) -> tuple[list[Any], list[Any]]:
    kind = type(output)
    library = kind.__module__.partition(".")[0]
    if isinstance(output, tuple) and len(output) == 2 and all(map(_is_column, output)):
        return _listed(output[0]), _listed(output[1])
    if library in ("pandas", "polars") and hasattr(output, "columns"):
        names = list(output.columns)
        return _of_names(names, lambda name: _listed(output[name]), rows)
    if library == "pyarrow" and hasattr(output, "column_names"):
        return _of_names(output.column_names, lambda name: output[name].to_pylist(), rows)
    if isinstance(output, Mapping):
        if output and all(_is_column(value) for value in output.values()):
            return _of_names(list(output), lambda name: _listed(output[name]), rows)
        return _of_rows([output])
    if _is_column(output) or getattr(output, "ndim", 0) == 2:
        values = _listed(output)
        if values and isinstance(values[0], Mapping):
            return _of_rows(values)
        if values and all(isinstance(one, list | tuple) and len(one) == 1 for one in values):
            values = [one[0] for one in values]
        return values, []
    return [output.item() if hasattr(output, "item") else output], []


def _of_names(names: Sequence[Any], column: Any, rows: int) -> tuple[list[Any], list[Any]]:
    scores = column(SCORE) if SCORE in names else []
    rest = [name for name in names if name != SCORE]
    if PREDICTION in names:
        return column(PREDICTION), scores
    if len(rest) == 1:
        return column(rest[0]), scores
    columns = {str(name): column(name) for name in names}
    return [{name: values[i] for name, values in columns.items()} for i in range(rows)], []


def _of_rows(rows: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    if all(isinstance(row, Mapping) and PREDICTION in row for row in rows):
        return [row[PREDICTION] for row in rows], [row.get(SCORE) for row in rows]
    return list(rows), []


def _is_column(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return True
    return getattr(value, "ndim", 0) == 1 or type(value).__name__ in ("Series", "ChunkedArray")


def _listed(column: Any) -> list[Any]:
    if hasattr(column, "to_pylist"):
        return list(column.to_pylist())
    if hasattr(column, "tolist") and getattr(column.dtype, "kind", "") != "M":
        return list(column.tolist())
    return list(column)
