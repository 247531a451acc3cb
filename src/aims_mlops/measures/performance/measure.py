"""Performance: scikit-learn's metrics with intervals, overall and by group.

docs/measures-performance.md lists every figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aims_mlops.errors import InputError
from aims_mlops.measures.performance.calibration import calibrate
from aims_mlops.measures.performance.class_scores import class_score_metrics, is_class_scores
from aims_mlops.measures.performance.classes import count_figures
from aims_mlops.measures.performance.counts import BINARY, MULTICLASS
from aims_mlops.measures.performance.ranking import RowMetric, score_metrics
from aims_mlops.measures.performance.regression import regression_figures
from aims_mlops.measures.result.figure import Figure, group_text
from aims_mlops.measures.result.grouped import GroupedResult
from aims_mlops.measures.result.libraries import source_of, versions_of
from aims_mlops.measures.result.result import LeftOut
from aims_mlops.measures.statistics.cells import count_cells
from aims_mlops.measures.statistics.label_sets import matching_labels
from aims_mlops.measures.statistics.labels import (
    TASKS,
    classes_of,
    is_quantity,
    positive_of,
    predictions_as_labels,
    without_missing,
)
from aims_mlops.measures.statistics.rates import Grouping, crossing_left_out, groupings
from aims_mlops.measures.statistics.rows import read_rows
from aims_mlops.measures.table.columns import Columns, columns_of
from aims_mlops.measures.table.engine_errors import measures_columns


@dataclass
class _Found:
    task: str
    rows: int = 0
    figures: list[Figure] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    group_rows: dict[str, int] = field(default_factory=dict)
    curves: tuple[Any, ...] = ()

    def add(self, metrics: list[RowMetric], group: Mapping[str, str] | None, n: int) -> None:
        for metric in metrics:
            figure = Figure(
                measure=metric.name,
                group=group,
                value=metric.value,
                low=metric.low,
                high=metric.high,
                n=n,
                method=metric.method,
                source=source_of("scikit-learn", metric.function or metric.name),
            )
            self.figures.append(figure)
            if metric.problem:
                what = f"{metric.name} of {figure.group_text or 'the whole'}"
                self.left_out.append(LeftOut(what=what, why=metric.problem))

    def count_groups(self, by: list[Grouping]) -> None:
        for grouping in by:
            for group, rows in zip(grouping.groups, grouping.rows, strict=True):
                self.group_rows.setdefault(group_text(group), int(rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    threshold: float | None
    positive_label: Any
    labels: Sequence[Any] | None
    n_resamples: int
    seed: int
    confidence: float


@measures_columns
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
    suppress_below: int = 5,
    n_resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> GroupedResult:
    """scikit-learn's metrics of a classifier, a score or a regression, overall and by group.

    y_true : (n,) labels or quantities.  y_pred : (n,) predictions.
    y_score : (n,) scores of the positive class, of which those within [0, 1] are also judged as
        probabilities, with calibration; or (n, classes) probabilities, the columns of a frame by
        their names, those of an array in the order of `labels`, else of the sorted labels. With
        `threshold` the prediction is `y_score >= threshold`.
    groups : groups or slices, in the forms of `sensitive` of `measure_bias`.  data : as there.
    task : 'binary', 'multiclass' or 'regression'; found from the labels when left out.
    suppress_below : what `to_body()` blanks; see `GroupedResult`.

    Figures go by the name of scikit-learn's function (`accuracy_score`, `roc_auc_score`) or, for
    averages over classes, of its scorer (`f1_macro`, `roc_auc_ovr`). Two classes without a known
    positive one are measured as several. What the rows cannot say is None, with the reason in
    `left_out`. Raises InputError for what cannot be used.
    """
    if task is not None and task not in TASKS:
        raise InputError("task is not known", got=repr(task), expected=", ".join(TASKS))
    settings = _Settings(
        threshold=threshold,
        positive_label=positive_label,
        labels=labels,
        n_resamples=n_resamples,
        seed=seed,
        confidence=confidence,
    )
    matrix = y_score if data is None and is_class_scores(y_score) else None
    columns = columns_of(
        data,
        groups=groups,
        groups_argument="groups",
        y_true=y_true,
        y_pred=y_pred,
        y_score=None if matrix is not None else y_score,
        sample_weight=sample_weight,
    )
    if matrix is None and not {"y_pred", "y_score"} & set(columns.roles):
        raise InputError("there is no prediction to look at", expected="y_pred or y_score")
    if task == "regression" or (task is None and is_quantity(columns, "y_true")):
        found = _regression(columns, settings)
    else:
        found = _classes(columns, task, settings)
    if matrix is not None:
        metrics = class_score_metrics(
            y_true, matrix, sample_weight, labels=labels, confidence=confidence
        )
        found.rows = found.rows or len(matrix)
        found.add(metrics, None, len(matrix))
    return GroupedResult(
        kind="performance",
        figures=tuple(found.figures),
        settings={
            "groups": list(columns.groups),
            "threshold": threshold,
            "positive_label": None if positive_label is None else str(positive_label),
            "labels": None if labels is None else [str(label) for label in labels],
            "weighted": sample_weight is not None,
            "suppress_below": suppress_below,
            "n_resamples": n_resamples,
            "seed": seed,
            "confidence": confidence,
        },
        libraries=versions_of("scikit-learn", "scipy", "numpy", "narwhals"),
        left_out=tuple(found.left_out),
        extra={"task": found.task, "rows": found.rows},
        suppress_below=suppress_below,
        group_rows=found.group_rows,
        curves=found.curves,
    )


def _regression(columns: Columns, settings: _Settings) -> _Found:
    found = _Found("regression")
    if "y_pred" not in columns.roles:
        raise InputError("a regression needs y_pred", got="y_score alone")
    parts, left_out = regression_figures(columns, confidence=settings.confidence)
    found.left_out += left_out
    for group, rows, metrics in parts:
        if group is None:
            found.rows = rows
        else:
            found.group_rows.setdefault(group_text(group), rows)
        found.add(metrics, group, rows)
    return found


def _classes(columns: Columns, task: str | None, settings: _Settings) -> _Found:
    found = _Found("scores")
    cells = count_cells(columns, threshold=settings.threshold)
    if "y_pred" not in columns.roles and settings.threshold is not None:
        cells = predictions_as_labels(cells, settings.positive_label)
    cells, missing = without_missing(cells)
    cells, stray = matching_labels(
        cells, declared=settings.labels, positive_label=settings.positive_label, task=task
    )
    missing += stray
    if cells.y_pred is not None:
        found.left_out += missing
        found.count_groups(groupings(cells, tuple(columns.groups)) if columns.groups else [])
        found.left_out += crossing_left_out(cells, tuple(columns.groups))
        found.rows = cells.rows
    classes = classes_of(cells, settings.labels)
    if len(classes) > 2 and task != "multiclass" and settings.positive_label is not None:
        raise InputError(
            "positive_label names one of two labels, and there are more",
            got=f"{len(classes)} labels",
            next_step="leave positive_label out, or clean the labels",
        )
    classes, positive, kind = _order(classes, task, settings, found.left_out)
    if cells.y_pred is not None:
        found.task = kind
        figures, left_out = count_figures(
            cells,
            classes,
            BINARY if kind == "binary" else MULTICLASS,
            tuple(columns.groups),
            draws=settings.n_resamples,
            seed=settings.seed,
            confidence=settings.confidence,
        )
        found.figures += figures
        found.left_out += left_out
    if "y_score" in columns.roles and kind == "binary":
        _scores(columns, positive, found, settings)
    elif "y_score" in columns.roles:
        why = "one score per row says nothing about several classes"
        found.left_out.append(LeftOut(what="metrics of scores", why=why))
    return found


def _scores(columns: Columns, positive: Any, found: _Found, settings: _Settings) -> None:
    rows = read_rows(columns, "y_true", "y_score", positive_label=positive)
    found.left_out += [entry for entry in rows.left_out if entry not in found.left_out]
    found.rows = found.rows or rows.size
    for group, part in rows.parts():
        if group is not None:
            found.group_rows.setdefault(group_text(group), part.size)
        metrics = score_metrics(
            part.columns["y_true"].astype(bool),
            part.columns["y_score"],
            part.weight,
            draws=settings.n_resamples,
            seed=settings.seed,
            confidence=settings.confidence,
        )
        found.add(metrics, group, part.size)
    calibration = calibrate(
        columns,
        positive,
        min_group_size=1,
        draws=settings.n_resamples,
        seed=settings.seed,
        confidence=settings.confidence,
    )
    # How groups differ in calibration is the bias measure's to say.
    found.figures += [f for f in calibration.figures if not f.measure.endswith("_difference")]
    found.left_out += calibration.left_out
    found.curves = calibration.curves


def _order(
    classes: list[Any], task: str | None, settings: _Settings, left_out: list[LeftOut]
) -> tuple[list[Any], Any, str]:
    """Classes as (negative, positive) for a binary task; else as they are."""
    if len(classes) > 2 or task == "multiclass":
        return classes, None, "multiclass"
    try:
        positive = positive_of(classes, settings.positive_label)
    except InputError as error:
        if settings.positive_label is not None:
            raise
        what = "precision_score, recall_score, f1_score and metrics of scores"
        left_out.append(LeftOut(what=what, why=error.thing))
        return classes, None, "multiclass"
    others = [label for label in classes if label != positive]
    return [others[0] if others else object(), positive], positive, "binary"
