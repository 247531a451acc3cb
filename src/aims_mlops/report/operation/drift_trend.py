"""Columns that drifted, over the windows of a schedule: effect, threshold and shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from aims_mlops.report.render import reading

_MOST_BARS = 60  # of a distribution that is drawn
Axis = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One window. way : method and reference; a trend is read only where it stays the same."""

    start: str
    value: float
    threshold: float | None
    verdict: str
    reason: str
    way: tuple[str | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """Share of rows on both sides. words : from where to where, or which label by its rank."""

    words: str
    reference: float
    current: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the evidence of a window holds of a column's distribution."""

    start: str
    bars: tuple[Bar, ...]

    @property
    def highest(self) -> float:
        """The highest bar of both sides; 1 if there is none."""
        return max((max(bar.reference, bar.current) for bar in self.bars), default=0.0) or 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnTrend:
    """One column over the windows, oldest first. drifted : in how many of them."""

    column: str
    points: tuple[Point, ...]
    drifted: int
    shape: Shape | None

    @property
    def last(self) -> Point:
        """The newest point."""
        return self.points[-1]

    @property
    def highest(self) -> float:
        """Of values and thresholds; what the upper edge of a chart stands for."""
        limits = [point.threshold or 0.0 for point in self.points]
        return max(*limits, *(point.value for point in self.points), 1e-12)

    @property
    def places(self) -> list[tuple[Point, Point]]:
        """Points beside one another that may be joined by a line."""
        return [(one, two) for one, two in pairwise(self.points) if one.way == two.way]


def trends(bodies: Iterable[Mapping[str, Any]]) -> tuple[ColumnTrend, ...]:
    """Every column that drifts in one of the windows; the most often drifting first.

    bodies : of drift evidence, oldest window first.
    """
    points: dict[str, list[Point]] = {}
    shapes: dict[str, Shape] = {}
    for body in bodies:
        start = reading.string(reading.mapping(body, "window"), "start") or "?"
        reference = reading.string(reading.mapping(body, "reference"), "sha256")
        for name, entry in reading.mapping(body, "columns").items():
            if not isinstance(entry, Mapping):
                continue
            value = reading.number(entry, "effect")
            if value is not None:
                points.setdefault(str(name), []).append(_point(start, value, entry, reference))
            shape = _shape(start, entry)
            if shape is not None:
                shapes[str(name)] = shape
    found = [
        ColumnTrend(
            column=name,
            points=tuple(of_column),
            drifted=sum(point.verdict == "drift" for point in of_column),
            shape=shapes.get(name),
        )
        for name, of_column in points.items()
    ]
    drifting = [trend for trend in found if trend.drifted]
    return tuple(sorted(drifting, key=lambda t: (-t.drifted, -t.last.value, t.column)))


def _point(start: str, value: float, entry: Mapping[str, Any], reference: str | None) -> Point:
    return Point(
        start=start,
        value=max(0.0, value),
        threshold=reading.number(entry, "threshold"),
        verdict=reading.string(entry, "verdict") or "not recorded",
        reason=reading.string(entry, "reason") or "not recorded",
        way=(reading.string(entry, "effect_method"), reference),
    )


def _shape(start: str, entry: Mapping[str, Any]) -> Shape | None:
    """The distribution that is kept of the column, if it is one."""
    kept = reading.mapping(entry, "distribution")
    sides = [_numbers(reading.sequence(kept, side)) for side in ("reference", "current")]
    count = len(sides[0])
    if not 0 < count <= _MOST_BARS or len(sides[1]) != count:
        return None
    edges = _numbers(reading.sequence(kept, "edges"))
    if edges and len(edges) != count - 1:
        return None
    when = reading.string(entry, "kind") == "datetime"
    words = _between(edges, dates=when) if edges else _ranks(count)
    bars = (
        Bar(words=text, reference=min(1.0, one), current=min(1.0, two))
        for text, one, two in zip(words, *sides, strict=True)
    )
    return Shape(start=start, bars=tuple(bars))


def _numbers(values: Sequence[Any]) -> list[float]:
    return [
        number for place in range(len(values)) if (number := _number(values[place])) is not None
    ]


def _number(value: Any) -> float | None:
    return reading.number({"value": value}, "value")


def _ranks(count: int) -> list[str]:
    named = [f"label {place + 1} of the reference by frequency" for place in range(count - 1)]
    return [*named, "the last label, or all others" if count > 1 else "the only label"]


def _between(edges: Sequence[float], *, dates: bool) -> list[str]:
    texts = [_moment(edge) if dates else f"{edge:.12g}" for edge in edges]
    inner = [f"{low} to {high}" for low, high in pairwise(texts)]
    return [f"below {texts[0]}", *inner, f"from {texts[-1]} on"]


def _moment(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
    except (OverflowError, ValueError, OSError):
        return f"{seconds:.12g} s"
