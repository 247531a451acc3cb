"""Bias: how a model's decisions differ between groups of people.

Definitions are Fairlearn's and scikit-learn's; the figures come from counted cells (docs/adr/0201)
and equal the libraries' own on rows. docs/measures-bias.md lists every figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aims_mlops.errors import InputError
from aims_mlops.measures.bias.classes import (
    group_figures,
    impact_ratios,
)
from aims_mlops.measures.bias.regression import regression_bias, sum_errors
from aims_mlops.measures.performance.calibration import calibrate
from aims_mlops.measures.performance.class_scores import is_class_scores
from aims_mlops.measures.result.figure import Figure, group_text
from aims_mlops.measures.result.grouped import GroupedResult
from aims_mlops.measures.result.libraries import versions_of
from aims_mlops.measures.result.result import LeftOut
from aims_mlops.measures.scores import median_score
from aims_mlops.measures.statistics.cells import UNKNOWN, count_cells
from aims_mlops.measures.statistics.groups import compared_share, small_groups
from aims_mlops.measures.statistics.label_sets import matching_labels
from aims_mlops.measures.statistics.labels import (
    TASKS,
    classes_of,
    is_quantity,
    known_labels,
    positive_of,
    predictions_as_labels,
    without_missing,
)
from aims_mlops.measures.statistics.rates import (
    Grouping,
    crossing_left_out,
    groupings,
    resample,
)
from aims_mlops.measures.table.columns import Columns, columns_of
from aims_mlops.measures.table.engine_errors import measures_columns


@dataclass
class _Found:
    """What one kind of task gives."""

    task: str
    by: list[Grouping]
    rows: int
    figures: list[Figure] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    curves: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    threshold: float | None
    positive_label: Any
    labels: Sequence[Any] | None
    min_group_size: int
    smallest_share: float
    n_resamples: int
    seed: int
    confidence: float


@measures_columns
def measure_bias(
    data: Any = None,
    *,
    y_true: Any = None,
    y_pred: Any = None,
    y_score: Any = None,
    sensitive: Any,
    threshold: float | None = None,
    sample_weight: Any = None,
    positive_label: Any = None,
    labels: Sequence[Any] | None = None,
    task: str | None = None,
    min_group_size: int = 30,
    smallest_share: float = 0.02,
    suppress_below: int = 5,
    n_resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> GroupedResult:
    """Rates by group, and differences and ratios between groups, with intervals.

    y_true, y_pred : (n,) labels, or quantities for a regression.
    y_score : (n,) scores; with `threshold` the prediction is `y_score >= threshold`. Scores also
        give the scoring rate (share above the median) and, within [0, 1], calibration by group.
    sensitive : (n,) labels, or a frame or mapping of several; each column is judged by itself and
        all of them crossed.
    data : a frame, a DuckDB relation or the path of a Parquet or CSV file; the others then name
        its columns, and a file is read batch by batch.
    positive_label : the favourable or flagged one of two labels; needed unless they are 0 and 1.
    labels : every label there may be; others are an error.
    task : 'binary', 'multiclass', 'regression' or 'scores'; found from the labels if left out.
    min_group_size : groups of fewer rows are shown but not compared; `compared_share` says how
        many rows are in groups that were.
    smallest_share : categories under this share of the rows get no impact ratio.
    suppress_below : what `to_body()` blanks; see `GroupedResult`.
    n_resamples, seed, confidence : of the intervals of comparisons.

    A comparison has `group` None when all sensitive columns are crossed (Fairlearn's meaning of
    several), and {column: "*"} for one column of several.

    A comparison's interval is made to be tested: with equal rates the lower end of a difference
    is 0 and the upper end of a ratio is 1 in at least `confidence` of samples, however unequal
    the groups' sizes. So a rule "difference at most x" fails when `low > x`, passes when
    `high <= x` and is insufficient between; "ratio at least x" fails when `high < x`, passes when
    `low >= x`. The `n` of a comparison is the smallest denominator among the groups compared.

    Rows whose group is missing form the group "(unknown)"; rows without a label are left out and
    counted. Raises InputError for what cannot be used.
    """
    settings = _Settings(
        threshold=threshold,
        positive_label=positive_label,
        labels=labels,
        min_group_size=min_group_size,
        smallest_share=smallest_share,
        n_resamples=n_resamples,
        seed=seed,
        confidence=confidence,
    )
    _check(settings)
    several = data is None and is_class_scores(y_score)
    if several and y_pred is None:
        raise InputError(
            "scores of several classes say nothing about one decision",
            got=f"{y_score.shape[1]} columns in y_score",
            expected="y_pred, or one score for each row",
            next_step="pass y_pred=, such as model.predict(X)",
        )
    columns = columns_of(
        data,
        groups=sensitive,
        y_true=y_true,
        y_pred=y_pred,
        y_score=None if several else y_score,
        sample_weight=sample_weight,
    )
    found = _measure(columns, _task(task, columns, threshold), settings)
    if several:
        why = "y_score has a column for each of several classes; y_pred was compared"
        found.left_out.append(LeftOut(what="figures of scores", why=why))
    return GroupedResult(
        kind="bias",
        figures=tuple(found.figures),
        settings={
            "sensitive": list(columns.groups),
            "threshold": threshold,
            "positive_label": None if positive_label is None else str(positive_label),
            "labels": None if labels is None else [str(label) for label in labels],
            "weighted": sample_weight is not None,
            "min_group_size": min_group_size,
            "smallest_share": smallest_share,
            "suppress_below": suppress_below,
            "n_resamples": n_resamples,
            "seed": seed,
            "confidence": confidence,
        },
        libraries=versions_of("fairlearn", "scikit-learn", "scipy", "numpy", "narwhals"),
        left_out=tuple(found.left_out),
        notes=tuple(_notes(found.by)),
        extra={"task": found.task, "rows": found.rows},
        suppress_below=suppress_below,
        group_rows={
            group_text(group): int(rows)
            for grouping in found.by
            for group, rows in zip(grouping.groups, grouping.rows, strict=True)
        },
        curves=found.curves,
    )


def _task(task: str | None, columns: Columns, threshold: float | None) -> str:
    if not columns.groups:
        raise InputError("sensitive names no column", expected="at least one")
    if task is not None and task not in TASKS:
        raise InputError("task is not known", got=repr(task), expected=", ".join(TASKS))
    predicted = "y_pred" in columns.roles
    if not predicted and "y_score" not in columns.roles:
        raise InputError("there is no prediction to look at", expected="y_pred or y_score")
    if task is not None:
        return task
    if not predicted:
        return "classes" if threshold is not None else "scores"
    judged = "y_true" if "y_true" in columns.roles else "y_pred"
    return "regression" if is_quantity(columns, judged) else "classes"


def _measure(columns: Columns, task: str, settings: _Settings) -> _Found:
    names = tuple(columns.groups)
    if task == "regression":
        if "y_pred" not in columns.roles:
            raise InputError("a regression needs y_pred", got="y_score alone")
        sums = sum_errors(columns)
        found = _Found("regression", groupings(sums, names), int(sums.n.sum()))
        crossing = crossing_left_out(sums, names)
        found.figures, found.left_out = regression_bias(
            sums,
            found.by,
            truth="y_true" in columns.roles,
            min_group_size=settings.min_group_size,
            confidence=settings.confidence,
            draws=settings.n_resamples,
            seed=settings.seed,
        )
        found.left_out += crossing
        if sums.excluded:
            why = "a value is missing or not finite"
            found.left_out.append(LeftOut(what="rows", why=why, n=sums.excluded))
    elif task == "scores":
        found = _Found("scores", [], 0)
        found.left_out.append(
            LeftOut(what="rates of decisions", why="neither y_pred nor a threshold is given")
        )
    else:
        found = _classes(columns, task, settings)
    if "y_score" in columns.roles and found.task in ("binary", "scores"):
        _score_figures(columns, found, settings)
    if found.by:
        found.figures += compared_share(found.by, settings.min_group_size)
        found.left_out += small_groups(found.by, settings.min_group_size)
    return found


def _classes(columns: Columns, task: str, settings: _Settings) -> _Found:
    cells, left_out = without_missing(count_cells(columns, threshold=settings.threshold))
    if "y_pred" in columns.roles:
        cells, stray = matching_labels(
            cells,
            declared=settings.labels,
            positive_label=settings.positive_label,
            task=None if task == "classes" else task,
        )
        left_out += stray
    else:
        cells = predictions_as_labels(cells, settings.positive_label)
    classes = classes_of(cells, settings.labels)
    if len(classes) > 2 and task != "multiclass" and settings.positive_label is not None:
        raise InputError(
            "positive_label names one of two labels, and there are more",
            got=f"{len(classes)} labels",
            next_step="leave positive_label out, or clean the labels",
        )
    binary = task == "binary" or (task == "classes" and len(classes) <= 2)
    if binary and len(classes) > 2:
        raise InputError("a binary task has two labels", got=f"{len(classes)} labels")
    positives = [positive_of(classes, settings.positive_label)] if binary else classes
    found = _Found(
        "binary" if binary else "multiclass", groupings(cells, tuple(columns.groups)), cells.rows
    )
    found.left_out += left_out + crossing_left_out(cells, tuple(columns.groups))
    draws = resample(cells, settings.n_resamples, settings.seed)
    figures, missing = group_figures(
        cells,
        positives,
        found.by,
        draws,
        min_group_size=settings.min_group_size,
        smallest_share=settings.smallest_share,
        confidence=settings.confidence,
        binary=binary,
    )
    found.figures += figures
    found.left_out += missing
    return found


def _score_figures(columns: Columns, found: _Found, settings: _Settings) -> None:
    cells = count_cells(columns, threshold=median_score(columns), strictly=True)
    known = known_labels(cells.y_pred)
    if not known.all():
        why = "the score is missing or not finite"
        found.left_out.append(
            LeftOut(what="rows in the scoring rate", why=why, n=int(cells.n[~known].sum()))
        )
        cells = cells.keep(known)
    by = groupings(cells, tuple(columns.groups))
    figures, left_out = impact_ratios(
        cells,
        by,
        resample(cells, settings.n_resamples, settings.seed),
        smallest_share=settings.smallest_share,
        confidence=settings.confidence,
    )
    found.figures += figures
    found.left_out += left_out
    if not found.by:
        found.by, found.rows = by, cells.rows
        found.left_out += crossing_left_out(cells, tuple(columns.groups))
    if cells.y_true is None:
        return
    classes = sorted(set(cells.y_true[known_labels(cells.y_true)]), key=str)
    try:
        positive = positive_of(classes, settings.positive_label)
    except InputError as error:
        found.left_out.append(LeftOut(what="calibration", why=error.thing))
        return
    calibration = calibrate(
        columns,
        positive,
        min_group_size=settings.min_group_size,
        draws=settings.n_resamples,
        seed=settings.seed,
        confidence=settings.confidence,
    )
    found.figures += calibration.figures
    found.left_out += calibration.left_out
    found.curves = calibration.curves


def _notes(by: list[Grouping]) -> list[str]:
    return [
        f"rows without {grouping.columns[0]} are the group {UNKNOWN}"
        for grouping in by
        if len(grouping.columns) == 1
        for group in grouping.groups
        if UNKNOWN in group.values()
    ]


def _check(settings: _Settings) -> None:
    if settings.threshold is not None and not np.isfinite(settings.threshold):
        raise InputError("threshold is not a number", expected="a finite number")
    if settings.min_group_size < 1:
        raise InputError(
            "min_group_size is below 1", got=str(settings.min_group_size), expected="1 or more"
        )
    if not 0 <= settings.smallest_share < 1:
        raise InputError(
            "smallest_share is no share", got=str(settings.smallest_share), expected="0 to below 1"
        )
    if settings.n_resamples < 100:
        raise InputError(
            "too few resamples for an interval",
            got=str(settings.n_resamples),
            expected="100 or more",
        )
    if not 0.5 <= settings.confidence < 1:
        raise InputError(
            "confidence is not a probability of an interval",
            got=str(settings.confidence),
            expected="0.5 to below 1",
        )
