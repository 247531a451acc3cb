"""Metrics that need rows: of scores (ranking, probability) and of quantities (regression).

Values are scikit-learn's own. Means and what is made of means get a normal interval from their
influence function; rankings are resampled as counts in up to 1,024 score bins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from aims_mlops.measures.intervals import clopper_pearson, normal_quantile

_SCORE_BINS = 1_024


@dataclass(frozen=True, slots=True)
class RowMetric:
    """A value with limits; None where the rows cannot say, with the reason in `problem`."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    method: str | None
    problem: str | None = None
    function: str | None = None  # of scikit-learn, where `name` is a scorer's


def score_metrics(
    truth: Any, score: Any, weight: Any | None, *, draws: int, seed: int, confidence: float
) -> list[RowMetric]:
    """roc_auc_score, average_precision_score; for probabilities also log_loss, brier_score_loss.

    truth : (n,) booleans.  score : (n,) finite floats.  weight : (n,) or None.
    """
    from sklearn import metrics

    names = ["roc_auc_score", "average_precision_score"]
    probability = bool(len(score)) and float(score.min()) >= 0 and float(score.max()) <= 1
    losses = ["log_loss", "brier_score_loss"] if probability else []
    if not truth.any() or truth.all():
        why = "only one class among the true labels"
        return [RowMetric(n, None, None, None, None, why) for n in names + losses]
    found = []
    drawn = _resampled_rankings(truth, score, weight, draws, seed)
    for name in names:
        value = float(getattr(metrics, name)(truth, score, sample_weight=weight))
        low, high = _logit_limits(value, drawn[name], truth, confidence)
        method = f"logit, resampled counts, {confidence}"
        found.append(RowMetric(name, value, low, high, method))
    if probability:
        clipped = np.clip(score, np.finfo(float).eps, 1 - np.finfo(float).eps)
        rows = {
            "log_loss": -np.log(np.where(truth, clipped, 1 - clipped)),
            "brier_score_loss": (score - truth) ** 2,
        }
        for name, loss in rows.items():
            value = float(getattr(metrics, name)(truth, score, sample_weight=weight))
            found.append(mean_metric(name, value, loss, weight, confidence))
    return found


def regression_metrics(
    truth: Any, predicted: Any, weight: Any | None, *, confidence: float
) -> list[RowMetric]:
    """mean_absolute_error, mean_squared_error, root_mean_squared_error, r2_score."""
    from sklearn import metrics

    error = predicted - truth
    squared = error**2
    mse = float(metrics.mean_squared_error(truth, predicted, sample_weight=weight))
    mae = float(metrics.mean_absolute_error(truth, predicted, sample_weight=weight))
    found = [
        mean_metric("mean_absolute_error", mae, np.abs(error), weight, confidence),
        mean_metric("mean_squared_error", mse, squared, weight, confidence),
    ]
    of_mse = found[-1]
    rmse = float(metrics.root_mean_squared_error(truth, predicted, sample_weight=weight))
    low = None if of_mse.low is None else math.sqrt(of_mse.low)
    high = None if of_mse.high is None else math.sqrt(of_mse.high)
    found.append(
        RowMetric("root_mean_squared_error", rmse, low, high, of_mse.method, of_mse.problem)
    )
    mean = np.average(truth, weights=weight)
    spread = (truth - mean) ** 2
    variance = float(np.average(spread, weights=weight))
    if len(truth) < 2 or variance == 0:
        why = "the true values are all equal"
        return [*found, RowMetric("r2_score", None, None, None, None, why)]
    r2 = float(metrics.r2_score(truth, predicted, sample_weight=weight))
    # r2 = 1 - mse / variance; each row moves it by this much.
    influence = -(squared - mse) / variance + mse * (spread - variance) / variance**2
    found.append(mean_metric("r2_score", r2, influence, weight, confidence, floor=None))
    return found


def mean_metric(
    name: str,
    value: float,
    rows: Any,
    weight: Any | None,
    confidence: float,
    floor: float | None = 0.0,
) -> RowMetric:
    """A figure that is a mean of `rows` up to a constant, with Student's t limits."""
    from scipy.special import stdtrit

    n = len(rows)
    if n < 2:
        return RowMetric(name, value, None, None, None, "one row gives no interval")
    weights = np.ones(n) if weight is None else weight
    total = weights.sum()
    centred = rows - np.average(rows, weights=weights)
    error = math.sqrt(float((weights**2 * centred**2).sum()) / total**2 * n / (n - 1))
    half = float(stdtrit(n - 1, 1 - (1 - confidence) / 2)) * error
    low = value - half if floor is None else max(floor, value - half)
    return RowMetric(name, value, low, value + half, f"normal (t), {confidence}")


def _resampled_rankings(
    truth: Any, score: Any, weight: Any | None, draws: int, seed: int
) -> dict[str, Any]:
    """(draws,) resampled ROC AUC and average precision."""
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    step = np.r_[True, ordered[1:] != ordered[:-1]]
    rank = np.cumsum(step) - 1
    if rank[-1] >= _SCORE_BINS:
        # Equal scores stay in one bin: a bin is where the first row of its score would fall.
        first = np.flatnonzero(step)[rank]
        rank = first * _SCORE_BINS // len(ordered)
        rank = np.unique(rank, return_inverse=True)[1]
    bins = int(rank[-1]) + 1
    cell = rank * 2 + truth[order]
    counts = np.bincount(cell, minlength=2 * bins).astype(float)
    mean_weight = np.ones(2 * bins)
    if weight is not None:
        sums = np.bincount(cell, weights=weight[order], minlength=2 * bins)
        mean_weight = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(len(score), counts / counts.sum(), size=draws) * mean_weight
    auc, average = _rankings(drawn[:, 0::2], drawn[:, 1::2])
    return {"roc_auc_score": auc, "average_precision_score": average}


def _logit_limits(value: float, drawn: Any, truth: Any, confidence: float) -> tuple[float, float]:
    """Normal limits on the logit scale, which stay inside (0, 1) and cover at its ends."""
    from scipy.special import expit, logit

    if value in (0.0, 1.0):
        # No draw differs from a perfect ranking: bound it by the rows of the rarer class.
        rarer = int(min(truth.sum(), len(truth) - truth.sum()))
        low, high = clopper_pearson(value * rarer, rarer, confidence)
        return float(low), float(high)
    spread = float(np.std(logit(np.clip(drawn, 1e-9, 1 - 1e-9)), ddof=1))
    half = normal_quantile(1 - (1 - confidence) / 2) * spread
    return float(expit(logit(value) - half)), float(expit(logit(value) + half))


def _rankings(negative: Any, positive: Any) -> tuple[Any, Any]:
    """ROC AUC and average precision from (draws, bins) counts, lowest score first."""
    negatives, positives = negative.sum(1), positive.sum(1)
    below = np.cumsum(negative, axis=1) - negative
    with np.errstate(all="ignore"):
        auc = (positive * (below + negative / 2)).sum(1) / (negatives * positives)
        hits = np.cumsum(positive[:, ::-1], axis=1)
        seen = hits + np.cumsum(negative[:, ::-1], axis=1)
        precision = np.where(seen > 0, hits / seen, 0.0)
        average = (precision * positive[:, ::-1]).sum(1) / positives
    return np.nan_to_num(auc, nan=0.5), np.nan_to_num(average)
