"""Small windows are put together by their rows, with the false-alarm rate of one look."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import aims_mlops as aims
from aims_mlops.measures.drift.pooling import measure_pooled_drift

LOOKS = 150


def day(random: np.random.Generator, rows: int = 200, shift: float = 0.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "income": random.lognormal(shift, 1, rows),
            "age": random.normal(40 + 10 * shift, 10, rows),
            "region": random.choice(list("xyz"), rows),
        }
    )


def test_quiet_small_windows_are_no_drift_where_one_alone_says_nothing() -> None:
    random = np.random.default_rng(1)
    alone, pooled, alarms = 0, 0, 0
    for _ in range(LOOKS):
        reference, days = day(random), [day(random) for _ in range(12)]
        alone += aims.measure_drift(reference, days[0]).verdict == "insufficient"
        result = measure_pooled_drift(reference, days[0], days[1:])
        pooled += result.verdict == "insufficient"
        alarms += result.verdict == "drift"
    assert alone > 0.9 * LOOKS
    assert pooled < 0.3 * LOOKS
    assert alarms <= 5  # of 150 at a rate of 1 %: more has a chance below one in a hundred


def test_drift_is_seen_in_the_pool_and_the_pool_is_told() -> None:
    random = np.random.default_rng(2)
    reference = aims.build_reference_profile(day(random, 5000))
    days = [day(random, 100, shift=0.4) for _ in range(20)]
    result = measure_pooled_drift(reference, days[0], days[1:])
    assert result.verdict == "drift"
    told = result.extra["pooled"]
    assert told["rows"] == 100 * told["windows"] >= told["needed"] > 100
    assert f"{told['windows']} windows were put together" in result.notes[0]
    assert result.extra["current"]["rows"] == told["rows"]


def test_window_that_is_large_enough_stays_alone() -> None:
    random = np.random.default_rng(3)
    reference = day(random, 5000)
    batch = day(random, 5000)

    def never() -> None:
        pytest.fail("an earlier window was read")

    result = measure_pooled_drift(reference, batch, [never])
    assert result.extra["pooled"] is None
    assert result.figures == aims.measure_drift(reference, batch).figures


def test_too_few_rows_in_all_windows_stay_insufficient() -> None:
    random = np.random.default_rng(4)
    days = [day(random, 10) for _ in range(3)]
    result = measure_pooled_drift(day(random, 5000), days[0], [days[1], lambda: None, days[2]])
    assert result.verdict == "insufficient"
    assert result.extra["pooled"]["windows"] == 3
