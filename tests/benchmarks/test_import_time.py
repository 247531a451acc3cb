"""What `import aims_mlops` costs, against `import pydantic` on the same machine."""

from __future__ import annotations

import statistics
import subprocess
import sys
from typing import Any

import pytest

_TIMED = (
    "import time; start = time.perf_counter(); import {module}; print(time.perf_counter() - start)"
)
_TURNS = 9


def seconds_to_import(module: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", _TIMED.format(module=module)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


@pytest.mark.benchmark
def test_import_costs_at_most_three_times_pydantic(figures: Any) -> None:
    pairs = [
        (seconds_to_import("aims_mlops"), seconds_to_import("pydantic")) for _ in range(_TURNS)
    ]
    ours, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"import aims_mlops {ours * 1e3:.1f} ms, pydantic {theirs * 1e3:.1f} ms")
    figures.at_most("import aims_mlops / pydantic", ours / theirs, 3)


@pytest.mark.benchmark
def test_decorating_costs_at_most_three_times_pydantic(figures: Any) -> None:
    """With the names loaded that a training script uses."""
    script = "aims_mlops; aims_mlops.training; aims_mlops.run; aims_mlops.dataset"
    pairs = [(seconds_to_import(script), seconds_to_import("pydantic")) for _ in range(_TURNS)]
    ours, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"import with decorators {ours * 1e3:.1f} ms, pydantic {theirs * 1e3:.1f} ms")
    figures.at_most("import with decorators / pydantic", ours / theirs, 3)
