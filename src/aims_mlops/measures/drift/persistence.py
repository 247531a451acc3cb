"""Alerting only when drift persists, and never reading one trend across two methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aims_mlops.errors import InputError
from aims_mlops.measures.result.result import MeasureResult

Window = MeasureResult | Mapping[str, Any]

_SCHEMA = ("missing", "retyped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A column that drifted in the last `windows` windows that could tell, by one method.

    since : index, in the sequence given, of the first of them.
    """

    column: str
    method: str
    windows: int
    since: int

    def to_dict(self) -> dict[str, Any]:
        """The alert as JSON values."""
        return {
            "column": self.column,
            "method": self.method,
            "windows": self.windows,
            "since": self.since,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of windows measured one way; `points` are (index of the window, value)."""

    column: str
    method: str
    reference: str | None
    points: tuple[tuple[int, float | None], ...]


def persistent_drift(windows: Sequence[Window], *, persistence: int = 3) -> list[Alert]:
    """Columns to alert for, after the last of some windows.

    windows : drift results or bodies of drift evidence, oldest first.
    persistence : how many windows in a row must say `drift`. A window that says `insufficient`, or
        does not have the column, neither counts nor starts the count anew; `no drift` does, and so
        do another method, threshold or reference. A column that is missing or retyped counts
        like one that drifts.
    Raises InputError for a persistence below 1.
    """
    if persistence < 1:
        raise InputError("persistence must be at least 1", got=str(persistence))
    states: dict[str, tuple[tuple[Any, ...], int, int]] = {}
    for index, window in enumerate(windows):
        body = _body(window)
        for column, verdict, way in _verdicts(body):
            if verdict == "insufficient":
                continue
            known = states.get(column)
            if verdict != "drift":
                states.pop(column, None)
            elif known is not None and known[0] == way:
                states[column] = (way, known[1] + 1, known[2])
            else:
                states[column] = (way, 1, index)
    return [
        Alert(column=column, method=str(way[0]), windows=count, since=since)
        for column, (way, count, since) in states.items()
        if count >= persistence
    ]


def drift_series(windows: Sequence[Window], column: str) -> list[Segment]:
    """The figure of one column over windows, cut wherever method or reference change.

    A trend may be read inside a segment only: a value of one method says nothing beside a value
    of another.
    """
    segments: list[Segment] = []
    for index, window in enumerate(windows):
        body = _body(window)
        entry = body["columns"].get(column)
        if entry is None or entry["method"] is None:
            continue
        method, reference = entry["method"], body["reference"].get("sha256")
        point = (index, entry["values"].get(method))
        last = segments[-1] if segments else None
        if last is not None and (last.method, last.reference) == (method, reference):
            segments[-1] = Segment(
                column=column,
                method=method,
                reference=reference,
                points=(*last.points, point),
            )
        else:
            segments.append(
                Segment(column=column, method=method, reference=reference, points=(point,))
            )
    return segments


def _body(window: Window) -> Mapping[str, Any]:
    body = window.to_body() if isinstance(window, MeasureResult) else window
    if "columns" not in body or "reference" not in body:
        raise InputError(
            "a window is no drift result",
            got=f"fields {', '.join(sorted(map(str, body))[:8])}",
            expected="a DriftResult, or the body of evidence of kind drift",
        )
    return body


def _verdicts(body: Mapping[str, Any]) -> list[tuple[str, str, tuple[Any, ...]]]:
    """(column, verdict, how it was measured) of one window."""
    reference = body["reference"].get("sha256")
    found = [
        (name, entry["verdict"], (entry["method"], entry["threshold"], reference))
        for name, entry in body["columns"].items()
    ]
    found += [
        (finding["column"], "drift", ("schema", finding["finding"], reference))
        for finding in body.get("findings", ())
        if finding["finding"] in _SCHEMA
    ]
    return found
