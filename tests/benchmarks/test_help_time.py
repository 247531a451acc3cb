"""`aims --help` beside the bare interpreter, in one run."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import Any

import pytest

pytestmark = pytest.mark.benchmark
RUNS = 15


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def test_help_costs_at_most_25_times_the_bare_interpreter(figures: Any) -> None:
    bare, help_ = [], []
    for _ in range(RUNS):
        bare.append(seconds([sys.executable, "-c", "pass"]))
        help_.append(seconds([sys.executable, "-m", "aims_mlops", "--help"]))
    ratio = statistics.median(help_) / statistics.median(bare)
    print(f"\naims --help / python -c pass: {ratio:.1f} (limit 25), medians of {RUNS}")
    figures.at_most("aims --help / python -c pass", ratio, 25)
