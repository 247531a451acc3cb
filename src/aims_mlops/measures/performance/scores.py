"""Scores of several classes, and the influence of each row on a ROC AUC."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from aims_mlops.errors import InputError
from aims_mlops.measures.performance.rows import RowMetric, mean_metric


def is_class_scores(scores: Any) -> bool:
    """Whether the scores have one column for each of several classes."""
    shape: tuple[int, ...] = getattr(scores, "shape", ())
    return len(shape) == 2 and shape[1] > 1


def class_score_metrics(
    y_true: Any, scores: Any, weight: Any | None, *, confidence: float
) -> list[RowMetric]:
    """roc_auc_ovr (mean over classes, one against the rest) and log_loss.

    scores : (n, classes) probabilities, columns in the order of the sorted labels.
    Raises InputError when columns and labels do not match, or a score is missing.
    """
    scores = np.asarray(scores, dtype=float)
    truth = np.asarray(y_true)
    if len(truth) != len(scores):
        raise InputError(
            "columns differ in length", got=f"y_true: {len(truth)}, y_score: {len(scores)}"
        )
    if not np.isfinite(scores).all():
        raise InputError(
            "y_score has values that are missing or not finite",
            got=f"{int((~np.isfinite(scores)).any(axis=1).sum())} rows",
        )
    classes = np.unique(truth)
    if len(classes) != scores.shape[1]:
        raise InputError(
            "y_score does not have one column for each label",
            got=f"{scores.shape[1]} columns, {len(classes)} labels",
            next_step="leave out rows or columns of classes that do not occur",
        )
    weights = None if weight is None else np.asarray(weight, dtype=float)
    found = []
    if weights is None:
        parts = [roc_auc_influence(truth == label, scores[:, i]) for i, label in enumerate(classes)]
        value = float(np.mean([auc for auc, _ in parts]))
        influence = np.mean([rows for _, rows in parts], axis=0)
        half = normal_half_width(influence, confidence)
        low, high = max(0.0, value - half), min(1.0, value + half)
        method = f"influence (DeLong), {confidence}"
        found.append(
            RowMetric("roc_auc_ovr", value, low, high, method, function="roc_auc_score(ovr)")
        )
    rows = scores / scores.sum(axis=1, keepdims=True)
    place = np.searchsorted(classes, truth)
    clipped = np.clip(rows[np.arange(len(rows)), place], np.finfo(float).eps, 1)
    if (scores < 0).any() or not np.allclose(scores.sum(axis=1), 1):
        why = "the scores of a row are no probabilities that add up to 1"
        return [*found, RowMetric("log_loss", None, None, None, None, why)]
    losses = -np.log(clipped)
    value = float(np.average(losses, weights=weights))
    return [*found, mean_metric("log_loss", value, losses, weights, confidence)]


def roc_auc_influence(truth: Any, score: Any) -> tuple[float, Any]:
    """The ROC AUC and (n,) how much each row moves it (DeLong, DeLong and Clarke-Pearson 1988).

    truth : (n,) booleans with both values.  The mean of the influence is 0; its sum of squares
    over n squared is the variance of the AUC.
    """
    from scipy.stats import rankdata

    n, positives = len(truth), int(truth.sum())
    negatives = n - positives
    ranks = rankdata(score)
    above = np.empty(n)
    above[truth] = (ranks[truth] - rankdata(score[truth])) / negatives
    above[~truth] = 1 - (ranks[~truth] - rankdata(score[~truth])) / positives
    auc = float(above[truth].mean())
    share = np.where(truth, positives, negatives) / n
    return auc, (above - auc) / share


def normal_half_width(influence: Any, confidence: float) -> float:
    """Half the width of a normal interval of a statistic, from each row's influence."""
    from aims_mlops.measures.intervals import normal_quantile

    error = math.sqrt(float((influence**2).sum())) / len(influence)
    return normal_quantile(1 - (1 - confidence) / 2) * error
