"""Figures in the order in which a person needs them, and one sentence that sums them up. Pure.

The overall figures first, then comparisons between groups, the widest gap first, then the groups.
Nothing here is a verdict: a policy's limits give one.
"""

from __future__ import annotations

from collections.abc import Sequence

from aims_mlops.measures.result.figure import EVERY_GROUP, Figure

FOUR_FIFTHS = 0.8  # 29 CFR 1607.4 (D): a rule of thumb, used here as a signal
_RATIOS = ("ratio",)
_GAPS = ("difference", "gap")


def in_reading_order(figures: Sequence[Figure]) -> list[Figure]:
    """Overall, comparisons by how far apart the groups are, then groups by column and label."""
    return sorted(figures, key=_place)


def is_comparison(figure: Figure) -> bool:
    """Whether it compares the groups of a column."""
    return figure.group is not None and EVERY_GROUP in figure.group.values()


def headline(figures: Sequence[Figure]) -> str | None:
    """The widest gaps between groups, in words; None if nothing compares groups."""
    compared = [f for f in figures if is_comparison(f) and f.value is not None]
    ratios = [f for f in compared if f.measure.endswith(_RATIOS)]
    gaps = [f for f in compared if f.measure.endswith(_GAPS)]
    said = []
    if ratios:
        low = min(ratios, key=lambda f: _nearness(f.value))
        below = sum(_nearness(f.value) < FOUR_FIFTHS for f in ratios)
        said.append(
            f"lowest ratio {low.value:.3g} ({low.measure}, {low.group_text}); "
            f"{below} of {len(ratios)} ratios below four fifths"
        )
    if gaps:
        wide = max(gaps, key=lambda f: abs(f.value or 0.0))
        said.append(f"widest gap {wide.value:.3g} ({wide.measure}, {wide.group_text})")
    return "; ".join(said) or None


def _place(figure: Figure) -> tuple[int, float, str, str]:
    text = figure.group_text or ""
    if figure.group is None:
        return (0, 0.0, figure.measure, text)
    if not is_comparison(figure):
        return (2, 0.0, ",".join(figure.group), f"{text} {figure.measure}")
    if figure.value is None:
        return (1, 1.0, figure.measure, text)
    if figure.measure.endswith(_RATIOS):
        return (1, _nearness(figure.value) - 1.0, figure.measure, text)
    return (1, -abs(figure.value), figure.measure, text)


def _nearness(ratio: float | None) -> float:
    """A ratio held against 1 from below, whichever group was divided by which."""
    value = abs(ratio or 0.0)
    return 1.0 / value if value > 1.0 else value
