"""Impact ratios as New York City's Local Law 144 and the four-fifths rule define them.

Impact ratio: the selection (or scoring) rate of a category over that of the category with the
highest rate (6 RCNY 5-300). Scoring rate: the share of a category strictly above the median score
of the full sample. Rows of unknown category are counted and not compared; categories under 2 % of
the rows may be left out of the ratio and stay visible (6 RCNY 5-301). Four fifths: 29 CFR
1607.4(D), the smallest of these ratios; beside it Fisher's exact test of equal rates.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aims_mlops.measures.result.figure import Figure, group_text
from aims_mlops.measures.result.libraries import source_of
from aims_mlops.measures.result.result import LeftOut
from aims_mlops.measures.statistics.cells import UNKNOWN
from aims_mlops.measures.statistics.intervals import compare_groups
from aims_mlops.measures.statistics.rates import RATES, Confusion, Grouping

_SELECTION = RATES[0]
_LAW = "6 RCNY 5-300: impact ratio"
_FOUR_FIFTHS = "29 CFR 1607.4(D): four-fifths rule"


def impact_figures(
    confusion: Confusion,
    grouping: Grouping,
    scope: dict[str, str] | None,
    *,
    smallest_share: float,
    confidence: float,
    scoring: bool = False,
) -> tuple[list[Figure], list[LeftOut]]:
    """Impact ratio and Fisher's p-value of each group, and the four-fifths ratio of them all.

    An impact ratio's numerator and denominator are the group's rate and the highest rate.
    """
    name, smallest_name, test_name = (
        ("scoring_impact_ratio", "scoring_four_fifths_ratio", "scoring_fisher_exact_pvalue")
        if scoring
        else ("impact_ratio", "four_fifths_ratio", "fisher_exact_pvalue")
    )
    rates = confusion.by_group(_SELECTION, grouping)
    share = grouping.rows / grouping.rows.sum()
    unknown = np.array([UNKNOWN in group.values() for group in grouping.groups])
    weighed = rates.denominator > 0
    compared = np.flatnonzero(~unknown & (share >= smallest_share) & weighed)
    method = f"hybrid score, resampled counts, {confidence}"
    figures: list[Figure] = []
    left_out: list[LeftOut] = []
    problem = _problem(rates.value, compared)
    highest = int(compared[np.argmax(rates.value[compared])]) if problem is None else -1
    estimates = None if problem else confusion.estimates(_SELECTION, grouping, compared)
    for i, group in enumerate(grouping.groups):
        n = int(grouping.rows[i])
        why = problem
        if unknown[i]:
            why = "unknown category: counted, not compared"
        elif share[i] < smallest_share:
            why = f"under {smallest_share:.0%} of the rows: shown, not compared"
        elif not weighed[i]:
            why = "its rows have no weight"
        if why is not None or estimates is None:
            figures.append(Figure(measure=name, group=dict(group), n=n, source=_LAW))
            left_out.append(LeftOut(what=f"{name} of {group_text(group)}", why=why or "", n=n))
            continue
        place = int(np.flatnonzero(compared == i)[0])
        interval = compare_groups([estimates], ratio=True, confidence=confidence, of=place)
        figures.append(
            Figure(
                measure=name,
                group=dict(group),
                value=float(rates.value[i] / rates.value[highest]),
                low=interval.low,
                high=interval.high,
                numerator=float(rates.value[i]),
                denominator=float(rates.value[highest]),
                n=n,
                method=method,
                source=_LAW,
            )
        )
        if i != highest and not confusion.cells.weighted:
            figures.append(_fisher(test_name, rates, i, highest, dict(group)))
    if confusion.cells.weighted and problem is None:
        left_out.append(LeftOut(what=test_name, why="an exact test needs counts, not weights"))
    if estimates is None:
        figures.append(Figure(measure=smallest_name, group=scope, source=_FOUR_FIFTHS))
        left_out.append(LeftOut(what=smallest_name, why=problem or ""))
        return figures, left_out
    interval = compare_groups([estimates], ratio=True, confidence=confidence)
    figures.append(
        Figure(
            measure=smallest_name,
            group=scope,
            value=interval.value,
            low=interval.low,
            high=interval.high,
            numerator=float(rates.value[compared].min()),
            denominator=float(rates.value[highest]),
            n=int(grouping.rows[compared].min()),
            method=method,
            source=_FOUR_FIFTHS,
        )
    )
    return figures, left_out


def _problem(rates: Any, compared: Any) -> str | None:
    if len(compared) < 2:
        return "fewer than two categories can be compared"
    if rates[compared].max() <= 0:
        return "nobody is selected in any category"
    return None


def _fisher(measure: str, rates: Any, i: int, highest: int, group: dict[str, str]) -> Figure:
    from scipy.stats import fisher_exact

    table = [
        [round(rates.numerator[g]), round(rates.denominator[g] - rates.numerator[g])]
        for g in (i, highest)
    ]
    return Figure(
        measure=measure,
        group=group,
        value=float(fisher_exact(table).pvalue),
        n=int(rates.rows[i]),
        source=source_of("scipy", "stats.fisher_exact, two-sided, against the highest rate"),
    )
