"""Ranges that a column's name stands for: an age of -5 is none, whatever else the table says.

A range is only expected where the data themselves look like it: at least 95 % of the values inside.
Standardised or scaled columns keep their names and lose their units.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aims_mlops.measures.quality.suite import Expectation

if TYPE_CHECKING:
    import pandas as pd

# Words of a name -> what values can be, in the usual unit; the first that fits counts.
_RANGES: tuple[tuple[frozenset[str], float, float | None], ...] = (
    (frozenset(("age", "ages")), 0, 130),
    (frozenset(("latitude", "lat")), -90, 90),
    (frozenset(("longitude", "lon", "lng")), -180, 180),
    (frozenset(("probability", "prob", "proba")), 0, 1),
    (frozenset(("hour",)), 0, 24),
    (frozenset(("month",)), 1, 12),
    (frozenset(("weekday", "dayofweek")), 0, 7),
    (
        frozenset(("height", "weight", "bmi", "distance", "duration", "area", "count", "quantity")),
        0,
        None,
    ),
)
_LOOKS_LIKE = 0.95  # share of the values that lie inside
_DISTINCT = 3  # a flag or a code is no quantity


def plausible_range(series: pd.Series[Any], column: str) -> list[Expectation]:
    """The range that the column's name stands for, as an expectation; nothing if none does."""
    import numpy as np
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype):
        return []
    found = _range_of(column)
    if found is None:
        return []
    low, high = found
    values = series.to_numpy(dtype="f8", na_value=np.nan)
    values = values[~np.isnan(values)]
    if len(np.unique(values[:10_000])) < _DISTINCT:
        return []
    inside = (values >= low) & (values <= (np.inf if high is None else high))
    if inside.mean() < _LOOKS_LIKE:
        return []
    limits = {"min_value": low} | ({} if high is None else {"max_value": high})
    return [Expectation("expect_column_values_to_be_between", {"column": column, **limits})]


def _range_of(column: str) -> tuple[float, float | None] | None:
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", column)
    words = re.findall(r"[a-z]+", spaced.casefold())
    for known, low, high in _RANGES:
        if not known.isdisjoint(words):
            return low, high
    return None
