"""Verdicts: drift that is there, drift that is not, and too little to say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aims_mlops.errors import InputError
from aims_mlops.measures.drift.measure import measure_drift


def table(rows: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "income": random.normal(shift, 1.0, rows),
            "region": random.choice(["north", "south", "west"], rows),
            "employed": random.random(rows) < 0.7,
        }
    )


def test_shifted_column_is_drift_and_the_others_are_not() -> None:
    result = measure_drift(table(2_000, 1), table(2_000, 2, shift=0.5))
    assert result.verdict == "drift"
    assert result.drifted == ("income",)
    assert result.figure("wasserstein", {"column": "income"}).value == pytest.approx(0.5, abs=0.1)


def test_same_distribution_is_no_drift() -> None:
    result = measure_drift(table(5_000, 1), table(5_000, 2))
    assert result.verdict == "no drift"
    assert {entry["verdict"] for entry in result.columns.values()} == {"no drift"}


def test_few_rows_are_insufficient_and_say_what_is_enough() -> None:
    result = measure_drift(table(20, 1), table(20, 2))
    assert result.verdict == "insufficient"
    assert result.columns["income"]["rows_needed"] == 30


def test_batch_without_rows_is_refused() -> None:
    with pytest.raises(InputError, match="the batch has no rows"):
        measure_drift(table(20, 1), table(0, 2))
