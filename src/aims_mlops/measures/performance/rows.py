"""Metrics that need rows: of scores (ranking, probability) and of quantities (regression).

Values equal scikit-learn's, from one sort where its functions sort again for each metric. Means and
what is made of means get a normal interval from their influence function; rankings are resampled as
counts in up to 1,024 score bins.
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
    names = ["roc_auc_score", "average_precision_score"]
    probability = bool(len(score)) and float(score.min()) >= 0 and float(score.max()) <= 1
    losses = ["log_loss", "brier_score_loss"] if probability else []
    if not truth.any() or truth.all():
        why = "only one class among the true labels"
        return [RowMetric(n, None, None, None, None, why) for n in names + losses]
    found = []
    values, drawn = _rank(truth, score, weight, draws, seed)
    for name, value, resampled in zip(names, values, drawn, strict=True):
        low, high = _logit_limits(value, resampled, truth, confidence)
        method = f"logit, resampled counts, {confidence}"
        found.append(RowMetric(name, value, low, high, method))
    if probability:
        tiny = np.finfo(float).eps  # scikit-learn clips here too
        chance = np.clip(np.where(truth, score, 1 - score), tiny, 1 - tiny)
        for name, rows in (
            ("log_loss", -np.log(chance)),
            ("brier_score_loss", (score - truth) ** 2),
        ):
            value = float(np.average(rows, weights=weight))
            found.append(mean_metric(name, value, rows, weight, confidence))
    return found


def regression_metrics(
    truth: Any, predicted: Any, weight: Any | None, *, confidence: float
) -> list[RowMetric]:
    """mean_absolute_error, mean_squared_error, root_mean_squared_error, r2_score."""
    error = predicted - truth
    squared = error**2
    mse = float(np.average(squared, weights=weight))
    mae = float(np.average(np.abs(error), weights=weight))
    found = [
        mean_metric("mean_absolute_error", mae, np.abs(error), weight, confidence),
        mean_metric("mean_squared_error", mse, squared, weight, confidence),
    ]
    of_mse = found[-1]
    low = None if of_mse.low is None else math.sqrt(of_mse.low)
    high = None if of_mse.high is None else math.sqrt(of_mse.high)
    found.append(
        RowMetric(
            "root_mean_squared_error", math.sqrt(mse), low, high, of_mse.method, of_mse.problem
        )
    )
    mean = np.average(truth, weights=weight)
    spread = (truth - mean) ** 2
    variance = float(np.average(spread, weights=weight))
    if len(truth) < 2 or variance == 0:
        why = "the true values are all equal"
        return [*found, RowMetric("r2_score", None, None, None, None, why)]
    r2 = 1 - mse / variance
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


def _rank(
    truth: Any, score: Any, weight: Any | None, draws: int, seed: int
) -> tuple[tuple[float, float], tuple[Any, Any]]:
    """ROC AUC and average precision, and (draws,) resampled values of each."""
    order = np.argsort(score)
    ordered, positive = score[order], truth[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])  # of each distinct score
    weights = np.ones(len(score)) if weight is None else weight[order]
    negatives = np.add.reduceat(np.where(positive, 0.0, weights), first)
    positives = np.add.reduceat(np.where(positive, weights, 0.0), first)
    auc, average = _rankings(negatives[None], positives[None])
    # Bins of equal rows, each a range of distinct scores: a score is never split.
    place = first * min(_SCORE_BINS, len(first)) // len(score)
    starts = np.flatnonzero(np.r_[True, place[1:] != place[:-1]])
    table = np.stack([np.add.reduceat(negatives, starts), np.add.reduceat(positives, starts)], 1)
    counts = np.stack(
        [
            np.add.reduceat(np.add.reduceat((positive == side).astype(float), first), starts)
            for side in (False, True)
        ],
        1,
    )
    mean_weight = np.divide(table, counts, out=np.zeros_like(table), where=counts > 0)
    generator = np.random.default_rng(seed)
    chances = counts.ravel() / counts.sum()
    drawn = generator.multinomial(len(score), chances, size=draws) * mean_weight.ravel()
    return (float(auc[0]), float(average[0])), _rankings(drawn[:, 0::2], drawn[:, 1::2])


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
