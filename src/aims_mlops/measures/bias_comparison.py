"""Differences and ratios between groups, as figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from aims_mlops.measures.bias_rates import RATES, Confusion, Grouping, Rate
from aims_mlops.measures.figures import EVERY_GROUP, Figure
from aims_mlops.measures.intervals import Interval, compare_groups
from aims_mlops.measures.libraries import source_of
from aims_mlops.measures.result import LeftOut

_BY_NAME = {rate.name: rate for rate in RATES}
_EQUALIZED_ODDS = (_BY_NAME["true_positive_rate"], _BY_NAME["false_positive_rate"])


def comparison_figures(
    confusion: Confusion,
    grouping: Grouping,
    scope: dict[str, str] | None,
    *,
    large: Any,
    confidence: float,
    suffix: str = "",
) -> tuple[list[Figure], list[LeftOut]]:
    """Every comparison between the groups marked in the boolean array `large`.

    A group with no row in a rate's denominator has no rate and is not compared; Fairlearn would
    give it 0, and so an equalized-odds difference of up to 1.
    """
    figures: list[Figure] = []
    left_out: list[LeftOut] = []
    plan: list[tuple[str, str, Sequence[Rate], bool]] = []
    for rate in RATES:
        if rate.needs_truth and confusion.actual is None:
            continue
        for name, ratio in ((rate.difference, False), (rate.ratio, True)):
            if name:
                plan.append((name, _defined_as(rate, name, ratio), (rate,), ratio))
    if confusion.actual is not None:
        for name, ratio in (("equalized_odds_difference", False), ("equalized_odds_ratio", True)):
            plan.append((name, source_of("fairlearn", name), _EQUALIZED_ODDS, ratio))
    for name, source, rates, ratio in plan:
        families, smallest, problem = [], None, None
        for rate in rates:
            rows = confusion.by_group(rate, grouping).rows
            usable = np.flatnonzero(large & (rows > 0))
            if len(usable) < 2:
                problem = f"fewer than two groups have a {rate.name}"
                break
            families.append(confusion.estimates(rate, grouping, usable))
            least = int(rows[usable].min())
            smallest = least if smallest is None else min(smallest, least)
        interval = Interval(None, None, None)
        if problem is None:
            interval = compare_groups(families, ratio=ratio, confidence=confidence)
            if interval.value is None:
                problem = f"{rates[-1].name} is 0 in every group, so there is no ratio"
        if problem is not None:
            left_out.append(LeftOut(what=_what(name + suffix, scope), why=problem))
        figures.append(
            Figure(
                measure=name + suffix,
                group=scope,
                value=interval.value,
                low=interval.low,
                high=interval.high,
                n=smallest,
                method=None
                if interval.value is None
                else f"hybrid score with resampled counts, {confidence}",
                source=source,
            )
        )
    return figures, left_out


def scope_of(grouping: Grouping) -> dict[str, str]:
    """The `group` of a comparison between all groups of some columns."""
    return dict.fromkeys(grouping.columns, EVERY_GROUP)


def _what(name: str, scope: dict[str, str] | None) -> str:
    return name if scope is None else f"{name} by {' & '.join(scope)}"


def _defined_as(rate: Rate, name: str, ratio: bool) -> str:
    if rate.name == "precision_score":
        # Fairlearn has no function of this name; a MetricFrame of the metric gives it.
        return source_of(
            "fairlearn", f"MetricFrame({rate.name}).{'ratio' if ratio else 'difference'}"
        )
    return source_of("fairlearn", name)
