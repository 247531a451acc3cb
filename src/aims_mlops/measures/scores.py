"""What is read from a column of scores as a whole."""

from __future__ import annotations

from typing import Any

import numpy as np

from aims_mlops.errors import InputError
from aims_mlops.measures.table.columns import Columns


def median_score(columns: Columns) -> float:
    """The median of the finite scores, unweighted; 8 bytes of memory a row."""
    import narwhals as nw

    chunks: list[Any] = []
    for frame in columns.frames():
        column = frame.select(nw.col(columns.roles["y_score"]).cast(nw.Float64).alias("score"))
        if isinstance(column, nw.LazyFrame):
            column = column.collect(backend="pyarrow")
        values = column.get_column("score").to_numpy()
        chunks.append(values[np.isfinite(values)])
    scores = np.concatenate(chunks)
    if not len(scores):
        raise InputError("y_score has no finite score", got="0 of them")
    return float(np.median(scores, overwrite_input=True))
