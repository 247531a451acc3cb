"""The figures of decisions: rates, comparisons and impact ratios, of two or more labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aims_mlops.measures.bias.comparison import comparison_figures
from aims_mlops.measures.bias.impact import impact_figures
from aims_mlops.measures.result.figure import Figure, group_text
from aims_mlops.measures.result.libraries import source_of
from aims_mlops.measures.result.result import LeftOut
from aims_mlops.measures.statistics.cells import Cells
from aims_mlops.measures.statistics.groups import scope_of
from aims_mlops.measures.statistics.rates import RATES, Confusion, Grouping, rate_figures

_SELECTION = RATES[0]


def group_figures(
    cells: Cells,
    positives: Sequence[Any],
    by: list[Grouping],
    draws: Any,
    *,
    min_group_size: int,
    smallest_share: float,
    confidence: float,
    binary: bool,
) -> tuple[list[Figure], list[LeftOut]]:
    """Everything that counted decisions say.

    Of more than two labels each is taken as the positive one in turn; its figures carry it in
    brackets (`selection_rate[B]`), and a comparison without brackets is the worst over labels.
    """
    figures: list[Figure] = []
    left_out: list[LeftOut] = []
    confusions = [Confusion(cells, positive, draws) for positive in positives]
    for confusion, positive in zip(confusions, positives, strict=True):
        suffix = "" if binary else f"[{positive}]"
        found, missing = _rates(confusion, by, confidence, suffix, first=confusion is confusions[0])
        figures += found
        left_out += missing
    jobs = [("", confusions)]
    if not binary:
        jobs += [(f"[{p}]", [c]) for p, c in zip(positives, confusions, strict=True)]
    for suffix, together in jobs:
        for grouping in by:
            found, missing = comparison_figures(
                together,
                grouping,
                scope_of(grouping, by),
                large=grouping.rows >= min_group_size,
                confidence=confidence,
                suffix=suffix,
            )
            figures += found
            left_out += missing
    if binary:
        for grouping in by:
            found, missing = impact_figures(
                confusions[0],
                grouping,
                scope_of(grouping, by),
                smallest_share=smallest_share,
                confidence=confidence,
            )
            figures += found
            left_out += missing
    return figures, left_out


def impact_ratios(
    cells: Cells,
    by: list[Grouping],
    draws: Any,
    *,
    smallest_share: float,
    confidence: float,
) -> tuple[list[Figure], list[LeftOut]]:
    """Scoring rates (cells predicted True are above the median) and their impact ratios."""
    confusion = Confusion(cells, True, draws)
    source = "6 RCNY 5-300: scoring rate"
    figures: list[Figure] = []
    left_out: list[LeftOut] = []
    for grouping in (Grouping.of(cells, ()), *by):
        rates = confusion.by_group(_SELECTION, grouping)
        figures += rate_figures(
            "scoring_rate", source, rates, grouping, confidence, weighted=cells.weighted
        )
    for grouping in by:
        found, missing = impact_figures(
            confusion,
            grouping,
            scope_of(grouping, by),
            smallest_share=smallest_share,
            confidence=confidence,
            scoring=True,
        )
        figures += found
        left_out += missing
    return figures, left_out


def _rates(
    confusion: Confusion, by: list[Grouping], confidence: float, suffix: str, *, first: bool
) -> tuple[list[Figure], list[LeftOut]]:
    figures: list[Figure] = []
    left_out: list[LeftOut] = []
    for rate in RATES:
        if rate.needs_truth and confusion.actual is None:
            continue
        if rate.name == "accuracy_score" and not first:
            continue
        name = rate.name if rate.name == "accuracy_score" else rate.name + suffix
        for grouping in (Grouping.of(confusion.cells, ()), *by):
            by_group = confusion.by_group(rate, grouping)
            figures += rate_figures(
                name,
                source_of(rate.source, rate.name),
                by_group,
                grouping,
                confidence,
                weighted=confusion.cells.weighted,
            )
            left_out += [
                LeftOut(
                    what=f"{name} of {group_text(group) or 'the whole'}",
                    why="nothing in its denominator",
                )
                for group, total in zip(grouping.groups, by_group.denominator, strict=True)
                if total <= 0
            ]
    if confusion.actual is None and first:
        left_out.append(LeftOut(what="rates of right and wrong", why="y_true is not given"))
    return figures, left_out
