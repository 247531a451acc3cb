"""Sums of statistics by group, from which means and their errors follow.

One group-by over narwhals, like the one in `cells`, for what is averaged instead of counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from aims_mlops.errors import InputError
from aims_mlops.measures.statistics.cells import (
    check_cardinality,
    check_weights,
    plain_label,
    text_labels,
)
from aims_mlops.measures.table.columns import Columns

_W, _W2, _USABLE = "__w", "__w2", "__usable"
_POWERS = ("1", "2", "3")  # w x, w^2 x, w^2 x^2


@dataclass(frozen=True, slots=True)
class GroupSums:
    """Sums by cell.

    groups : {column: (cells,) text labels}.  keys : {further key: (cells,) plain labels}.
    n, weight, weight2 : (cells,) rows, weights and squared weights.
    first, second, second2 : {statistic: (cells,)} sums of w x, w^2 x and w^2 x^2.
    excluded : rows where a statistic is missing or not finite.
    """

    groups: Mapping[str, Any]
    keys: Mapping[str, Any]
    n: Any
    weight: Any
    weight2: Any
    first: Mapping[str, Any]
    second: Mapping[str, Any]
    second2: Mapping[str, Any]
    excluded: int
    weighted: bool


def sum_groups(
    columns: Columns, statistics: Mapping[str, Any], keys: Mapping[str, Any] | None = None
) -> GroupSums:
    """Sum narwhals expressions by the grouping columns and further keys.

    Raises InputError when no row is usable, weights are not weights, or labels are too many.
    """
    import narwhals as nw

    by = {f"g{i}": nw.col(c) for i, c in enumerate(columns.groups.values())} | dict(keys or {})
    weight = columns.roles.get("sample_weight")
    parts: dict[tuple[Any, ...], Any] = {}
    excluded = 0
    numbers = ["__n", _W, _W2, *(p + s for s in statistics for p in _POWERS)]
    for frame in columns.frames():
        for row in _summed(frame, by, statistics, weight):
            if not row[_USABLE]:
                excluded += int(row["__n"])
                continue
            key = tuple(plain_label(row[k]) for k in by)
            values = np.array([float(row[name]) for name in numbers])
            parts[key] = parts[key] + values if key in parts else values
        check_cardinality(parts, list(columns.groups))
    if not parts:
        raise InputError("there is no row to measure", got=f"{excluded} rows, each without a value")
    ordered = sorted(parts, key=str)
    table = np.array([parts[key] for key in ordered])
    at = {name: 3 + 3 * i for i, name in enumerate(statistics)}
    extra = {}
    for place, name in enumerate(by):
        if keys and name in keys:
            extra[name] = np.empty(len(ordered), dtype=object)
            extra[name][:] = [key[place] for key in ordered]
    return GroupSums(
        text_labels(ordered, list(columns.groups)),
        extra,
        table[:, 0].astype(np.int64),
        table[:, 1],
        table[:, 2],
        {name: table[:, i] for name, i in at.items()},
        {name: table[:, i + 1] for name, i in at.items()},
        {name: table[:, i + 2] for name, i in at.items()},
        excluded,
        weight is not None,
    )


def _summed(
    frame: Any, by: Mapping[str, Any], statistics: Mapping[str, Any], weight: str | None
) -> list[dict[str, Any]]:
    """One dict per cell of one frame."""
    import narwhals as nw

    usable = nw.all_horizontal(
        *(x.is_finite().fill_null(value=False) for x in statistics.values()), ignore_nulls=False
    )
    w = nw.lit(1.0) if weight is None else nw.col(weight).cast(nw.Float64)
    shaped = frame.with_columns(
        *(e.alias(k) for k, e in by.items()),
        *(e.alias(f"x{k}") for k, e in statistics.items()),
        usable.alias(_USABLE),
        w.alias(_W),
    )
    shaped = shaped.with_columns(
        (nw.col(_W) * nw.col(_W)).alias(_W2),
        nw.col(_W).alias("__wmin"),
        nw.col(_W).is_null().cast(nw.Int64).alias("__wnull"),
    )
    shaped = shaped.with_columns(
        *((nw.col(_W) * nw.col(f"x{k}")).alias(f"1{k}") for k in statistics),
        *((nw.col(_W2) * nw.col(f"x{k}")).alias(f"2{k}") for k in statistics),
        *((nw.col(_W2) * nw.col(f"x{k}") * nw.col(f"x{k}")).alias(f"3{k}") for k in statistics),
    )
    counted = shaped.group_by([_USABLE, *by]).agg(
        nw.len().alias("__n"),
        nw.col(_W).sum(),
        nw.col(_W2).sum(),
        nw.col("__wmin").min(),
        nw.col("__wnull").sum(),
        *(nw.col(p + k).sum() for k in statistics for p in _POWERS),
    )
    if isinstance(counted, nw.LazyFrame):
        counted = counted.collect(backend="pyarrow")
    table = counted.to_dict(as_series=False)
    check_weights(table)
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
