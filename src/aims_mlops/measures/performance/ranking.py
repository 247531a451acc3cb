"""Metrics of scores, which need rows: ranking and probability.

Values equal scikit-learn's, from one sort where its functions sort again for each metric. Means and
what is made of means get a normal interval from their influence function; rankings are resampled as
counts in up to 1,024 score bins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from aims_mlops.measures.statistics.intervals import (
    clopper_pearson,
    normal_quantile,
    student_quantile,
)

_SCORE_BINS = 1_024
_BLOCK_ROWS = 1_000_000
_ROUNDING = 1e-13


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
        found.append(_loss("log_loss", _log_loss, truth, score, weight, confidence))
        found.append(_loss("brier_score_loss", _brier, truth, score, weight, confidence))
    return found


def _log_loss(truth: Any, score: Any) -> Any:
    tiny = np.finfo(float).eps  # scikit-learn clips here too
    return -np.log(np.clip(np.where(truth, score, 1 - score), tiny, 1 - tiny))


def _brier(truth: Any, score: Any) -> Any:
    return (score - truth) ** 2


def _loss(
    name: str, loss: Any, truth: Any, score: Any, weight: Any | None, confidence: float
) -> RowMetric:
    """The mean of a loss by row, block by block, with Student's t limits."""
    n = len(score)
    blocks = [slice(start, start + _BLOCK_ROWS) for start in range(0, n, _BLOCK_ROWS)]

    def weighted(block: slice) -> tuple[Any, Any]:
        rows = loss(truth[block], score[block])
        return rows, np.ones(len(rows)) if weight is None else weight[block]

    total = float(n) if weight is None else float(weight.sum())
    value = sum(float((w * x).sum()) for x, w in map(weighted, blocks)) / total
    spread = sum(float((w**2 * (x - value) ** 2).sum()) for x, w in map(weighted, blocks))
    return mean_with_limits(name, value, spread, total, n, confidence)


def mean_metric(
    name: str, value: float, rows: Any, weight: Any | None, confidence: float
) -> RowMetric:
    """A figure that is a mean of `rows` up to a constant, with Student's t limits."""
    weights = np.ones(len(rows)) if weight is None else weight
    centred = rows - np.average(rows, weights=weights)
    spread = float((weights**2 * centred**2).sum())
    return mean_with_limits(name, value, spread, float(weights.sum()), len(rows), confidence)


def mean_with_limits(
    name: str,
    value: float,
    spread: float,
    weight: float,
    n: int,
    confidence: float,
    *,
    floor: float | None = 0.0,
) -> RowMetric:
    """A figure that is a mean over n rows, with Student's t limits.

    spread : sum of w^2 (x - mean)^2.  weight : sum of w.  floor : least limit; None for none.
    """
    if n < 2:
        return RowMetric(name, value, None, None, None, "one row gives no interval")
    error = math.sqrt(max(spread, 0.0)) / weight * math.sqrt(n / (n - 1))
    half = float(student_quantile(1 - (1 - confidence) / 2, n - 1)) * error
    low = value - half if floor is None else max(floor, value - half)
    return RowMetric(name, value, low, value + half, f"normal (t), {confidence}")


def _rank(
    truth: Any, score: Any, weight: Any | None, draws: int, seed: int
) -> tuple[tuple[float, float], tuple[Any, Any]]:
    """ROC AUC and average precision, and (draws,) resampled values of each."""
    auc, average, table, counts = _walk_down(truth, score, weight)
    mean_weight = np.divide(table, counts, out=np.zeros_like(table), where=counts > 0)
    generator = np.random.default_rng(seed)
    chances = counts.ravel() / counts.sum()
    drawn = generator.multinomial(len(score), chances, size=draws) * mean_weight.ravel()
    return (auc, average), _rankings(drawn[:, 0::2], drawn[:, 1::2])


def _walk_down(truth: Any, score: Any, weight: Any | None) -> tuple[float, float, Any, Any]:
    """(ROC AUC, average precision, weights and rows by score bin), highest score first.

    Bins hold about equal rows and never split a score; (bins, 2) of negatives and positives each,
    lowest score first. Rows are walked in blocks: beside the order nothing grows with them.
    """
    n = len(score)
    order = np.argsort(score)
    if n < 2**31:
        order = order.astype(np.int32)
    table, counts = np.zeros((_SCORE_BINS, 2)), np.zeros((_SCORE_BINS, 2))
    areas = hits = misses = precision = 0.0
    end = n
    while end:
        start = max(0, end - _BLOCK_ROWS)
        lowest = score[order[start]]
        if start and score[order[start - 1]] == lowest:  # no score is split between blocks
            start = _first_of(score, order, start)
        part = order[start:end]
        ordered, positive = score[part], truth[part]
        weights = np.ones(len(part)) if weight is None else weight[part]
        first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])  # of each distinct score
        sides = [
            np.add.reduceat(np.where(positive == side, weights, 0.0), first)
            for side in (False, True)
        ]
        rows = [np.add.reduceat((positive == side).astype(float), first) for side in (False, True)]
        places = (start + first) * _SCORE_BINS // n
        for column in (0, 1):
            np.add.at(table[:, column], places, sides[column])
            np.add.at(counts[:, column], places, rows[column])
        negative, positive_weight = sides[0][::-1], sides[1][::-1]
        above = hits + np.cumsum(positive_weight)
        seen = above + misses + np.cumsum(negative)
        areas += float((negative * (above - positive_weight / 2)).sum())
        with np.errstate(all="ignore"):
            precision += float((np.where(seen > 0, above / seen, 0.0) * positive_weight).sum())
        hits, misses = float(above[-1]), float(seen[-1] - above[-1])
        end = start
    held = counts.sum(axis=1) > 0
    auc = areas / (hits * misses) if hits * misses else 0.5
    average = precision / hits if hits else 0.0
    return _unrounded(auc), _unrounded(average), table[held], counts[held]


def _unrounded(value: float) -> float:
    """A ranking that is perfect but for the rounding of sums is perfect."""
    return float(round(value)) if min(abs(value), abs(1 - value)) < _ROUNDING else value


def _first_of(score: Any, order: Any, start: int) -> int:
    """The first place of the score that stands at `start`; its rows may be many."""
    value = score[order[start]]
    low, high = 0, start
    while low < high:
        middle = (low + high) // 2
        if score[order[middle]] < value:
            low = middle + 1
        else:
            high = middle
    return low


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
