"""Alerts after drift that persists, by one method only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from aims_mlops.errors import InputError
from aims_mlops.measures.drift.measure import measure_drift
from aims_mlops.measures.drift.persistence import drift_series, persistent_drift


def window(verdict: str, *, method: str = "wasserstein", reference: str = "r1") -> dict[str, Any]:
    """The fields of a drift body that persistence reads."""
    return {
        "reference": {"sha256": reference},
        "columns": {
            "x": {"verdict": verdict, "method": method, "threshold": 0.1, "values": {method: 0.2}}
        },
        "findings": [],
    }


def alerted(*windows: dict[str, Any], persistence: int = 3) -> list[tuple[str, int, int]]:
    found = persistent_drift(windows, persistence=persistence)
    return [(alert.column, alert.windows, alert.since) for alert in found]


def test_three_windows_of_drift_alert_and_two_do_not() -> None:
    assert alerted(window("drift"), window("drift")) == []
    assert alerted(window("drift"), window("drift"), window("drift")) == [("x", 3, 0)]


def test_window_without_drift_starts_the_count_anew() -> None:
    windows = [window(v) for v in ("drift", "drift", "no drift", "drift", "drift")]
    assert alerted(*windows) == []
    assert alerted(*windows, window("drift")) == [("x", 3, 3)]


def test_window_that_cannot_tell_neither_counts_nor_resets() -> None:
    windows = [window(v) for v in ("drift", "drift", "insufficient", "drift")]
    assert alerted(*windows) == [("x", 3, 0)]
    assert alerted(*windows[:3]) == []


@pytest.mark.parametrize("change", [{"method": "psi"}, {"reference": "r2"}])
def test_other_method_or_reference_starts_the_count_anew(change: dict[str, str]) -> None:
    assert alerted(window("drift"), window("drift"), window("drift", **change)) == []


def test_column_that_stays_missing_alerts() -> None:
    gone = {
        "reference": {"sha256": "r1"},
        "columns": {},
        "findings": [{"column": "y", "finding": "missing", "text": ""}],
    }
    assert alerted(gone, gone, persistence=2) == [("y", 2, 0)]


def test_series_is_cut_where_the_method_changes() -> None:
    windows = [window("drift"), window("drift"), window("drift", method="psi"), window("drift")]
    segments = drift_series(windows, "x")
    assert [(s.method, [index for index, _ in s.points]) for s in segments] == [
        ("wasserstein", [0, 1]),
        ("psi", [2]),
        ("wasserstein", [3]),
    ]


def test_real_results_alert_for_the_shifted_column_only() -> None:
    random = np.random.default_rng(0)

    def batch(shift: float) -> pa.Table:
        return pa.table({"a": random.normal(shift, 1, 2000), "b": random.normal(size=2000)})

    reference = batch(0)
    results = [measure_drift(reference, batch(0.5)) for _ in range(3)]
    assert [alert.column for alert in persistent_drift(results)] == ["a"]


def test_what_is_no_window_is_refused() -> None:
    with pytest.raises(InputError, match="no drift result"):
        persistent_drift([{"figures": []}])
    with pytest.raises(InputError, match="at least 1"):
        persistent_drift([], persistence=0)
