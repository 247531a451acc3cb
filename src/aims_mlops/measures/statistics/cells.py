"""Aggregation: how many rows fall into each cell of groups, true label and predicted label.

Every bias figure of a classifier depends on these counts alone. They are taken by one group-by,
written over narwhals, so that the engine that holds the data does it: Arrow for arrays and files
(batch by batch), pandas, Polars, DuckDB or Spark for their own frames. What leaves it has one row
per cell and none per person.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aims_mlops.errors import InputError
from aims_mlops.measures.table.columns import Columns

UNKNOWN = "(unknown)"  # the label of rows whose group is missing
MOST_GROUPS = 200  # labels of one grouping column; more is an identifier or a number, not a group

_TRUE, _PRED, _N = "__true", "__pred", "__n"
_W, _W2, _WMIN, _WNULL = "__w", "__w2", "__wmin", "__wnull"


@dataclass(frozen=True, slots=True)
class Cells:
    """Counts of rows by group, true and predicted label.

    groups : {column: (cells,) array of text labels}, missing ones as "(unknown)".
    y_true, y_pred : (cells,) arrays of labels, None where missing; None if the role is absent.
    n : (cells,) rows.  weight, weight2 : (cells,) sums of weights and of their squares.
    """

    groups: Mapping[str, Any]
    y_true: Any | None
    y_pred: Any | None
    n: Any
    weight: Any
    weight2: Any
    weighted: bool

    @property
    def rows(self) -> int:
        """How many rows were counted."""
        return int(self.n.sum())

    def keep(self, mask: Any) -> Cells:
        """The cells for which the boolean mask holds."""
        return Cells(
            {column: labels[mask] for column, labels in self.groups.items()},
            None if self.y_true is None else self.y_true[mask],
            None if self.y_pred is None else self.y_pred[mask],
            self.n[mask],
            self.weight[mask],
            self.weight2[mask],
            self.weighted,
        )


def count_cells(
    columns: Columns, *, threshold: float | None = None, strictly: bool = False
) -> Cells:
    """Group and count; a threshold makes the prediction from y_score.

    threshold : the prediction is `y_score >= threshold`, or `>` if `strictly`; it counts only
        where there is no y_pred, or if `strictly`.

    Raises InputError for no rows, a grouping column with too many labels, and weights that are
    missing, negative or infinite. A score that is missing or not finite has no prediction.
    """
    import narwhals as nw

    roles = columns.roles
    keys: dict[str, Any] = {f"g{i}": nw.col(c) for i, c in enumerate(columns.groups.values())}
    if "y_true" in roles:
        keys[_TRUE] = nw.col(roles["y_true"])
    if "y_pred" in roles and not strictly:
        keys[_PRED] = nw.col(roles["y_pred"])
    elif threshold is not None:
        score = nw.col(roles["y_score"]).cast(nw.Float64)
        above = score > threshold if strictly else score >= threshold
        keys[_PRED] = nw.when(score.is_finite()).then(above)
    weight = roles.get("sample_weight")
    sums = [nw.len().alias(_N)]
    extra = []
    if weight is not None:
        extra = [nw.col(weight).cast(nw.Float64).alias(_W)]
        extra.append((extra[0] * extra[0]).alias(_W2))
        extra.append(extra[0].alias(_WMIN))
        # A missing weight would be skipped by the sum: count it instead.
        extra.append(extra[0].is_null().cast(nw.Int64).alias(_WNULL))
        sums += [nw.col(_W).sum(), nw.col(_W2).sum(), nw.col(_WMIN).min(), nw.col(_WNULL).sum()]
    parts: dict[tuple[Any, ...], list[float]] = {}
    for frame in columns.frames():
        shaped = frame.select(*(e.alias(k) for k, e in keys.items()), *extra)
        counted = shaped.group_by(list(keys)).agg(*sums)
        if isinstance(counted, nw.LazyFrame):
            counted = counted.collect(backend="pyarrow")
        table = counted.to_dict(as_series=False)
        check_weights(table)
        labels = [[plain_label(v) for v in table[k]] for k in keys]
        numbers = (table[_N], table.get(_W, table[_N]), table.get(_W2, table[_N]))
        for *key, n, w, w2 in zip(*labels, *numbers, strict=True):
            total = parts.setdefault(tuple(key), [0, 0.0, 0.0])
            total[0] += n
            total[1] += w
            total[2] += w2
        check_cardinality(parts, list(columns.groups))
    return _cells(parts, columns, list(keys), weighted=weight is not None)


def _cells(
    parts: Mapping[tuple[Any, ...], Sequence[float]],
    columns: Columns,
    keys: Sequence[str],
    *,
    weighted: bool,
) -> Cells:
    if not parts or not sum(p[0] for p in parts.values()):
        raise InputError("there is no row to measure", got="0 rows", expected="at least one")
    ordered = sorted(parts, key=lambda key: tuple((k is None, str(type(k)), str(k)) for k in key))
    by_key: dict[str, Any] = {}
    for i, name in enumerate(keys):
        by_key[name] = np.empty(len(ordered), dtype=object)
        by_key[name][:] = [key[i] for key in ordered]
    sums = np.array([parts[key] for key in ordered], dtype=float)
    return Cells(
        text_labels(ordered, list(columns.groups)),
        by_key.get(_TRUE),
        by_key.get(_PRED),
        sums[:, 0].astype(np.int64),
        sums[:, 1],
        sums[:, 2],
        weighted,
    )


def text_labels(keys: Sequence[tuple[Any, ...]], columns: Sequence[str]) -> dict[str, Any]:
    """The labels of the grouping columns, which come first in each key."""
    return {
        column: np.array([label_text(key[i]) for key in keys], dtype=object)
        for i, column in enumerate(columns)
    }


def label_text(label: Any) -> str:
    """A label as figures show it; the same text whichever library the column came from."""
    return UNKNOWN if label is None else str(label)


def plain_label(value: Any) -> Any:
    """One spelling per label: missing is None, whole floats and NumPy scalars are plain ints."""
    if value is None:
        return None
    if hasattr(value, "item") and not isinstance(value, float):
        value = value.item()
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return int(value) if value.is_integer() else value
    return None if str(value) in ("<NA>", "NaT") else value


def check_weights(table: Mapping[str, Sequence[Any]]) -> None:
    """Raise InputError if a weight is missing or not finite."""
    if _WMIN not in table:
        return
    lowest = [w for w in table[_WMIN] if w is not None]
    if any(w < 0 for w in lowest):
        raise InputError("sample_weight has negative weights", expected="weights of 0 and more")
    missing = sum(table[_WNULL])
    if missing or any(w is None or not math.isfinite(w) for w in table[_W]):
        raise InputError(
            "sample_weight has missing or infinite weights",
            got=f"{missing or 'some'} rows",
            expected="a finite weight for every row",
        )


def check_cardinality(parts: Mapping[tuple[Any, ...], Any], columns: Sequence[str]) -> None:
    """Raise InputError if a column has more labels than are compared."""
    for i, column in enumerate(columns):
        labels = {key[i] for key in parts}
        if len(labels) > MOST_GROUPS:
            raise InputError(
                f"column {column!r} has too many labels to be groups",
                got=f"more than {MOST_GROUPS}",
                expected=f"at most {MOST_GROUPS}",
                next_step="cut numbers into bands, such as ages into ten-year groups",
            )
