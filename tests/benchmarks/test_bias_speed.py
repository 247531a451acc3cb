"""How fast bias is measured, as ratios in one run, with peak memory. Run alone: -m benchmark."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fairlearn.metrics as fm
import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as skm

from aims_mlops.measures.bias.measure import measure_bias

pytestmark = pytest.mark.benchmark

_GROUPS = ["alpha", "beta", "gamma", "delta", "epsilon"]


def rows(n: int) -> tuple[np.ndarray, np.ndarray, pd.Series]:
    generator = np.random.default_rng(0)
    y_true = generator.integers(0, 2, n)
    y_pred = np.where(generator.random(n) < 0.8, y_true, 1 - y_true)
    return y_true, y_pred, pd.Series(generator.choice(_GROUPS, n))


def seconds(call: Callable[[], object], repeat: int) -> float:
    found = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


def test_bias_of_a_million_rows_is_200_times_as_fast_as_metric_frame(figures: Any) -> None:
    y_true, y_pred, group = rows(1_000_000)
    metrics = {
        "selection_rate": fm.selection_rate,
        "accuracy_score": skm.accuracy_score,
        "true_positive_rate": fm.true_positive_rate,
        "false_positive_rate": fm.false_positive_rate,
        "false_negative_rate": fm.false_negative_rate,
        "precision_score": skm.precision_score,
    }
    frames = []

    def theirs() -> None:
        frames.append(
            fm.MetricFrame(
                metrics=metrics, y_true=y_true, y_pred=y_pred, sensitive_features=group
            ).by_group
        )

    def ours() -> object:
        return measure_bias(y_true=y_true, y_pred=y_pred, sensitive=group, n_resamples=1000)

    result = measure_bias(y_true=y_true, y_pred=y_pred, sensitive=group)
    own, fairlearn = seconds(ours, 5), seconds(theirs, 1)
    for name in metrics:
        for label in _GROUPS:
            figure = result.figure(name, {"sensitive": label})
            assert figure.value == pytest.approx(frames[0].loc[label, name], abs=1e-12)
    print(
        f"\n1e6 rows, 5 string groups: ours with 1,000 resamples {own:.3f} s, "
        f"MetricFrame without intervals {fairlearn:.1f} s, ratio {fairlearn / own:.0f}"
    )
    figures.at_least("bias: MetricFrame / ours, 1e6 rows", fairlearn / own, 200)


def test_ten_times_the_rows_take_at_most_twelve_times_as_long(figures: Any) -> None:
    small, large = rows(1_000_000), rows(10_000_000)

    def measured(data: tuple[np.ndarray, np.ndarray, pd.Series]) -> Callable[[], object]:
        return lambda: measure_bias(y_true=data[0], y_pred=data[1], sensitive=data[2])

    measured(small)()
    one, ten = seconds(measured(small), 5), seconds(measured(large), 2)
    print(f"\n1e6 rows {one:.3f} s, 1e7 rows {ten:.3f} s, ratio {ten / one:.1f}")
    figures.at_most("bias: 1e7 / 1e6 rows", ten / one, 12)


# VmHWM and not ru_maxrss, which a child inherits from its parent.
MEASURE_FILE = """
import json, sys, time
from pathlib import Path
from aims_mlops.measures.bias.measure import measure_bias

start = time.perf_counter()
result = measure_bias(sys.argv[1], y_true="y", y_pred="p", sensitive=["sex", "area"])
took = time.perf_counter() - start
status = Path("/proc/self/status").read_text(encoding="ascii")
peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
print(json.dumps([result.extra["rows"], took, peak]))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory needs /proc")
def test_a_parquet_file_of_fifty_million_rows_fits_in_two_gigabytes(
    tmp_path: Path, figures: Any
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "rows.parquet"
    generator = np.random.default_rng(0)
    n = 1_000_000
    writer = None
    for _ in range(50):
        table = pa.table(
            {
                "y": generator.integers(0, 2, n),
                "p": generator.integers(0, 2, n),
                "sex": pa.array(np.array(["F", "M"], object)[generator.integers(0, 2, n)]),
                "area": pa.array(np.array(_GROUPS, object)[generator.integers(0, 5, n)]),
                "unused": generator.random(n),
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()
    # A process of its own, so that its peak memory is the measure's.
    command = [sys.executable, "-c", MEASURE_FILE, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    measured, took, peak = json.loads(done.stdout)
    print(f"\n5e7 rows from Parquet: {took:.1f} s, peak {peak / 1e9:.2f} GB")
    assert measured == 50_000_000
    figures.at_most("bias: peak bytes at 5e7 rows of Parquet", peak, 2e9)
