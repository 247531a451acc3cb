"""Error rates of the verdicts over simulated batches: 500 rows a side, 50 columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from aims_mlops.measures.drift.measure import measure_drift

pytestmark = pytest.mark.slow

RUNS, ROWS, COLUMNS = 500, 500, 50


def batch(random: np.random.Generator, shift: float = 0.0, rows: int = ROWS) -> pa.Table:
    """30 normal columns, 10 skewed ones, 10 of labels; the first three may be shifted."""
    columns: dict[str, object] = {}
    for place in range(COLUMNS):
        if place < 30:
            columns[f"c{place}"] = random.normal(shift if place < 3 else 0.0, 1.0, rows)
        elif place < 40:
            columns[f"c{place}"] = random.lognormal(0, 1, rows)
        else:
            columns[f"c{place}"] = pa.array(random.integers(0, place - 37, rows)).cast(pa.string())
    return pa.table(columns)


def test_no_drift_raises_something_in_at_most_5_percent_of_runs() -> None:
    raised = 0
    for run in range(RUNS):
        random = np.random.default_rng(run)
        raised += measure_drift(batch(random), batch(random)).verdict == "drift"
    assert raised / RUNS <= 0.05


def test_half_a_deviation_in_3_of_50_columns_is_found_in_95_percent_of_runs() -> None:
    found = 0
    for run in range(RUNS):
        random = np.random.default_rng(10_000 + run)
        result = measure_drift(batch(random), batch(random, shift=0.5))
        found += {"c0", "c1", "c2"} <= set(result.drifted)
    assert found / RUNS >= 0.95


def test_columns_below_the_threshold_are_never_drift_however_many_rows() -> None:
    # At 100,000 rows a shift of 0.03 has p near 1e-10; the effect says that it does not matter.
    random = np.random.default_rng(1)
    before = pa.table({"x": random.normal(size=100_000)})
    after = pa.table({"x": random.normal(0.03, 1, 100_000)})
    result = measure_drift(before, after)
    assert result.columns["x"]["p_value"] < 1e-4
    assert result.verdict == "no drift"
