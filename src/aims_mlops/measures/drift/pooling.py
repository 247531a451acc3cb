"""Small windows put together until there are rows enough for a verdict, and said so.

How many windows go together is decided from the numbers of rows alone, before anything of the
pooled values is looked at. So there are two looks, at the newest window and at the pool, and each
gets half of `false_discovery_rate`: together they hold the rate that one would have. Going on until
something shows would raise it with every window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from aims_mlops.measures.drift.measure import DriftResult, measure_drift

MOST_WINDOWS = 31
FALSE_DISCOVERY_RATE = 0.01  # as `measure_drift` has it


def measure_pooled_drift(
    reference: Any,
    current: Any,
    earlier: Iterable[Any | Callable[[], Any]],
    *,
    most_windows: int = MOST_WINDOWS,
    **settings: Any,
) -> DriftResult:
    """Drift of the newest window, with those before it where it alone has too few rows.

    reference, settings : as for `measure_drift`.  current : the newest window, a table.
    earlier : the windows before it, newest first: tables, or calls that give one (or None where
        there is none), which are made only when the window is needed.
    most_windows : put together at the most.

    The result is that of `current` alone where it has rows enough for every column, or drifts.
    `extra` says in `pooled` how many windows and rows were measured; None for one window. A pool
    that is still too small is `insufficient`. Raises InputError as `measure_drift` does.
    """
    alone = measure_drift(reference, current, **settings)
    needed = rows_needed(alone)
    if needed is None:
        return _told(alone, None)
    rate = settings.get("false_discovery_rate", FALSE_DISCOVERY_RATE) / 2
    settings["false_discovery_rate"] = rate
    if alone.verdict == "drift":
        alone = measure_drift(reference, current, **settings)
        if alone.verdict == "drift":
            return _told(alone, None)
    windows, rows = [current], alone.extra["current"]["rows"]
    for window in earlier:
        if rows >= needed or len(windows) >= most_windows:
            break
        table = window() if callable(window) else window
        if table is None:
            continue
        windows.append(table)
        rows += _rows(table)
    if len(windows) == 1:
        return _told(alone, None)
    pooled = measure_drift(reference, windows, **settings)
    about = {"windows": len(windows), "rows": pooled.extra["current"]["rows"], "needed": needed}
    return _told(pooled, about)


def rows_needed(result: DriftResult) -> int | None:
    """Rows of a batch with which no column would be `insufficient` for want of rows alone.

    From the numbers of rows and the reference; None where more rows of the batch would not help.
    """
    wanted = [
        int(entry["rows_needed"])
        for entry in result.columns.values()
        if entry["verdict"] == "insufficient" and entry["rows_needed"] is not None
    ]
    return max(wanted, default=None)


def _told(result: DriftResult, pooled: dict[str, int] | None) -> DriftResult:
    notes = result.notes
    if pooled is not None:
        notes = (
            f"{pooled['windows']} windows were put together: one alone has too few rows",
            *notes,
        )
    return replace(result, notes=notes, extra={**result.extra, "pooled": pooled})


def _rows(table: Any) -> int:
    from aims_mlops.measures.table.opening import open_table

    opened = open_table(table)
    return sum(batch.rows for batch in opened.select(opened.names[:1]).batches())
