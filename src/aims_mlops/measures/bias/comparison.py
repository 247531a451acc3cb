"""Differences and ratios between groups, as figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from aims_mlops.measures.result.figure import Figure, group_text
from aims_mlops.measures.result.libraries import source_of
from aims_mlops.measures.result.result import LeftOut
from aims_mlops.measures.statistics.intervals import Interval, compare_groups
from aims_mlops.measures.statistics.rates import RATES, Confusion, Grouping, Rate

_BY_NAME = {rate.name: rate for rate in RATES}
_EQUALIZED_ODDS = (_BY_NAME["true_positive_rate"], _BY_NAME["false_positive_rate"])


def comparison_figures(
    confusions: Sequence[Confusion],
    grouping: Grouping,
    scope: dict[str, str] | None,
    *,
    large: Any,
    confidence: float,
    suffix: str = "",
) -> tuple[list[Figure], list[LeftOut]]:
    """Every comparison between the groups marked in the boolean array `large`.

    confusions : one per positive label; of several the worst counts.

    A group with no row in a rate's denominator has no rate and is not compared; Fairlearn would
    give it 0, and so an equalized-odds difference of up to 1.
    """
    figures: list[Figure] = []
    left_out: list[LeftOut] = []
    for name, source, rates, ratio in _plan(truth=confusions[0].actual is not None, suffix=suffix):
        families = []
        smallest: int | None = None
        problem = None
        for rate in rates:
            # Accuracy is one figure, whichever label is called positive.
            for confusion in confusions[: 1 if rate.name == "accuracy_score" else None]:
                counted = confusion.by_group(rate, grouping)
                rows = counted.rows
                usable = np.flatnonzero(large & (counted.denominator > 0))
                if len(usable) < 2:
                    problem = problem or f"fewer than two groups have a {rate.name}"
                    continue
                families.append(confusion.estimates(rate, grouping, usable))
                least = int(rows[usable].min())
                smallest = least if smallest is None else min(smallest, least)
        interval = Interval(None, None, None)
        if problem is None:
            interval = compare_groups(families, ratio=ratio, confidence=confidence)
            if interval.value is None:
                problem = "a rate is 0 in every group, so there is no ratio"
        if problem is not None:
            what = name + suffix + ("" if scope is None else f" by {group_text(scope)}")
            left_out.append(LeftOut(what=what, why=problem))
        figures.append(
            Figure(
                measure=name + suffix,
                group=scope,
                value=interval.value,
                low=interval.low,
                high=interval.high,
                n=None if problem else smallest,
                method=None if problem else f"hybrid score, resampled counts, {confidence}",
                source=source,
            )
        )
    return figures, left_out


def _plan(*, truth: bool, suffix: str) -> list[tuple[str, str, tuple[Rate, ...], bool]]:
    """(name, source, rates of which the worst counts, whether a ratio) of each comparison."""
    plan: list[tuple[str, str, tuple[Rate, ...], bool]] = []
    for rate in RATES:
        if (rate.needs_truth and not truth) or (suffix and rate.name == "accuracy_score"):
            continue
        for name, ratio in ((rate.difference, False), (rate.ratio, True)):
            plan.append((name, _defined_as(rate, name, ratio=ratio), (rate,), ratio))
    if truth:
        for name, ratio in (("equalized_odds_difference", False), ("equalized_odds_ratio", True)):
            plan.append((name, source_of("fairlearn", name), _EQUALIZED_ODDS, ratio))
    return plan


def _defined_as(rate: Rate, name: str, *, ratio: bool) -> str:
    if rate.name == "precision_score":
        # Fairlearn has no function of this name; a MetricFrame of the metric gives it.
        method = "ratio" if ratio else "difference"
        return source_of("fairlearn", f"MetricFrame({rate.name}).{method}()")
    return source_of("fairlearn", name)
