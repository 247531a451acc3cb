"""The fingerprint against what else could name a table, as ratios in one run.

AIMS_BENCHMARK_ROWS sets the rows (default 100,000; the stated ratios are for 1,000,000).
"""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from aims_mlops.measures.fingerprint.profile import profile_table
from aims_mlops.measures.fingerprint.table_digest import fingerprint

pytestmark = [pytest.mark.benchmark, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

ROWS = int(os.environ.get("AIMS_BENCHMARK_ROWS", "100000"))
FULL = 1_000_000
AGAINST_PANDAS = 5.0 if ROWS >= FULL else 3.0
# MLflow looks at 10,000 rows whatever their number, after a cost that grows with all of them.
AGAINST_MLFLOW = 30.0 if ROWS >= FULL else 3.0


def mixed_frame() -> pd.DataFrame:
    """20 numeric columns, some with gaps, and 10 of text."""
    random = np.random.default_rng(0)
    columns: dict[str, Any] = {}
    for place in range(20):
        values = random.normal(size=ROWS)
        if place % 4 == 0:
            values[random.random(ROWS) < 0.05] = np.nan
        columns[f"number_{place}"] = values if place % 3 else random.integers(0, 1000, ROWS)
    for place in range(10):
        labels = random.choice([f"category {i}" for i in range(50)], ROWS).astype(object)
        labels[random.random(ROWS) < 0.03] = None
        columns[f"text_{place}"] = pd.Series(labels, dtype="str")
    return pd.DataFrame(columns)


def seconds(call: Callable[[], Any], runs: int) -> float:
    """The shortest of some runs."""
    took = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        took.append(time.perf_counter() - start)
    return min(took)


def test_fingerprint_beats_pandas_hashing_and_mlflow_digest(figures: Any) -> None:
    from mlflow.data.pandas_dataset import from_pandas

    frame = mixed_frame()
    ours = seconds(lambda: fingerprint(frame), 9)
    pandas = seconds(
        lambda: hashlib.sha256(pd.util.hash_pandas_object(frame).to_numpy().tobytes()).digest(), 3
    )
    mlflow = seconds(lambda: from_pandas(frame).digest, 2)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"\n{ROWS} rows: fingerprint {ours:.3f} s, hash_pandas_object + SHA-256 {pandas:.3f} s "
        f"({pandas / ours:.1f} x), MLflow {mlflow:.3f} s ({mlflow / ours:.1f} x), "
        f"peak {peak:.2f} GiB"
    )
    figures.at_least("fingerprint: pandas / ours", pandas / ours, AGAINST_PANDAS)
    figures.at_least("fingerprint: MLflow / ours", mlflow / ours, AGAINST_MLFLOW)


def test_fingerprint_and_profile_of_a_training_frame_are_cheap(figures: Any) -> None:
    frame = pd.DataFrame(
        {f"x{i}": np.random.default_rng(i).normal(size=100_000) for i in range(30)}
    )
    took, hashed = [], []
    for _ in range(9):
        start = time.process_time()  # of both threads: half of it passes on the clock
        fingerprint(frame)
        profile_table(frame)
        took.append(time.process_time() - start)
        start = time.process_time()
        hashlib.sha256(pd.util.hash_pandas_object(frame).to_numpy().tobytes()).digest()
        frame.describe()
        hashed.append(time.process_time() - start)
    ratio = min(took) / min(hashed)
    print(
        f"\n100,000 x 30 floats: processor time of fingerprint and profile {min(took):.3f} s, "
        f"of hash_pandas_object, SHA-256 and describe {min(hashed):.3f} s, ratio {ratio:.2f}"
    )
    figures.at_most("fingerprint: profile too / pandas", ratio, 1.5)


def test_file_larger_than_the_allowance_is_streamed(tmp_path: Path, figures: Any) -> None:
    """Peak memory of a fresh process over its imports stays far below the size of the table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(0)
    path = tmp_path / "large.parquet"
    part = pa.table({f"x{i}": random.normal(size=250_000) for i in range(20)})
    with pq.ParquetWriter(path, part.schema) as writer:
        for _ in range(25):
            writer.write_table(part)  # 1 GB of numbers in all
    code = """
        import sys
        import pyarrow.parquet
        from aims_mlops.measures.fingerprint.table_digest import fingerprint
        def peak():  # getrusage would also know the peak of the process that started this one
            lines = open("/proc/self/status").read().splitlines()
            return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
        before = peak()
        found = fingerprint(sys.argv[1])
        print(found.rows, (peak() - before) // 1024)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    rows, mebibytes = map(int, done.stdout.split())
    print(f"\n{rows} rows x 20 from Parquet: {mebibytes} MiB over the imports")
    assert rows == 6_250_000
    figures.at_most("fingerprint: MiB for a file", mebibytes, 400)
