"""Calibration of probabilities, overall and by group: do 70 % of the 0.7s come true?

Sums by group, true label and score bin are enough, so that files are read batch by batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from aims_mlops.measures.result.figure import Figure, group_text
from aims_mlops.measures.result.libraries import source_of
from aims_mlops.measures.result.result import LeftOut
from aims_mlops.measures.statistics.groups import scope_of
from aims_mlops.measures.statistics.intervals import (
    Estimates,
    clopper_pearson,
    compare_groups,
    student_quantile,
)
from aims_mlops.measures.statistics.moments import GroupSums, sum_groups
from aims_mlops.measures.statistics.rates import Grouping, groupings
from aims_mlops.measures.table.columns import Columns

BINS = 10  # of equal width; `strategy='uniform'` of sklearn.calibration.calibration_curve


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well scores say probabilities: bins, and the error over them."""

    figures: tuple[Figure, ...]
    curves: tuple[Mapping[str, Any], ...]
    left_out: tuple[LeftOut, ...]


def calibrate(
    columns: Columns,
    positive: Any,
    *,
    min_group_size: int,
    draws: int,
    seed: int,
    confidence: float,
) -> Calibration:
    """Calibration of y_score, a probability of the positive label.

    Figures, overall and by group: `calibration_in_the_large`, the share of positives minus the
    mean score (0 is right, above 0 the score is too low), with its difference between groups;
    `expected_calibration_error`, the mean distance of share and score over ten bins.
    Curves: by group, per bin with rows {low, high, n, mean_score, share_positive, share_low,
    share_high}; mean_score and share_positive equal `calibration_curve`.
    """
    import narwhals as nw

    score = nw.col(columns.roles["y_score"]).cast(nw.Float64)
    keys = {
        "true": nw.col(columns.roles["y_true"]),
        "bin": (score * BINS).floor(),
        "outside": (score < 0) | (score > 1),
    }
    sums = sum_groups(columns, {"score": score}, keys)
    if any(sums.keys["outside"]):
        why = "scores lie outside [0, 1], so they are no probabilities"
        return Calibration((), (), (LeftOut(what="calibration", why=why),))
    known = np.array([label is not None for label in sums.keys["true"]])
    figures: list[Figure] = []
    curves = []
    left_out = []
    by = groupings(sums, tuple(columns.groups)) if columns.groups else []
    for grouping in (Grouping.of(sums, ()), *by):
        table = _Table(sums, grouping, positive, known)
        for i, group in enumerate(grouping.groups):
            curves.append({"group": dict(group) or None, "bins": table.bins(i, confidence)})
        figures += table.in_the_large(confidence)
        figures += table.expected_error(draws, seed, confidence)
    for grouping in by:
        scope = scope_of(grouping, by)
        table = _Table(sums, grouping, positive, known)
        figure = table.difference(scope, min_group_size, draws, seed, confidence)
        figures.append(figure)
        if figure.value is None:
            what = figure.measure + ("" if scope is None else f" by {group_text(scope)}")
            why = "fewer than two groups are large enough"
            left_out.append(LeftOut(what=what, why=why))
    return Calibration(tuple(figures), tuple(curves), tuple(left_out))


class _Table:
    """Sums of one grouping, as (groups, bins) tables."""

    def __init__(self, sums: GroupSums, grouping: Grouping, positive: Any, known: Any) -> None:
        self.grouping = grouping
        hit = (sums.keys["true"] == positive) & known
        place = np.minimum(sums.keys["bin"].astype(int), BINS - 1)
        slot = grouping.index * BINS + place

        def table(values: Any) -> Any:
            flat = np.bincount(slot, weights=values * known, minlength=grouping.size * BINS)
            return flat.reshape(grouping.size, BINS)

        self.n = table(sums.n).astype(np.int64)
        self.weight = table(sums.weight)
        self.weight2 = table(sums.weight2)
        self.hits = table(sums.weight * hit)
        self.score = table(sums.first["score"])
        gap2 = hit * sums.weight2 - 2 * hit * sums.second["score"] + sums.second2["score"]
        self.gap2 = table(gap2)
        self.gap1 = table(hit * sums.weight2 - sums.second["score"])
        self.rows = self.n.sum(axis=1)

    def bins(self, i: int, confidence: float) -> list[dict[str, Any]]:
        share = np.divide(
            self.hits[i], self.weight[i], out=np.zeros(BINS), where=self.weight[i] > 0
        )
        effective = np.divide(
            self.weight[i] ** 2, self.weight2[i], out=np.zeros(BINS), where=self.weight2[i] > 0
        )
        low, high = clopper_pearson(share * effective, effective, confidence)
        return [
            {
                "low": b / BINS,
                "high": (b + 1) / BINS,
                "n": int(self.n[i, b]),
                "mean_score": float(self.score[i, b] / self.weight[i, b]),
                "share_positive": float(share[b]),
                "share_low": float(low[b]),
                "share_high": float(high[b]),
            }
            for b in range(BINS)
            if self.weight[i, b] > 0
        ]

    def gaps(self) -> tuple[Any, Any]:
        """(groups,) share of positives minus mean score, and its standard error."""
        weight = self.weight.sum(1)
        with np.errstate(all="ignore"):
            gap = (self.hits.sum(1) - self.score.sum(1)) / weight
            spread = self.gap2.sum(1) - 2 * gap * self.gap1.sum(1) + gap**2 * self.weight2.sum(1)
            error = np.sqrt(np.maximum(spread, 0)) / weight * np.sqrt(self.rows / (self.rows - 1))
        return gap, np.where(self.rows > 1, error, np.nan)

    def in_the_large(self, confidence: float) -> list[Figure]:
        gap, error = self.gaps()
        half = student_quantile(1 - (1 - confidence) / 2, self.rows - 1) * error
        return [
            Figure(
                measure="calibration_in_the_large",
                group=dict(group) or None,
                value=_number(gap[i]),
                low=_number(gap[i] - half[i]),
                high=_number(gap[i] + half[i]),
                numerator=float(self.hits[i].sum()),
                denominator=float(self.weight[i].sum()),
                n=int(self.rows[i]),
                method=f"normal (t), {confidence}" if np.isfinite(half[i]) else None,
                source=source_of("aims-mlops", "share of positives minus mean score"),
            )
            for i, group in enumerate(self.grouping.groups)
        ]

    def expected_error(self, draws: int, seed: int, confidence: float) -> list[Figure]:
        figures = []
        generator = np.random.default_rng(seed)
        tail = (1 - confidence) / 2
        for i, group in enumerate(self.grouping.groups):
            total = self.weight[i].sum()
            value = low = high = None
            if total > 0:
                value = float(np.abs(self.hits[i] - self.score[i]).sum() / total)
                # Hits and misses of each bin are drawn again; a bin keeps its mean scores. Noise
                # only ever adds to a distance, so the interval is reflected to take it off.
                cells = np.concatenate([self.hits[i], self.weight[i] - self.hits[i]]) / total
                drawn = generator.multinomial(int(self.rows[i]), np.maximum(cells, 0), size=draws)
                hits, n = drawn[:, :BINS], drawn[:, :BINS] + drawn[:, BINS:]
                mean = np.divide(
                    self.score[i], self.weight[i], out=np.zeros(BINS), where=self.weight[i] > 0
                )
                again = np.abs(hits - n * mean).sum(1) / self.rows[i]
                upper, lower = np.quantile(again, [1 - tail, tail])
                low, high = max(0.0, 2 * value - float(upper)), max(0.0, 2 * value - float(lower))
                low, high = min(low, value), max(high, value)
            figures.append(
                Figure(
                    measure="expected_calibration_error",
                    group=dict(group) or None,
                    value=value,
                    low=low,
                    high=high,
                    n=int(self.rows[i]),
                    method=f"resampled counts, reflected, {confidence}",
                    source=source_of("aims-mlops", f"Guo et al. 2017, {BINS} bins of equal width"),
                )
            )
        return figures

    def difference(
        self,
        scope: dict[str, str] | None,
        min_group_size: int,
        draws: int,
        seed: int,
        confidence: float,
    ) -> Figure:
        name = "calibration_in_the_large_difference"
        source = source_of("fairlearn", "MetricFrame.difference() of calibration in the large")
        gap, error = self.gaps()
        usable = np.flatnonzero((self.rows >= min_group_size) & (self.rows > 1))
        if len(usable) < 2:
            return Figure(measure=name, group=scope, source=source)
        estimates = Estimates.of_means(gap[usable], error[usable], self.rows[usable], draws, seed)
        interval = compare_groups([estimates], ratio=False, confidence=confidence)
        return Figure(
            measure=name,
            group=scope,
            value=interval.value,
            low=interval.low,
            high=interval.high,
            n=int(self.rows[usable].min()),
            method=f"hybrid normal (t), {confidence}",
            source=source,
        )


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
