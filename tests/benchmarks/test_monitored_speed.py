"""`@aims.monitored` costs at most 50 µs a call of one row, and nothing measurable at 1,000 rows.

AIMS_BENCHMARK_FULL=1 takes ten times the calls. Plain and monitored calls are taken in turn, so
that both meet the same machine; the writer is at work meanwhile.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier

import aims_mlops as aims
from aims_mlops.inference_log.recorder.recorders import forget_recorders
from aims_mlops.inventory.project import forget_stores

TIMES = 10 if os.environ.get("AIMS_BENCHMARK_FULL") else 1
FEATURES = [f"x{i}" for i in range(30)]
LIMIT_US = 50.0

pytestmark = pytest.mark.benchmark


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "aims.yaml").write_text(
        "systems:\n  - id: loans\n    inference:\n      folder: log\n      queue_rows: 10000000\n"
        f"      flush_seconds: 1\n      allow: [{', '.join(FEATURES)}]\n"
    )
    monkeypatch.chdir(tmp_path)
    yield
    forget_recorders()
    forget_stores()


def batches(rows: int) -> dict[str, Any]:
    values = np.random.default_rng(0).normal(size=(rows, len(FEATURES)))
    frame = pd.DataFrame(values, columns=FEATURES)
    return {"pandas": frame, "numpy": values, "rows": frame.to_dict("records")}


def in_turn(
    plain: Callable[[], object], logged: Callable[[], object], calls: int
) -> tuple[list[float], list[float]]:
    """Seconds of each call, plain and logged, taken in turn."""
    both: tuple[list[float], list[float]] = ([], [])
    for _ in range(calls):
        for function, seconds in zip((plain, logged), both, strict=True):
            begun = time.perf_counter()
            function()
            seconds.append(time.perf_counter() - begun)
    return both


@pytest.mark.parametrize("kind", ["pandas", "numpy", "rows"])
def test_call_of_one_row_costs_at_most_50_microseconds_more(
    kind: str, project: None, figures: Any
) -> None:
    answer = np.array([0.5])

    def predict(features: Any) -> Any:
        return answer

    logged = aims.monitored(system="loans")(predict)
    batch = batches(1)[kind]
    in_turn(lambda: predict(batch), lambda: logged(batch), 200)  # opens the log
    plain, more = in_turn(lambda: predict(batch), lambda: logged(batch), 3000 * TIMES)
    added = (statistics.median(more) - statistics.median(plain)) * 1e6
    print(f"{kind}: {added:.1f} µs added at the median of {len(more)} calls of 1 row")
    figures.at_most(f"monitored: µs a call of one row, {kind}", added, LIMIT_US)


def test_call_of_a_thousand_rows_costs_nothing_that_can_be_measured(
    project: None, figures: Any
) -> None:
    """The difference of the medians lies within what the plain call varies by itself."""
    batch = batches(1000)["pandas"]
    label = (batch["x0"] > 0).astype(int)
    model = RandomForestClassifier(50, random_state=0).fit(batch, label)

    def predict(features: Any) -> Any:
        return model.predict_proba(features)[:, 1]

    logged = aims.monitored(system="loans")(predict)
    in_turn(lambda: predict(batch), lambda: logged(batch), 20)
    plain, more = in_turn(lambda: predict(batch), lambda: logged(batch), 150 * TIMES)
    added = statistics.median(more) - statistics.median(plain)
    low, _, high = statistics.quantiles(plain, n=4)
    print(
        f"1,000 rows: {added * 1e6:.0f} µs added to {statistics.median(plain) * 1e6:.0f} µs; "
        f"half of the plain calls lie within {(high - low) * 1e6:.0f} µs"
    )
    spread = max(high - low, 0.1 * statistics.median(plain))
    figures.at_most("monitored: 1,000 rows, added / spread of plain", added / spread, 1)
