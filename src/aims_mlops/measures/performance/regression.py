"""Metrics of quantities from sums: scikit-learn's values, whatever the number of rows.

Two passes: the mean of the true values first, then sums of powers of what lies around it, so that
r2 keeps its digits where the values are large and close together. Every metric is a mean over rows
or made of means, and gets limits of Student's t from how far each row moves it.
"""

from __future__ import annotations

import math
from typing import Any

from aims_mlops.errors import InputError
from aims_mlops.measures.performance.ranking import RowMetric, mean_with_limits
from aims_mlops.measures.result.result import LeftOut
from aims_mlops.measures.statistics.moments import GroupSums, sum_groups
from aims_mlops.measures.statistics.rates import Grouping, crossing_left_out, groupings
from aims_mlops.measures.table.columns import Columns

# Below this share of the distance to the overall mean, the spread of a group is rounding.
_NO_SPREAD = 1e-13


def regression_figures(
    columns: Columns, *, confidence: float
) -> tuple[list[tuple[dict[str, str] | None, int, list[RowMetric]]], list[LeftOut]]:
    """(group, rows, metrics) of the whole, of every group and of the groups crossed.

    mean_absolute_error, mean_squared_error, root_mean_squared_error and r2_score of `y_pred`
    against `y_true`. Rows that lack one, or hold infinity, are left out and counted.
    Raises InputError for columns that hold no numbers, and when no row is left.
    """
    import narwhals as nw

    truth, predicted = (_number(columns, role) for role in ("y_true", "y_pred"))
    centre, left_out = _first_pass(columns, {"y_true": truth, "y_pred": predicted})
    squared, away = (predicted - truth) ** 2, truth - nw.lit(centre)
    sums = sum_groups(
        columns,
        {
            "absolute": (predicted - truth).abs(),
            "squared": squared,
            "away": away,
            "away2": away**2,
            "away3": away**3,
            "squared away": squared * away,
            "squared away2": squared * away**2,
        },
    )
    names = tuple(columns.groups)
    found = []
    for grouping in (Grouping.of(sums, ()), *(groupings(sums, names) if names else ())):
        for place, group in enumerate(grouping.groups):
            part = _Part(sums, grouping, place)
            found.append((dict(group) or None, part.n, _metrics(part, confidence)))
    return found, left_out + crossing_left_out(sums, names)


class _Part:
    """The sums of one group: w x, w^2 x and w^2 x^2 of each statistic, and of the weights."""

    def __init__(self, sums: GroupSums, grouping: Grouping, place: int) -> None:
        def of(values: Any) -> float:
            return float(grouping.sum(values)[place])

        self.n = int(grouping.rows[place])
        self.weight, self.weight2 = of(sums.weight), of(sums.weight2)
        self.mean = {name: of(values) / self.weight for name, values in sums.first.items()}
        self.second = {name: of(values) for name, values in sums.second.items()}
        self.second2 = {name: of(values) for name, values in sums.second2.items()}


def _metrics(part: _Part, confidence: float) -> list[RowMetric]:
    mae, mse = part.mean["absolute"], part.mean["squared"]
    found = [
        _mean(part, "mean_absolute_error", mae, _spread(part, "absolute"), confidence),
        _mean(part, "mean_squared_error", mse, _spread(part, "squared"), confidence),
    ]
    of_mse = found[-1]
    found.append(
        RowMetric(
            "root_mean_squared_error",
            math.sqrt(mse),
            None if of_mse.low is None else math.sqrt(of_mse.low),
            None if of_mse.high is None else math.sqrt(of_mse.high),
            of_mse.method,
            of_mse.problem,
        )
    )
    off = part.mean["away"]
    variance = part.mean["away2"] - off**2
    if part.n < 2 or variance <= _NO_SPREAD * part.mean["away2"]:
        why = "the true values are all equal"
        return [*found, RowMetric("r2_score", None, None, None, None, why)]
    moved = _r2_spread(part, mse, variance, off)
    r2 = mean_with_limits(
        "r2_score", 1 - mse / variance, moved, part.weight, part.n, confidence, floor=None
    )
    return [*found, r2]


def _mean(part: _Part, name: str, value: float, spread: float, confidence: float) -> RowMetric:
    return mean_with_limits(name, value, spread, part.weight, part.n, confidence)


def _spread(part: _Part, name: str) -> float:
    """Sum of w^2 (x - mean)^2."""
    mean = part.mean[name]
    return part.second2[name] - 2 * mean * part.second[name] + mean**2 * part.weight2


def _r2_spread(part: _Part, mse: float, variance: float, off: float) -> float:
    """Sum of w^2 times the square of what each row moves r2 by.

    That is (k b - a) / variance, with a the squared error, b = (t - mean)^2 and k = mse / variance:
    its mean is 0, for k is the ratio of the means.
    """
    s = part.second
    a2, k = part.second2["squared"], mse / variance
    s2, s4 = part.second["away2"], part.second2["away2"]
    ab = s["squared away2"] - 2 * off * s["squared away"] + off**2 * s["squared"]
    b2 = s4 - 4 * off * s["away3"] + 6 * off**2 * s2 - 4 * off**3 * s["away"]
    b2 += off**4 * part.weight2
    return (a2 - 2 * k * ab + k**2 * b2) / variance**2


def _number(columns: Columns, role: str) -> Any:
    import narwhals as nw

    name = columns.roles[role]
    kind = next(iter(columns.frames())).collect_schema()[name]
    if not (kind.is_numeric() or kind == nw.Boolean):
        raise InputError(f"{role} is not a column of numbers", got=str(kind))
    return nw.col(name).cast(nw.Float64)


def _first_pass(columns: Columns, roles: dict[str, Any]) -> tuple[float, list[LeftOut]]:
    """The mean of the true values, and how many rows lack a value."""
    whole = Columns(columns.source, columns.roles, {})
    left_out, centre = [], 0.0
    for role, expression in roles.items():
        sums = sum_groups(whole, {role: expression})
        if role == "y_true":
            centre = float(sums.first[role].sum() / sums.weight.sum())
        if sums.excluded:
            why = "missing, or not a finite number"
            left_out.append(LeftOut(what=f"rows without {role}", why=why, n=sums.excluded))
    return centre, left_out
