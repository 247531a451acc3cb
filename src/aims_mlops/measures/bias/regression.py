"""Bias of a regression: mean prediction and error by group, and their differences.

Every figure is a mean over rows, so that sums by group are enough: they are taken by one
group-by, batch by batch for files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from aims_mlops.measures.result.figure import Figure, group_text
from aims_mlops.measures.result.libraries import source_of
from aims_mlops.measures.result.result import LeftOut
from aims_mlops.measures.statistics.groups import scope_of
from aims_mlops.measures.statistics.intervals import Estimates, compare_groups, student_quantile
from aims_mlops.measures.statistics.moments import GroupSums, sum_groups
from aims_mlops.measures.statistics.rates import Grouping
from aims_mlops.measures.table.columns import Columns


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over rows: its name, who defines it, and the statistic that is averaged."""

    name: str
    source: str
    statistic: str


_PREDICTION = Mean("mean_prediction", "fairlearn", "prediction")
_ERRORS = (
    Mean("mean_error", "aims-mlops", "error"),
    Mean("mean_absolute_error", "scikit-learn", "absolute"),
    Mean("mean_squared_error", "scikit-learn", "squared"),
)


def means(*, truth: bool) -> tuple[Mean, ...]:
    """The means that are compared between groups; errors only where the truth is known."""
    return (_PREDICTION, *_ERRORS) if truth else (_PREDICTION,)


def sum_errors(columns: Columns) -> GroupSums:
    """Sums of the prediction and, with a truth, of its error; infinite values are excluded."""
    import narwhals as nw

    predicted = nw.col(columns.roles["y_pred"]).cast(nw.Float64)
    if "y_true" not in columns.roles:
        return sum_groups(columns, {"prediction": predicted})
    error = predicted - nw.col(columns.roles["y_true"]).cast(nw.Float64)
    return sum_groups(
        columns,
        {
            "prediction": predicted,
            "error": error,
            "absolute": error.abs(),
            "squared": error * error,
        },
    )


def regression_bias(
    sums: GroupSums,
    by: list[Grouping],
    *,
    truth: bool,
    min_group_size: int,
    confidence: float,
    draws: int,
    seed: int,
) -> tuple[list[Figure], list[LeftOut]]:
    """Means by group and the largest difference between groups of each."""
    figures: list[Figure] = []
    left_out: list[LeftOut] = []
    for mean in means(truth=truth):
        for grouping in (Grouping.of(sums, ()), *by):
            figures += mean_figures(sums, mean, grouping, confidence)
        for grouping in by:
            figure, missing = mean_comparison(
                sums,
                mean,
                grouping,
                scope_of(grouping, by),
                large=grouping.rows >= min_group_size,
                confidence=confidence,
                draws=draws,
                seed=seed,
            )
            figures.append(figure)
            left_out += missing
    if not truth:
        left_out.append(LeftOut(what="errors", why="y_true is not given"))
    return figures, left_out


def mean_by_group(sums: GroupSums, mean: Mean, grouping: Grouping) -> tuple[Any, Any]:
    """Means and their standard errors, (groups,) each; the error of one row is NaN."""
    total = grouping.sum(sums.weight)
    with np.errstate(all="ignore"):
        value = grouping.sum(sums.first[mean.statistic]) / total
        spread = (
            grouping.sum(sums.second2[mean.statistic])
            - 2 * value * grouping.sum(sums.second[mean.statistic])
            + value**2 * grouping.sum(sums.weight2)
        )
        n = grouping.rows
        error = np.sqrt(np.maximum(spread, 0)) / total * np.sqrt(n / (n - 1))
    return value, np.where(grouping.rows > 1, error, np.nan)


def mean_figures(
    sums: GroupSums, mean: Mean, grouping: Grouping, confidence: float
) -> list[Figure]:
    """One figure per group; numerator and denominator are the weighted sum and the weight."""
    value, error = mean_by_group(sums, mean, grouping)
    half = student_quantile(1 - (1 - confidence) / 2, grouping.rows - 1) * error
    total, weight = grouping.sum(sums.first[mean.statistic]), grouping.sum(sums.weight)
    floor = -np.inf if mean.statistic in ("prediction", "error") else 0.0
    figures = []
    for i, group in enumerate(grouping.groups):
        known = bool(np.isfinite(half[i]))
        figures.append(
            Figure(
                measure=mean.name,
                group=dict(group) or None,
                value=float(value[i]),
                low=max(floor, float(value[i] - half[i])) if known else None,
                high=float(value[i] + half[i]) if known else None,
                numerator=float(total[i]),
                denominator=float(weight[i]),
                n=int(grouping.rows[i]),
                method=f"normal (t), {confidence}" if known else None,
                source=source_of(mean.source, mean.name),
            )
        )
    return figures


def mean_comparison(
    sums: GroupSums,
    mean: Mean,
    grouping: Grouping,
    scope: dict[str, str] | None,
    *,
    large: Any,
    confidence: float,
    draws: int,
    seed: int,
) -> tuple[Figure, list[LeftOut]]:
    """The largest difference of a mean between two groups (MetricFrame.difference)."""
    name = f"{mean.name}_difference"
    source = source_of("fairlearn", f"MetricFrame({mean.name}).difference()")
    value, error = mean_by_group(sums, mean, grouping)
    usable = np.flatnonzero(large & (grouping.rows > 1))
    if len(usable) < 2:
        what = name + ("" if scope is None else f" by {group_text(scope)}")
        why = "fewer than two groups are large enough"
        return Figure(measure=name, group=scope, source=source), [LeftOut(what=what, why=why)]
    rows = grouping.rows[usable]
    estimates = Estimates.of_means(value[usable], error[usable], rows, draws, seed)
    interval = compare_groups([estimates], ratio=False, confidence=confidence)
    figure = Figure(
        measure=name,
        group=scope,
        value=interval.value,
        low=interval.low,
        high=interval.high,
        n=int(rows.min()),
        method=f"hybrid normal (t), {confidence}",
        source=source,
    )
    return figure, []
