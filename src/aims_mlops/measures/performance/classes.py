"""Figures of predicted labels, overall and by group, from confusion counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from aims_mlops.measures.performance.counts import CountMetric
from aims_mlops.measures.result.figure import Figure
from aims_mlops.measures.result.libraries import source_of
from aims_mlops.measures.result.result import LeftOut
from aims_mlops.measures.statistics.cells import Cells
from aims_mlops.measures.statistics.intervals import clopper_pearson
from aims_mlops.measures.statistics.rates import Grouping, groupings, resample


def count_figures(
    cells: Cells,
    classes: list[Any],
    metrics: Sequence[CountMetric],
    groups: tuple[str, ...],
    *,
    draws: int,
    seed: int,
    confidence: float,
) -> tuple[list[Figure], list[LeftOut]]:
    """Every metric, overall and by group: exact intervals of shares, resampled counts for others.

    classes : labels in the order of the counts; (negative, positive) for binary metrics.
    """
    drawn = resample(cells, draws, seed)
    figures: list[Figure] = []
    left_out: list[LeftOut] = []
    by = [Grouping.of(cells, ()), *(groupings(cells, groups) if groups else [])]
    tables = [
        (
            grouping,
            confusion_tables(cells.weight, cells, grouping, classes),
            confusion_tables(drawn, cells, grouping, classes),
        )
        for grouping in by
    ]
    for metric in metrics:
        for grouping, counts, resampled in tables:
            found = _metric_figures(metric, cells, grouping, counts, resampled, confidence)
            figures += found
            left_out += [
                LeftOut(
                    what=f"{metric.name} of {figure.group_text or 'the whole'}",
                    why="its denominator is empty",
                )
                for figure in found
                if figure.value is None
            ]
    return figures, left_out


def _metric_figures(
    metric: CountMetric,
    cells: Cells,
    grouping: Grouping,
    counts: Any,
    resampled: Any,
    confidence: float,
) -> list[Figure]:
    values = metric.value(counts)
    numerator = denominator = None
    if metric.share is not None:
        numerator, denominator = metric.share(counts)
        effective = denominator * _effective(cells, grouping)
        low, high = clopper_pearson(np.nan_to_num(values) * effective, effective, confidence)
        method = "korn-graubard" if cells.weighted else "clopper-pearson"
    else:
        tail = (1 - confidence) / 2
        spread = metric.value(resampled)
        # A draw that left a denominator empty says nothing; the estimate stands in for it.
        spread = np.where(np.isfinite(spread), spread, values)
        low, high = np.quantile(spread, [tail, 1 - tail], axis=0)
        low, high = np.minimum(low, values), np.maximum(high, values)
        method = "resampled counts"
    figures = []
    for i, group in enumerate(grouping.groups):
        known = bool(np.isfinite(values[i]))
        rows = grouping.rows[i] if denominator is None or cells.weighted else denominator[i]
        figures.append(
            Figure(
                measure=metric.name,
                group=dict(group) or None,
                value=float(values[i]) if known else None,
                low=float(low[i]) if known else None,
                high=float(high[i]) if known else None,
                numerator=None if numerator is None else _count(numerator[i], cells),
                denominator=None if denominator is None else _count(denominator[i], cells),
                n=int(rows),
                method=f"{method}, {confidence}" if known else None,
                source=source_of("scikit-learn", metric.source),
            )
        )
    return figures


def _count(number: float, cells: Cells) -> float:
    return float(number) if cells.weighted else round(number)


def confusion_tables(weights: Any, cells: Cells, grouping: Grouping, classes: list[Any]) -> Any:
    """(cells,) or (draws, cells) weights as (..., groups, classes, classes)."""
    k = len(classes)
    position = {label: i for i, label in enumerate(classes)}
    assert cells.y_true is not None
    assert cells.y_pred is not None
    true = np.array([position[label] for label in cells.y_true])
    predicted = np.array([position[label] for label in cells.y_pred])
    slot = (grouping.index * k + true) * k + predicted
    table = np.zeros((*weights.shape[:-1], grouping.size * k * k))
    for cell, place in enumerate(slot):
        table[..., place] += weights[..., cell]
    return table.reshape(*weights.shape[:-1], grouping.size, k, k)


def _effective(cells: Cells, grouping: Grouping) -> Any:
    """(groups,) effective rows per unit of weight; 1 without weights."""
    total, squares = grouping.sum(cells.weight), grouping.sum(cells.weight2)
    return np.divide(total, squares, out=np.zeros_like(total), where=squares > 0)
