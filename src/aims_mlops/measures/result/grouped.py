"""A result with figures by group, and what of it may be stored: no count of a few people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aims_mlops.measures.result.figure import EVERY_GROUP, Figure, group_text
from aims_mlops.measures.result.result import LeftOut, MeasureResult


@dataclass(frozen=True, kw_only=True, repr=False)
class GroupedResult(MeasureResult):
    """Figures by group; `group_rows` has the rows of each group, by its text.

    suppress_below : `to_body()`, which is what gets stored, blanks every figure about fewer rows
        than this, and the next smallest group beside a lone blank one, which subtraction from the
        total would otherwise give back. `to_dict()` and `to_frame()` stay complete.
    curves : calibration curves, one per group; see `calibration`.
    """

    suppress_below: int = 5
    group_rows: Mapping[str, int] = field(default_factory=dict)
    curves: tuple[Mapping[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Figures and curves as JSON values."""
        return {
            **MeasureResult.to_dict(self),
            **({"curves": list(self.curves)} if self.curves else {}),
        }

    def to_body(self) -> dict[str, Any]:
        """What stands in evidence: figures, curves, settings, what was left out."""
        hidden = hidden_groups(
            [f.group for f in self.figures if _is_group(f)], self.group_rows, self.suppress_below
        )
        figures = tuple(self._suppressed(figure, hidden) for figure in self.figures)
        blanked = sum(a is not b for a, b in zip(figures, self.figures, strict=True))
        left_out = tuple(self._named_safely(entry, hidden) for entry in self.left_out)
        if blanked:
            left_out += (
                LeftOut(
                    what=f"{blanked} figures, {len(hidden)} groups",
                    why=f"suppressed: under {self.suppress_below} rows, or beside such a group",
                ),
            )
        curves = tuple(self._safe_curve(curve, hidden) for curve in self.curves)
        safe = replace(self, figures=figures, left_out=left_out, curves=curves)
        body = safe.to_dict()
        del body["kind"]
        return body

    def _suppressed(self, figure: Figure, hidden: frozenset[str]) -> Figure:
        small = self._small(figure.n)
        if _is_group(figure):
            if not small and figure.group_text not in hidden:
                return figure
            return replace(
                figure, value=None, low=None, high=None, numerator=None, denominator=None, n=None
            )
        if figure.measure == "compared_share" and self._small(_rest(figure)):
            # What is missing from the whole would be the size of the small groups.
            return replace(
                figure, value=None, low=None, high=None, numerator=None, denominator=None
            )
        return replace(figure, n=None) if small else figure

    def _named_safely(self, entry: LeftOut, hidden: frozenset[str]) -> LeftOut:
        small = self._small(entry.n) or any(text in entry.what for text in hidden)
        return replace(entry, n=None) if small else entry

    def _safe_curve(self, curve: Mapping[str, Any], hidden: frozenset[str]) -> Mapping[str, Any]:
        if curve["group"] is not None and group_text(curve["group"]) in hidden:
            return {**curve, "bins": []}
        return {**curve, "bins": [b for b in curve["bins"] if not self._small(b["n"])]}

    def _small(self, n: int | None) -> bool:
        return n is not None and 0 < n < self.suppress_below


def _rest(figure: Figure) -> int:
    return int((figure.denominator or 0) - (figure.numerator or 0))


def _is_group(figure: Figure) -> bool:
    return figure.group is not None and EVERY_GROUP not in figure.group.values()


def hidden_groups(
    groups: Iterable[Mapping[str, str] | None], rows: Mapping[str, int], limit: int
) -> frozenset[str]:
    """Texts of the groups to blank: the small ones, and those that would give one away.

    A line is a set of groups that add up to something published: the labels of one column, or
    the crossed groups that share one label. In a line with a blank group, at least two are blank
    and the blank ones hold at least `limit` rows together. This stops subtraction within a line,
    not a solver over all lines at once.
    """
    distinct = {group_text(g): dict(g) for g in groups if g}
    hidden = {text for text in distinct if rows.get(text, 0) < limit}
    lines = _lines(distinct)
    changed = True
    while changed:
        changed = False
        for line in lines:
            blank = [text for text in line if text in hidden]
            shown = sorted((rows.get(t, 0), t) for t in line if t not in hidden)
            together = sum(rows.get(text, 0) for text in blank)
            if blank and shown and (len(blank) == 1 or together < limit):
                hidden.add(shown[0][1])
                changed = True
    return frozenset(hidden)


def _lines(groups: Mapping[str, Mapping[str, str]]) -> list[list[str]]:
    lines: dict[tuple[Any, ...], list[str]] = {}
    for text, group in groups.items():
        columns = tuple(group)
        if len(columns) == 1:
            lines.setdefault((columns,), []).append(text)
            continue
        for column, label in group.items():
            lines.setdefault((columns, column, label), []).append(text)
    return list(lines.values())
