"""A bias result, and what of it may be stored: no count of fewer people than the threshold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from aims_mlops.measures.figures import EVERY_GROUP, Figure
from aims_mlops.measures.result import LeftOut, MeasureResult


@dataclass(frozen=True, kw_only=True, repr=False)
class BiasResult(MeasureResult):
    """Bias figures; `group_rows` has the rows of each group, by its text.

    suppress_below : `to_body()`, which is what gets stored, blanks every figure about fewer rows
        than this, and the next smallest group beside a lone blank one, which subtraction from the
        total would otherwise give back. `to_dict()` and `to_frame()` stay complete.
    """

    kind: str = "bias"
    suppress_below: int = 5
    group_rows: Mapping[str, int]

    def to_body(self) -> dict[str, Any]:
        hidden = hidden_groups(
            [f.group for f in self.figures if _is_group(f)], self.group_rows, self.suppress_below
        )
        figures = tuple(self._suppressed(figure, hidden) for figure in self.figures)
        blanked = sum(a is not b for a, b in zip(figures, self.figures, strict=True))
        left_out = tuple(self._named_safely(entry, hidden) for entry in self.left_out)
        if blanked:
            left_out += (
                LeftOut(
                    what=f"{blanked} figures of {len(hidden)} small groups",
                    why=f"fewer than {self.suppress_below} rows, or next to such a group",
                ),
            )
        safe = replace(self, figures=figures, left_out=left_out)
        return MeasureResult.to_body(safe)

    def _suppressed(self, figure: Figure, hidden: frozenset[str]) -> Figure:
        text = figure.group_text
        if _is_group(figure) and (text in hidden or _below(figure.n, self.suppress_below)):
            return replace(
                figure, value=None, low=None, high=None, numerator=None, denominator=None, n=None
            )
        if not _is_group(figure) and _below(figure.n, self.suppress_below):
            return replace(figure, n=None)
        return figure

    def _named_safely(self, entry: LeftOut, hidden: frozenset[str]) -> LeftOut:
        small = _below(entry.n, self.suppress_below) or any(text in entry.what for text in hidden)
        return replace(entry, n=None) if small else entry


def _below(n: int | None, limit: int) -> bool:
    return n is not None and n < limit


def _is_group(figure: Figure) -> bool:
    return figure.group is not None and EVERY_GROUP not in figure.group.values()


def hidden_groups(
    groups: list[Mapping[str, str] | None], rows: Mapping[str, int], limit: int
) -> frozenset[str]:
    """Texts of the groups to blank: the small ones, and those that would give one away.

    A line is a set of groups that add up to something published: the labels of one column, or
    the crossed groups that share one label. In a line with a blank group, at least two are blank
    and the blank ones hold at least `limit` rows together.
    """
    distinct = {_text(g): dict(g) for g in groups if g}
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


def _text(group: Mapping[str, str]) -> str:
    return " & ".join(f"{column}={label}" for column, label in group.items())
