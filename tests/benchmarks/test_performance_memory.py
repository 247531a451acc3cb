"""Memory of performance over a Parquet file: quantities are summed, scores are kept compactly.

AIMS_BENCHMARK_ROWS sets the larger file (default 4,000,000; at 50,000,000 scores stay under 2 GB).
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory needs /proc"),
]

ROWS = int(os.environ.get("AIMS_BENCHMARK_ROWS", "4000000"))
FULL = 50_000_000
_BATCH = 1_000_000
_MEASURE = textwrap.dedent("""
    import sys
    from aims_mlops.measures.performance.measure import measure_performance
    path, y_true, role, column = sys.argv[1:]
    result = measure_performance(path, y_true=y_true, groups="area", **{role: column})
    lines = open("/proc/self/status").read().splitlines()  # not getrusage: it knows the parent's
    peak = int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    print(result.extra["rows"], peak * 1024)
""")


def _write(path: Path, rows: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    generator = np.random.default_rng(0)
    writer = None
    for _ in range(rows // _BATCH):
        score = generator.random(_BATCH)
        table = pa.table(
            {
                "late": generator.random(_BATCH) < score,
                "score": score,
                "days": 30 * score + generator.normal(size=_BATCH),
                "area": pa.array(np.array(list("abcde"), object)[generator.integers(0, 5, _BATCH)]),
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def _peak(path: Path, rows: int, *arguments: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(path), *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    measured, peak = map(int, done.stdout.split())
    assert measured == rows
    return peak


@pytest.mark.parametrize(
    ("arguments", "bytes_a_row"),
    [(("late", "y_score", "score"), 40), (("days", "y_pred", "score"), 8)],
    ids=["scores", "quantities"],
)
def test_memory_grows_by_a_few_bytes_a_row(
    tmp_path: Path, arguments, bytes_a_row, figures: Any
) -> None:
    peaks = {}
    for rows in (_BATCH, ROWS):
        _write(tmp_path / "rows.parquet", rows)
        peaks[rows] = _peak(tmp_path / "rows.parquet", rows, *arguments)
    more = (peaks[ROWS] - peaks[_BATCH]) / (ROWS - _BATCH)
    print(
        f"\n{arguments[1]} over {ROWS:,} rows: peak {peaks[ROWS] / 1e9:.2f} GB, "
        f"{more:.0f} bytes a row more than over {_BATCH:,}"
    )
    allowed = bytes_a_row + 50e6 / (ROWS - _BATCH)  # 50 MB for what allocators keep
    figures.at_most(f"performance: bytes a row / allowed, {bytes_a_row}", more / allowed, 1)
    if ROWS >= FULL:
        figures.at_most("performance: peak bytes", peaks[ROWS], 2e9)
