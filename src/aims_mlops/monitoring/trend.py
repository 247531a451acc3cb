"""How the figures of a schedule moved over its last windows, as far as they can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aims_mlops.errors import InputError, MissingExtraError
from aims_mlops.measures.drift.persistence import drift_series

WINDOWS = 30  # that a trend reaches back
_COLUMNS = 10  # that drift now; the evidence of each window has all

Trend = list[dict[str, Any]]


def trend_of(windows: Sequence[Mapping[str, Any]]) -> Trend:
    """For each column that drifts in the last window: method and values, window by window.

    windows : bodies of drift evidence, oldest first. A trend ends where method or reference
        changed, for a value of one says nothing beside a value of another.
    """
    last = list(windows)[-WINDOWS:]
    if not last:
        return []
    columns = last[-1]["columns"]
    drifting = [name for name, entry in columns.items() if entry["verdict"] == "drift"]
    drifting.sort(key=lambda name: -float(columns[name].get("effect") or 0.0))
    found: Trend = []
    for name in drifting[:_COLUMNS]:
        segment = drift_series(last, name)[-1]
        points = [
            {"start": str(last[place]["window"]["start"]), "value": value}
            for place, value in segment.points
            if value is not None
        ]
        found.append({"column": name, "method": segment.method, "points": points})
    return found


def drawn(trend: Trend) -> str | None:
    """The trend as SVG; None where there is nothing to draw, or nothing to draw it with."""
    from aims_mlops.measures.result.plots import plot_series

    starts = sorted({point["start"] for one in trend for point in one["points"]})
    series = {
        f"{one['column']} ({one['method']})": [
            (starts.index(point["start"]), float(point["value"])) for point in one["points"]
        ]
        for one in trend
        if one["points"]
    }
    if len(starts) < 2 or not series:
        return None
    try:
        return plot_series(series, [start[:10] for start in starts], title="drift").svg
    except (InputError, MissingExtraError):
        return None
