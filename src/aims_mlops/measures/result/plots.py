"""Figures drawn as SVG with matplotlib's object interface; no pyplot, no display, no state.

The same figures give the same bytes: no date, fixed ids, text as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from aims_mlops.errors import InputError, MissingExtraError
from aims_mlops.measures.result.figure import EVERY_GROUP, Figure

_BLUE, _ORANGE, _GREY = "#0072b2", "#d55e00", "#767676"  # Okabe and Ito: told apart by all eyes
_LINES = (_BLUE, _ORANGE, "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
_COLUMNS = 2
_PANEL, _LINE, _BETWEEN = 3.4, 0.2, 0.85  # inches: panel width, height of a line, gap of rows
_MOST_PANELS = 24
_MOST_TICKS = 12  # labels of moments below a history
_MOST_ROWS = 40  # groups of one panel; the largest values stay
_SETTINGS: Any = {
    "svg.hashsalt": "aims-mlops",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """One SVG picture; a notebook shows it."""

    svg: str

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> Path:
        """Write the picture and say where."""
        target = Path(path)
        if target.suffix.lower() not in ("", ".svg"):
            raise InputError(
                "a drawing is written as SVG", got=target.suffix, expected="a file ending in .svg"
            )
        target.write_text(self.svg, encoding="utf-8")
        return target

    def savefig(self, path: str | Path) -> Path:
        """The same under the name that matplotlib's figures have."""
        return self.save(path)


class HasFigures(Protocol):
    """A measure's result, as far as it is drawn."""

    @property
    def figures(self) -> Sequence[Figure]:
        """The figures to draw."""


def plot_figures(result: HasFigures) -> Drawing:
    """Every measure by group with its interval; calibration curves beside, if there are any."""
    return draw_figures(result.figures, curves=getattr(result, "curves", ()))


def draw_figures(
    figures: Sequence[Figure | Mapping[str, Any]], *, curves: Sequence[Mapping[str, Any]] = ()
) -> Drawing:
    """Draw figures, as measured or as stored (`body["figures"]`, `body["curves"]`).

    One panel per measure: a dot and its interval for each group, the overall value as a line.
    Measures without groups share one panel. Figures without a value are not drawn. Raises
    InputError when none has one. p-values are no effect and are not drawn.
    """
    read = [f if isinstance(f, Figure) else Figure.from_dict(f) for f in figures]
    known = [f for f in read if f.value is not None and not _is_p_value(f)]
    by_measure: dict[str, list[Figure]] = {}
    for figure in known:
        by_measure.setdefault(figure.measure, []).append(figure)
    single = [f for found in by_measure.values() for f in found if _stands_alone(f, found)]
    grouped = {
        name: found
        for name, found in by_measure.items()
        if any(not _stands_alone(f, found) for f in found)
    }
    panels = len(grouped) + bool(single) + bool(curves)
    if not panels:
        raise InputError("there is nothing to draw", got="no figure with a value")
    shown = dict(list(grouped.items())[: _MOST_PANELS - 2])
    sizes = [12] * bool(curves)
    sizes += [min(len(found), _MOST_ROWS) for found in shown.values()]
    if single:
        sizes.append(min(len(single), _MOST_ROWS))
    labels = [_label(f) for found in shown.values() for f in found if f.group is not None]
    labels += [_single_label(f) for f in single]
    with _Canvas(sizes, labels) as canvas:
        if curves:
            _curve_panel(canvas.next_axes(), curves)
        for name, found in shown.items():
            _group_panel(canvas.next_axes(), name, found)
        if single:
            _single_panel(canvas.next_axes(), single)
    return Drawing(canvas.svg)


def plot_history(
    results: Sequence[tuple[str, HasFigures]],
    measure: str,
    *,
    limit: float | None = None,
) -> Drawing:
    """One measure over time: a line per group, such as drift by column over batches.

    results : (label of the moment, result), oldest first.  limit : drawn as a line.
    Raises InputError when no result has the measure.
    """
    series: dict[str, list[tuple[int, float]]] = {}
    for place, (_, result) in enumerate(results):
        for figure in result.figures:
            if figure.measure == measure and figure.value is not None:
                points = series.setdefault(figure.group_text or "overall", [])
                points.append((place, figure.value))
    if not series:
        raise InputError(f"no result has the measure {measure!r}", got=f"{len(results)} results")
    return plot_series(series, [label for label, _ in results], title=measure, limit=limit)


def plot_series(
    series: Mapping[str, Sequence[tuple[int, float]]],
    labels: Sequence[str],
    *,
    title: str,
    limit: float | None = None,
) -> Drawing:
    """A line for each name. series : (place among `labels`, value), oldest first."""
    highest = sorted(series, key=lambda name: -max(value for _, value in series[name]))
    with _Canvas([14], columns=1) as canvas:
        axes = canvas.next_axes()
        for i, name in enumerate(highest):
            points = series[name]
            values = [value for _, value in points]
            named = i < len(_LINES)
            axes.plot(
                [place for place, _ in points],
                values,
                marker="o",
                markersize=3,
                linewidth=1.2 if named else 0.6,
                color=_LINES[i] if named else _GREY,
                label=name if named else None,
                zorder=3 if named else 1,
            )
        if limit is not None:
            axes.axhline(limit, color=_ORANGE, linestyle="--", linewidth=1)
        shown = range(0, len(labels), max(1, len(labels) // _MOST_TICKS))
        axes.set_xticks(list(shown), [labels[place] for place in shown], rotation=30)
        axes.set_title(title, loc="left", fontweight="bold")
        axes.legend(frameon=False, fontsize=7)
    return Drawing(canvas.svg)


def _is_p_value(figure: Figure) -> bool:
    return figure.measure.endswith(("pvalue", "p_value"))


def _stands_alone(figure: Figure, found: Sequence[Figure]) -> bool:
    """Whether a figure is one value and not a group beside other groups."""
    if figure.group is None:
        return all(f.group is None or EVERY_GROUP in f.group.values() for f in found)
    return EVERY_GROUP in figure.group.values()


class _Canvas:
    """A page of panels in columns, written as SVG when the block ends.

    Panels are placed by hand, in inches: matplotlib's layout engines take seconds for a page.
    """

    def __init__(
        self, sizes: Sequence[int], labels: Sequence[str] = (), columns: int = _COLUMNS
    ) -> None:
        self.svg = ""
        self._columns = min(columns, len(sizes))
        self._sizes = sizes
        rows = [
            max(sizes[i : i + self._columns]) * _LINE + _BETWEEN
            for i in range(0, len(sizes), self._columns)
        ]
        self._tops = [sum(rows[:i]) for i in range(len(rows) + 1)]
        self._margin = 0.35 + 0.072 * max((len(label) for label in labels), default=4)
        self._drawn = 0

    def __enter__(self) -> _Canvas:
        try:
            import matplotlib as mpl
            from matplotlib.figure import Figure as Page
        except ImportError as error:
            raise MissingExtraError(
                "drawing figures", library="matplotlib", extra="plots"
            ) from error
        self._context = mpl.rc_context(_SETTINGS)
        self._context.__enter__()
        self._width = self._columns * (self._margin + _PANEL + 0.25)
        self._height = self._tops[-1] + 0.1
        self._page = Page(figsize=(self._width, self._height))
        return self

    def next_axes(self) -> Any:
        row, column = divmod(self._drawn, self._columns)
        left = column * (self._margin + _PANEL + 0.25) + self._margin
        tall = self._sizes[self._drawn] * _LINE
        bottom = self._height - self._tops[row] - 0.35 - tall
        self._drawn += 1
        return self._page.add_axes(
            (
                left / self._width,
                bottom / self._height,
                _PANEL / self._width,
                tall / self._height,
            )
        )

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        import io

        try:
            if kind is None:
                buffer = io.BytesIO()
                # `Date: None` leaves the time out, so that the bytes depend on the data alone.
                self._page.savefig(buffer, format="svg", metadata={"Date": None})
                self.svg = buffer.getvalue().decode("utf-8")
        finally:
            self._context.__exit__(kind, error, trace)


def _group_panel(axes: Any, name: str, found: Sequence[Figure]) -> None:
    groups = [f for f in found if not _stands_alone(f, found) and f.group is not None]
    if len(groups) > _MOST_ROWS:
        kept = sorted(groups, key=lambda f: -(f.value or 0))[:_MOST_ROWS]
        axes.text(
            1,
            -0.02,
            f"{len(groups) - _MOST_ROWS} more not shown",
            transform=axes.transAxes,
            ha="right",
            va="top",
            fontsize=7,
            color=_GREY,
        )
        groups = kept
    overall = next((f for f in found if f.group is None), None)
    if overall is not None:
        axes.axvline(overall.value, color=_GREY, linewidth=1, linestyle="--")
    _dots(axes, groups, [_label(f) for f in groups])
    axes.set_title(name, loc="left", fontweight="bold")


def _single_panel(axes: Any, single: Sequence[Figure]) -> None:
    shown = list(single)[:_MOST_ROWS]
    _dots(axes, shown, [_single_label(f) for f in shown])
    axes.set_title("overall and between groups", loc="left", fontweight="bold")


def _single_label(figure: Figure) -> str:
    return figure.measure + (f" ({_label(figure)})" if figure.group else "")


def _dots(axes: Any, figures: Sequence[Figure], labels: Sequence[str]) -> None:
    places = range(len(figures))
    for place, figure in zip(places, figures, strict=True):
        if figure.low is not None and figure.high is not None:
            axes.plot([figure.low, figure.high], [place, place], color=_BLUE, linewidth=1.4)
    axes.plot([f.value for f in figures], list(places), "o", color=_BLUE, markersize=4)
    axes.set_yticks(list(places), labels)
    axes.set_ylim(len(figures) - 0.5, -0.5)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.locator_params(axis="x", nbins=5)


def _label(figure: Figure) -> str:
    assert figure.group is not None
    text = " & ".join(
        column if label == EVERY_GROUP else label for column, label in figure.group.items()
    )
    # matplotlib reads $...$ as mathematics.
    return (text if figure.n is None else f"{text} (n={figure.n})").replace("$", r"\$")


def _curve_panel(axes: Any, curves: Sequence[Mapping[str, Any]]) -> None:
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle="--")
    drawn = [curve for curve in curves if curve["bins"]][: len(_LINES)]
    for color, curve in zip(_LINES, drawn, strict=False):
        bins = curve["bins"]
        label = "overall" if curve["group"] is None else " & ".join(curve["group"].values())
        axes.plot(
            [b["mean_score"] for b in bins],
            [b["share_positive"] for b in bins],
            marker="o",
            markersize=3,
            linewidth=1.2,
            color=color,
            label=label.replace("$", r"\$"),
        )
    axes.set_xlabel("mean score")
    axes.set_ylabel("share of positives")
    axes.set_title("calibration", loc="left", fontweight="bold")
    axes.legend(frameon=False, fontsize=7)
