"""Two models on the same rows: what the change from one to the other is worth, paired.

Paired intervals are much narrower than the difference of two separate ones, because both models
meet the same easy and hard rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from aims_mlops.errors import InputError
from aims_mlops.measures.performance.class_scores import roc_auc_influence
from aims_mlops.measures.performance.counts import BINARY, MULTICLASS, CountMetric
from aims_mlops.measures.result.figure import Figure
from aims_mlops.measures.result.grouped import GroupedResult
from aims_mlops.measures.result.libraries import source_of, versions_of
from aims_mlops.measures.result.result import LeftOut
from aims_mlops.measures.statistics.intervals import student_quantile
from aims_mlops.measures.statistics.labels import is_quantity, positive_of
from aims_mlops.measures.statistics.rows import read_labels, read_rows
from aims_mlops.measures.table.columns import columns_of
from aims_mlops.measures.table.engine_errors import measures_columns

BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class _Change:
    name: str
    value: float
    low: float
    high: float
    method: str


@measures_columns
def compare_performance(
    data: Any = None,
    *,
    y_true: Any,
    y_pred: Any = None,
    y_score: Any = None,
    other_pred: Any = None,
    other_score: Any = None,
    other: str = "production",
    positive_label: Any = None,
    n_resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> GroupedResult:
    """How much better this model is than another one on the same rows.

    y_pred, y_score : of this model.  other_pred, other_score : of the other one, such as the
        model now in production; leave both out to compare with the baseline that always predicts
        the most frequent label (sklearn.dummy.DummyClassifier), or the mean (DummyRegressor).
    other : the other one's name.  data : as in `measure_performance`.

    Each figure is `<metric>_change`: this model's value minus the other's, so above 0 is better
    for scores and below 0 is better for losses and errors. `mcnemar_exact_pvalue` tests equal
    accuracy on the rows where just one model is right. Rows that lack a value are left out.
    """
    baseline = other_pred is None and other_score is None
    columns = columns_of(
        data,
        y_true=y_true,
        y_pred=y_pred,
        y_score=y_score,
        other_pred=other_pred,
        other_score=other_score,
    )
    paired = [("y_pred", "other_pred"), ("y_score", "other_score")]
    if not baseline and not any(set(pair) <= set(columns.roles) for pair in paired):
        raise InputError(
            "there is no pair to compare",
            got=", ".join(sorted(columns.roles)),
            expected="y_pred with other_pred, or y_score with other_score",
        )
    if baseline and "y_pred" not in columns.roles:
        raise InputError("the baseline is compared by y_pred", got="no y_pred")
    changes: list[_Change] = []
    left_out: list[LeftOut] = []
    pvalue = None
    rows = 0
    if is_quantity(columns, "y_true"):
        task = "regression"
        names = ["y_true", "y_pred"] + ([] if baseline else ["other_pred"])
        values = read_rows(columns, *names)
        left_out += values.left_out
        truth, mine = values.columns["y_true"], values.columns["y_pred"]
        theirs = np.full_like(truth, truth.mean()) if baseline else values.columns["other_pred"]
        rows = len(truth)
        changes = _error_changes(truth, mine, theirs, confidence)
    else:
        task = "classes"
        if "y_pred" in columns.roles and (baseline or "other_pred" in columns.roles):
            names = ["y_true", "y_pred"] + ([] if baseline else ["other_pred"])
            codes, labels, missing = read_labels(columns, *names)
            left_out += missing
            rows = len(codes["y_true"])
            if baseline:
                codes["other_pred"] = np.full(rows, np.bincount(codes["y_true"]).argmax())
            task, changes, pvalue = _label_changes(
                codes, labels, positive_label, n_resamples, seed, confidence
            )
        if {"y_score", "other_score"} <= set(columns.roles):
            _, labels, _ = read_labels(columns, "y_true")
            positive = positive_of(labels, positive_label)
            scored = read_rows(columns, "y_true", "y_score", "other_score", positive_label=positive)
            left_out += scored.left_out
            rows = rows or scored.size
            found, missing = _score_changes(scored.columns, confidence)
            changes += found
            left_out += missing
    figures = [
        Figure(
            measure=f"{change.name}_change",
            value=change.value,
            low=change.low,
            high=change.high,
            n=rows,
            method=change.method,
            source=source_of("scikit-learn", f"{change.name}, paired difference"),
        )
        for change in changes
    ]
    if pvalue is not None:
        figures.append(
            Figure(
                measure="mcnemar_exact_pvalue",
                value=pvalue,
                n=rows,
                source=source_of("scipy", "stats.binomtest on discordant rows (McNemar)"),
            )
        )
    return GroupedResult(
        kind="performance",
        figures=tuple(figures),
        settings={"n_resamples": n_resamples, "seed": seed, "confidence": confidence},
        libraries=versions_of("scikit-learn", "scipy", "numpy"),
        left_out=tuple(left_out),
        extra={"task": task, "rows": rows, "compared_with": BASELINE if baseline else other},
    )


def _label_changes(
    codes: Mapping[str, Any],
    labels: list[Any],
    positive_label: Any,
    draws: int,
    seed: int,
    confidence: float,
) -> tuple[str, list[_Change], float]:
    """Metrics of labels, from resampled counts of (truth, this, other)."""
    from scipy.stats import binomtest

    k = len(labels)
    metrics: tuple[CountMetric, ...] = MULTICLASS
    task = "multiclass"
    order = np.arange(k)
    if k <= 2:
        try:
            positive = positive_of(labels, positive_label)
        except InputError:
            pass  # two words without a positive one are compared as several classes
        else:
            metrics, task = BINARY, "binary"
            order = np.array([int(label == positive) for label in labels])
            k = 2
    truth, mine, theirs = (order[codes[role]] for role in ("y_true", "y_pred", "other_pred"))
    place = (truth * k + mine) * k + theirs
    counts = np.bincount(place, minlength=k**3)
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(len(truth), counts / counts.sum(), size=draws)
    seen = counts.reshape(k, k, k)
    again = drawn.reshape(draws, k, k, k)
    tail = (1 - confidence) / 2
    changes = []
    for metric in metrics:
        value = metric.value(seen.sum(2)) - metric.value(seen.sum(1))
        spread = metric.value(again.sum(3)) - metric.value(again.sum(2))
        spread = spread[np.isfinite(spread)]
        if not np.isfinite(value) or not len(spread):
            continue
        low, high = np.quantile(spread, [tail, 1 - tail])
        method = f"resampled counts, paired, {confidence}"
        changes.append(_Change(metric.name, float(value), float(low), float(high), method))
    only_mine = int(((mine == truth) & (theirs != truth)).sum())
    only_theirs = int(((mine != truth) & (theirs == truth)).sum())
    discordant = only_mine + only_theirs
    pvalue = 1.0 if not discordant else float(binomtest(only_mine, discordant, 0.5).pvalue)
    return task, changes, pvalue


def _score_changes(
    columns: Mapping[str, Any], confidence: float
) -> tuple[list[_Change], list[LeftOut]]:
    """ROC AUC (DeLong) and, of probabilities, log loss and Brier score."""
    truth = columns["y_true"].astype(bool)
    scores = columns["y_score"], columns["other_score"]
    if truth.all() or not truth.any():
        why = "only one class among the true labels"
        return [], [LeftOut(what="changes of metrics of scores", why=why)]
    (mine, rows), (theirs, other_rows) = (roc_auc_influence(truth, score) for score in scores)
    changes = [_of_rows("roc_auc_score", mine - theirs, rows - other_rows, confidence, "DeLong")]
    if any((score < 0).any() or (score > 1).any() for score in scores):
        return changes, []
    tiny = np.finfo(float).eps
    chances = [np.clip(np.where(truth, score, 1 - score), tiny, 1) for score in scores]
    losses = np.log(chances[1]) - np.log(chances[0])
    changes.append(_of_rows("log_loss", float(losses.mean()), losses, confidence))
    squares = [(score - truth) ** 2 for score in scores]
    value = float(squares[0].mean() - squares[1].mean())
    changes.append(_of_rows("brier_score_loss", value, squares[0] - squares[1], confidence))
    return changes, []


def _error_changes(truth: Any, mine: Any, theirs: Any, confidence: float) -> list[_Change]:
    errors = [predicted - truth for predicted in (mine, theirs)]
    absolute = np.abs(errors[0]) - np.abs(errors[1])
    squared = errors[0] ** 2 - errors[1] ** 2
    changes = [
        _of_rows("mean_absolute_error", float(absolute.mean()), absolute, confidence),
        _of_rows("mean_squared_error", float(squared.mean()), squared, confidence),
    ]
    spread = (truth - truth.mean()) ** 2
    variance = float(spread.mean())
    if variance > 0:
        change = float(squared.mean())
        influence = -squared / variance + change * spread / variance**2
        changes.append(_of_rows("r2_score", -change / variance, influence, confidence))
    return changes


def _of_rows(
    name: str, value: float, rows: Any, confidence: float, method: str = "normal (t)"
) -> _Change:
    """A change that is a mean over rows up to a constant."""
    n = len(rows)
    error = float(np.std(rows, ddof=1)) / math.sqrt(n) if n > 1 else math.inf
    half = float(student_quantile(1 - (1 - confidence) / 2, n - 1)) * error
    return _Change(
        name, float(value), value - half, value + half, f"{method}, paired, {confidence}"
    )
