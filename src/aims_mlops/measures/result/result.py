"""What every measure returns: figures, and everything needed to know what they stand for."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import InputError
from aims_mlops.measures.result.figure import Figure
from aims_mlops.measures.result.reading_order import headline, in_reading_order, is_comparison

if TYPE_CHECKING:
    import pandas as pd

    from aims_mlops.measures.result.plots import Drawing

_FRAME_COLUMNS = ("measure", "group", "value", "low", "high", "numerator", "denominator", "n")
_ROWS_SHOWN = 40  # of a repr; to_frame() has all


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LeftOut:
    """Something a measure did not say, and why; `n` is the number of rows concerned."""

    what: str
    why: str
    n: int | None = None

    def __str__(self) -> str:
        rows = "" if self.n is None else f" ({self.n} rows)"
        return f"{self.what}{rows}: {self.why}"

    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """What was left out and why, as JSON values."""
        return {"what": self.what, "why": self.why, "n": self.n}


@dataclass(frozen=True, kw_only=True, repr=False)
class MeasureResult:
    """The result of one measure on one dataset.

    kind : the kind of evidence that it becomes, such as `bias`.
    figures : see `Figure`.  settings : every argument and default that decided a figure.
    libraries : {name: version} of what defines or computed the figures.
    left_out : what is not said, and why.  notes : what a reader should know, in sentences.
    extra : further JSON values that the body of this kind has, such as `task`.
    """

    kind: str
    figures: tuple[Figure, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def figure(self, measure: str, group: Mapping[str, str] | None = None) -> Figure:
        """The figure of that name and group; raises InputError naming what there is."""
        wanted = None if group is None else dict(group)
        for figure in self.figures:
            found = None if figure.group is None else dict(figure.group)
            if figure.measure == measure and found == wanted:
                return figure
        names = sorted({f.measure for f in self.figures})
        raise InputError(
            f"no figure {measure!r} for {'the whole' if group is None else 'this group'}",
            got=f"{self.kind} figures: {', '.join(names) or 'none'}",
            next_step="list them with to_frame()",
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON values; the figures in full, small groups included."""
        whole: dict[str, Any] = {
            "kind": self.kind,
            **self.extra,
            "figures": [f.to_dict() for f in self.figures],
            "settings": self.settings,
            "libraries": self.libraries,
            "left_out": [entry.to_dict() for entry in self.left_out],
            "notes": self.notes,
        }
        return {key: _json(value) for key, value in whole.items()}

    def to_body(self) -> dict[str, Any]:
        """The body of evidence: JSON values only. A kind that must hide something overrides it."""
        body = self.to_dict()
        del body["kind"]
        return body

    def to_frame(self) -> pd.DataFrame:
        """A pandas frame, one row per figure and group; `group` is text, None for the overall."""
        import pandas as pd

        rows = [
            (f.measure, f.group_text, f.value, f.low, f.high, f.numerator, f.denominator, f.n)
            for f in self.figures
        ]
        frame = pd.DataFrame(rows, columns=list(_FRAME_COLUMNS))
        numbers = ["value", "low", "high", "numerator", "denominator"]
        frame[numbers] = frame[numbers].astype("float64")
        frame["n"] = frame["n"].astype("Int64")
        frame["group"] = frame["group"].astype(object).where(frame["group"].notna(), None)
        return frame

    def plot(self) -> Drawing:
        """The figures drawn as SVG; `savefig` writes it. Needs matplotlib (extra `plots`)."""
        from aims_mlops.measures.result.plots import plot_figures

        return plot_figures(self)

    def __repr__(self) -> str:
        lines = [f"{self.kind}: {len(self.figures)} figures"]
        if (said := headline(self.figures)) is not None:
            lines.append(f"  {said}")
        table = [_cells(f) for f in in_reading_order(self.figures)[:_ROWS_SHOWN]]
        if table:
            header = ("measure", "group", "value", "interval", "n")
            widths = [max(len(r[i]) for r in (header, *table)) for i in range(len(header))]
            for row in (header, *table):
                cells = (c.ljust(w) for c, w in zip(row, widths, strict=True))
                lines.append("  " + "  ".join(cells).rstrip())
        if len(self.figures) > _ROWS_SHOWN:
            lines.append(f"  … {len(self.figures) - _ROWS_SHOWN} more: to_frame()")
        lines += [f"  left out: {entry}" for entry in self.left_out]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        header = "".join(
            f"<th>{name}</th>" for name in ("measure", "group", "value", "interval", "n")
        )
        ordered = in_reading_order(self.figures)
        shown = [f for f in ordered if f.group is None or is_comparison(f)]
        single = [f for f in ordered if f.group is not None and not is_comparison(f)]
        folded = "".join(
            f"<details><summary>{html.escape(columns)}: {len(of_column)} figures of single groups"
            f"</summary>{_table(header, of_column)}</details>"
            for columns, of_column in _by_column(single).items()
        )
        said = headline(self.figures)
        summed = "" if said is None else f": {said}"
        asides = [("left out", str(entry)) for entry in self.left_out]
        asides += [("note", note) for note in self.notes]
        listed = "".join(f"<li>{k}: {html.escape(v)}</li>" for k, v in asides)
        return (
            f"<p><b>{html.escape(self.kind)}</b>{html.escape(summed)}</p>"
            + _table(header, shown)
            + folded
            + (f"<ul>{listed}</ul>" if listed else "")
        )


def _table(header: str, figures: Sequence[Figure]) -> str:
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in _cells(f)) + "</tr>" for f in figures
    )
    return f"<table><thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table>"


def _by_column(figures: Sequence[Figure]) -> dict[str, list[Figure]]:
    found: dict[str, list[Figure]] = {}
    for figure in figures:
        found.setdefault(" and ".join(figure.group or ()), []).append(figure)
    return found


def _cells(figure: Figure) -> tuple[str, str, str, str, str]:
    interval = (
        ""
        if figure.low is None and figure.high is None
        else f"{_number(figure.low)} … {_number(figure.high)}"
    )
    return (
        figure.measure,
        figure.group_text or "",
        "not known" if figure.value is None else _number(figure.value),
        interval,
        "" if figure.n is None else str(figure.n),
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _json(value: Any) -> Any:
    """JSON values from Python and NumPy ones; what is not finite becomes None."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [_json(item) for item in items]
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return _json(value.tolist())
    raise InputError(
        "a measure's result holds a value that is not JSON", got=type(value).__qualname__
    )
