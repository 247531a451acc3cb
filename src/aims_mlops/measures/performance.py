"""Performance: scikit-learn's metrics with intervals, overall and by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aims_mlops.errors import InputError
from aims_mlops.measures.bias_rates import Grouping, groupings, resample
from aims_mlops.measures.cells import Cells, count_cells
from aims_mlops.measures.columns import columns_of
from aims_mlops.measures.figures import Figure
from aims_mlops.measures.grouped_result import GroupedResult
from aims_mlops.measures.intervals import clopper_pearson
from aims_mlops.measures.labels import (
    classes_of,
    is_quantity,
    positive_of,
    predictions_as_labels,
    without_missing,
)
from aims_mlops.measures.libraries import source_of, versions_of
from aims_mlops.measures.performance_counts import BINARY, MULTICLASS, CountMetric
from aims_mlops.measures.performance_rows import RowMetric, regression_metrics, score_metrics
from aims_mlops.measures.result import LeftOut
from aims_mlops.measures.rows import read_rows


def measure_performance(
    data: Any = None,
    *,
    y_true: Any,
    y_pred: Any = None,
    y_score: Any = None,
    groups: Any = None,
    threshold: float | None = None,
    sample_weight: Any = None,
    positive_label: Any = None,
    labels: Sequence[Any] | None = None,
    task: str | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> GroupedResult:
    """scikit-learn's metrics of a classifier, a score or a regression, overall and by group.

    y_true : (n,) labels or quantities.  y_pred : (n,) predictions.  y_score : (n,) scores of the
        positive class; scores within [0, 1] are also judged as probabilities.
    groups : as `sensitive` of `measure_bias`.  data : as there.
    task : 'binary', 'multiclass' or 'regression'; found from the labels when left out.

    Figures go by the name of scikit-learn's function (`accuracy_score`, `roc_auc_score`) or, for
    macro averages, of its scorer (`f1_macro`). Two classes without a known positive one are
    measured as several. What the rows cannot say is None, with the reason in `left_out`.
    Raises InputError for what cannot be used.
    """
    columns = columns_of(
        data,
        groups=groups,
        groups_argument="groups",
        y_true=y_true,
        y_pred=y_pred,
        y_score=y_score,
        sample_weight=sample_weight,
    )
    if not {"y_pred", "y_score"} & set(columns.roles):
        raise InputError("there is no prediction to look at", expected="y_pred or y_score")
    settings = {
        "threshold": threshold,
        "positive_label": None if positive_label is None else str(positive_label),
        "groups": list(columns.groups),
        "weighted": sample_weight is not None,
        "n_resamples": n_resamples,
        "seed": seed,
        "confidence": confidence,
    }
    figures: list[Figure] = []
    left_out: list[LeftOut] = []
    if task == "regression" or (task is None and is_quantity(columns, "y_true")):
        found_task = "regression"
        if "y_pred" not in columns.roles:
            raise InputError("a regression needs y_pred", got="y_score alone")
        rows = read_rows(columns, "y_true", "y_pred")
        left_out += rows.left_out
        for group, part in rows.parts():
            found = regression_metrics(
                part.columns["y_true"], part.columns["y_pred"], part.weight, confidence=confidence
            )
            _add(found, group, part.size, figures, left_out)
        total = rows.size
    else:
        found_task = "scores"
        total = 0
        positive: Any = positive_label
        if "y_pred" in columns.roles or threshold is not None:
            cells, missing = without_missing(count_cells(columns, threshold=threshold))
            left_out += missing
            if "y_pred" not in columns.roles:
                cells = predictions_as_labels(cells, positive_label)
            classes = classes_of(cells, labels)
            classes, positive, found_task = _order(classes, positive_label, task, left_out)
            metrics = BINARY if found_task == "binary" else MULTICLASS
            figures += _count_figures(
                cells, classes, metrics, columns.groups, n_resamples, seed, confidence, left_out
            )
            total = cells.rows
        if "y_score" in columns.roles and found_task != "multiclass":
            rows = read_rows(columns, "y_true", "y_score", positive_label=positive)
            left_out += rows.left_out
            total = total or rows.size
            for group, part in rows.parts():
                scored = score_metrics(
                    part.columns["y_true"].astype(bool),
                    part.columns["y_score"],
                    part.weight,
                    draws=n_resamples,
                    seed=seed,
                    confidence=confidence,
                )
                _add(scored, group, part.size, figures, left_out)
    return GroupedResult(
        kind="performance",
        figures=tuple(figures),
        settings=settings,
        libraries=versions_of("scikit-learn", "scipy", "numpy"),
        left_out=tuple(left_out),
        extra={"task": found_task, "rows": total},
    )


def _order(
    classes: list[Any], positive_label: Any, task: str | None, left_out: list[LeftOut]
) -> tuple[list[Any], Any, str]:
    """Classes as (negative, positive) for a binary task; else as they are."""
    if len(classes) > 2 or task == "multiclass":
        return classes, None, "multiclass"
    try:
        positive = positive_of(classes, positive_label)
    except InputError as error:
        if positive_label is not None:
            raise
        left_out.append(LeftOut(what="precision_score, recall_score and f1_score", why=error.thing))
        return classes, None, "multiclass"
    others = [label for label in classes if label != positive]
    return [others[0] if others else object(), positive], positive, "binary"


def _count_figures(
    cells: Cells,
    classes: list[Any],
    metrics: Sequence[CountMetric],
    groups: Mapping[str, str],
    n_resamples: int,
    seed: int,
    confidence: float,
    left_out: list[LeftOut],
) -> list[Figure]:
    draws = resample(cells, n_resamples, seed)
    whole = Grouping.of(cells, ())
    tail = (1 - confidence) / 2
    figures = []
    by = [whole, *(groupings(cells, tuple(groups)) if groups else [])]
    tables = [
        (
            g,
            _confusion(cells.weight, cells, g, classes),
            _confusion(draws, cells, g, classes),
            _effective(cells, g),
        )
        for g in by
    ]
    for metric in metrics:
        source = source_of("scikit-learn", metric.source)
        for grouping, counts, drawn, share_of_rows in tables:
            values = metric.value(counts)
            numerator = denominator = None
            if metric.share is not None:
                numerator, denominator = metric.share(counts)
                effective = denominator * share_of_rows
                low, high = clopper_pearson(
                    np.nan_to_num(values) * effective, effective, confidence
                )
                method = "korn-graubard" if cells.weighted else "clopper-pearson"
            else:
                spread = metric.value(drawn)
                spread = np.where(np.isfinite(spread), spread, values)
                low, high = np.quantile(spread, [tail, 1 - tail], axis=0)
                method = "resampled counts"
            for i, group in enumerate(grouping.groups):
                known = bool(np.isfinite(values[i]))
                figures.append(
                    Figure(
                        measure=metric.name,
                        group=dict(group) or None,
                        value=float(values[i]) if known else None,
                        low=float(low[i]) if known else None,
                        high=float(high[i]) if known else None,
                        numerator=None if numerator is None else float(numerator[i]),
                        denominator=None if denominator is None else float(denominator[i]),
                        n=int(grouping.rows[i])
                        if denominator is None or cells.weighted
                        else int(denominator[i]),
                        method=f"{method}, {confidence}" if known else None,
                        source=source,
                    )
                )
                if not known:
                    what = f"{metric.name} of {figures[-1].group_text or 'the whole'}"
                    left_out.append(LeftOut(what=what, why="its denominator is empty"))
    return figures


def _confusion(weights: Any, cells: Cells, grouping: Grouping, classes: list[Any]) -> Any:
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


def _add(
    found: list[RowMetric],
    group: Mapping[str, str] | None,
    n: int,
    figures: list[Figure],
    left_out: list[LeftOut],
) -> None:
    for metric in found:
        figure = Figure(
            measure=metric.name,
            group=group,
            value=metric.value,
            low=metric.low,
            high=metric.high,
            n=n,
            method=metric.method,
            source=source_of("scikit-learn", metric.name),
        )
        figures.append(figure)
        if metric.problem:
            what = f"{metric.name} of {figure.group_text or 'the whole'}"
            left_out.append(LeftOut(what=what, why=metric.problem))
