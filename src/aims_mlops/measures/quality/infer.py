"""A quality suite from data: the default for data nobody described, and one from a reference."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import InputError
from aims_mlops.measures.quality.frame import Frames
from aims_mlops.measures.quality.plausible import plausible_range
from aims_mlops.measures.quality.suite import (
    TYPE_LISTS,
    Expectation,
    Suite,
    duplicates,
    label_balance,
    missing,
)

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_MAX_DUPLICATES = 0.01  # share of rows
DEFAULT_MAX_MISSING = 0.2  # share of the values of a column

_MOST_CATEGORIES = 30
_FEWEST_ROWS = 10  # rows that a category or a bound of a range must stand for
_DEVIATIONS = 4  # of a binomial share: room for chance between two samples


def default_suite(frames: Frames) -> Suite:
    """What any table should keep to: rows that differ, values that are there and that vary.

    At most 1 % of rows that occur more than once, at most 20 % of values missing in a column,
    at least two different values in each column, and values in the range that the column's name
    stands for (`plausible`). Lists and records are left out of the comparison of rows.
    """
    comparable = frames.comparable
    found = [Expectation("expect_table_row_count_to_be_between", {"min_value": 1})]
    if len(comparable) > 1:  # in a lone column repeated values are the rule
        found.append(duplicates(comparable, DEFAULT_MAX_DUPLICATES))
    for name in frames.names:
        found.append(missing(name, DEFAULT_MAX_MISSING))
        if name in comparable:
            found.append(
                Expectation(
                    "expect_column_unique_value_count_to_be_between",
                    {"column": name, "min_value": 2},
                )
            )
        found.extend(plausible_range(frames.of([name])[name], name))
    return Suite("default", tuple(found), origin="default")


def infer_suite(reference: Any, *, name: str = "inferred", label: str | None = None) -> Suite:
    """What a later batch should keep to if it comes from where the reference came from.

    reference : any supported table, with at least one row.  label : the target column, whose
        rarest class is then expected to keep at least half of its share.
    Bounds leave room for chance and are no value of a single row: a range reaches from the 1 %
    to the 99 % quantile and once its width beyond on each side; categories need ten rows.
    Raises InputError for a reference without rows.
    """
    frames = Frames(reference)
    rows = frames.rows
    if not rows:
        raise InputError("a reference without rows tells nothing", expected="at least one row")
    comparable = frames.comparable
    found = [
        Expectation(
            "expect_table_columns_to_match_set",
            {"column_set": list(frames.names), "exact_match": True},
        )
    ]
    if len(comparable) > 1:
        repeated = float(frames.of(comparable).duplicated(keep=False).mean())
        found.append(duplicates(comparable, _upper(repeated, rows)))
    if label is not None:
        found.extend(_label(frames, label))
    for column in frames.names:
        found.extend(_of_column(frames.of([column])[column], column, column in comparable))
    return Suite(name, tuple(found), origin="inferred")


def _label(frames: Frames, label: str) -> list[Expectation]:
    if label not in frames.names:
        raise InputError(f"the reference has no column {label!r} to be the label")
    shares = frames.of([label])[label].value_counts(normalize=True)
    shares = shares[shares > 0]
    if len(shares) < 2:
        raise InputError(f"label {label!r} has one class only", expected="at least two classes")
    return [label_balance(label, round(float(shares.min()) / 2, 6))]


def _of_column(series: pd.Series[Any], column: str, comparable: bool) -> list[Expectation]:
    import pandas as pd

    absent = float(series.isna().mean())
    found = [missing(column, _upper(absent, len(series)))]
    present = series.dropna()
    word = _type_word(present)
    if word is not None:
        found.append(
            Expectation(
                "expect_column_values_to_be_in_type_list",
                {"column": column, "type_list": TYPE_LISTS[word]},
            )
        )
    if not comparable or not len(present):
        return found
    distinct = int(present.nunique())
    if word in ("integer", "text") and distinct == len(present) >= 100:
        found.append(Expectation("expect_column_values_to_be_unique", {"column": column}))
    elif word in ("integer", "number"):
        found.extend(_range(present, column))
    elif word == "text" and distinct <= _MOST_CATEGORIES:
        found.extend(_categories(present, column))
    if word != "boolean" and distinct > 1 and not isinstance(series.dtype, pd.CategoricalDtype):
        found.append(
            Expectation(
                "expect_column_unique_value_count_to_be_between", {"column": column, "min_value": 2}
            )
        )
    return found


def _type_word(present: pd.Series[Any]) -> str | None:
    import pandas as pd

    checks = pd.api.types
    dtype = present.dtype
    if checks.is_bool_dtype(dtype):
        return "boolean"
    if checks.is_integer_dtype(dtype):
        return "integer"
    if checks.is_float_dtype(dtype):
        return "number"
    if checks.is_datetime64_any_dtype(dtype):
        return "time"
    values = dtype.categories if isinstance(dtype, pd.CategoricalDtype) else present
    return "text" if checks.infer_dtype(values, skipna=True) == "string" else None


def _range(present: pd.Series[Any], column: str) -> list[Expectation]:
    import numpy as np

    values = present.to_numpy(dtype="f8", na_value=np.nan)
    values = values[np.isfinite(values)]
    if len(values) * 0.01 < _FEWEST_ROWS:  # a quantile would be one row's value
        return []
    low, high = np.quantile(values, [0.01, 0.99])
    width = float(high - low)
    lower, upper = float(low) - width, float(high) + width
    if lower < 0 and not (values < 0).any():
        lower = 0.0
    inside = float(((values >= lower) & (values <= upper)).mean())
    return [
        Expectation(
            "expect_column_values_to_be_between",
            {
                "column": column,
                "min_value": lower,
                "max_value": upper,
                "mostly": round(1 - _upper(1 - inside, len(values)), 6),
            },
        )
    ]


def _categories(present: pd.Series[Any], column: str) -> list[Expectation]:
    counts = present.value_counts()
    kept = counts[counts >= _FEWEST_ROWS]
    if not len(kept):
        return []
    rare = 1 - float(kept.sum()) / len(present)
    return [
        Expectation(
            "expect_column_values_to_be_in_set",
            {
                "column": column,
                "value_set": sorted(str(value) for value in kept.index),
                "mostly": round(1 - _upper(rare, len(present)), 6),
            },
        )
    ]


def _upper(share: float, rows: int) -> float:
    """An upper limit for the same share in another sample, in [0, 1]; never below it."""
    room = _DEVIATIONS * math.sqrt(share * (1 - share) / rows) if share else 0.0
    return min(1.0, math.ceil((share + room) * 1000) / 1000)
