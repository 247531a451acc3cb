"""Infinite values are told like missing ones; large integers are no floats."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import aims_mlops as aims
import aims_mlops.errors

ROWS = 2000
RANDOM = np.random.default_rng(0)
BEFORE = RANDOM.normal(size=ROWS)
AFTER = RANDOM.normal(size=ROWS)


def frame(values: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"x": values})


@pytest.mark.parametrize("share", [0.07, 0.5, 0.97, 1.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_infinite_values_are_drift_as_missing_ones_are(share: float, sign: int) -> None:
    values = np.where(np.arange(ROWS) < share * ROWS, sign * np.inf, AFTER)
    result = aims.measure_drift(frame(BEFORE), frame(values))
    assert result.verdict == "drift"
    assert "infinite values" in result.columns["x"]["reason"]
    (figure,) = [f for f in result.figures if f.measure == "share_of_infinite_values"]
    assert figure.value == pytest.approx(share, abs=1e-3)
    assert figure.numerator == round(share * ROWS)
    assert result.findings[0]["column"] == "x"
    missing = np.where(np.arange(ROWS) < share * ROWS, np.nan, AFTER)
    assert aims.measure_drift(frame(BEFORE), frame(missing)).verdict == "drift"


def test_infinite_values_on_both_sides_alike_are_no_drift() -> None:
    some = np.arange(ROWS) % 10 == 0
    result = aims.measure_drift(
        frame(np.where(some, np.inf, BEFORE)), frame(np.where(some, np.inf, AFTER))
    )
    assert result.verdict == "no drift"
    assert result.columns["x"]["infinite_adjusted_p_value"] == pytest.approx(1.0)


def test_a_few_infinite_values_are_a_finding_and_no_drift() -> None:
    values = AFTER.copy()
    values[:5] = np.inf
    result = aims.measure_drift(frame(BEFORE), frame(values))
    assert result.verdict == "no drift"
    assert [f["finding"] for f in result.findings] == ["values left out"]


def test_against_a_profile_infinite_values_are_drift_too() -> None:
    profile = aims.build_reference_profile(frame(BEFORE))
    values = np.where(np.arange(ROWS) < 1000, np.inf, AFTER)
    assert aims.measure_drift(profile, frame(values)).verdict == "drift"


@pytest.mark.parametrize("dtype", ["int64", "uint64", "Int64"])
@pytest.mark.parametrize("kinds", [None, {"x": "categorical"}])
def test_large_integers_stay_labels_of_their_own(dtype: str, kinds: dict | None) -> None:
    """2^53 and 2^53 + 1 are one number as floats."""
    first = pd.DataFrame({"x": pd.Series([2**53, 7] * 500, dtype=dtype)})
    second = pd.DataFrame({"x": pd.Series([2**53 + 1, 7] * 500, dtype=dtype)})
    assert aims.measure_drift(first, first, kinds=kinds).verdict == "no drift"
    result = aims.measure_drift(first, second, kinds=kinds)
    assert result.columns["x"]["kind"] == "categorical"
    assert result.verdict == "drift"


def test_many_large_integers_stay_numbers() -> None:
    values = 2**60 + np.arange(ROWS)
    result = aims.measure_drift(frame(values), frame(values))
    assert result.columns["x"]["kind"] == "numeric"
    assert result.verdict == "no drift"


def test_pandas_rows_in_another_order_are_a_warning() -> None:
    true = pd.Series([0, 1] * 50)
    shuffled = true.sample(frac=1.0, random_state=0)
    with pytest.warns(aims.errors.OrderWarning, match="y_pred has the rows of y_true"):
        aims.measure_performance(y_true=true, y_pred=shuffled)
    aims.measure_performance(y_true=shuffled, y_pred=shuffled)  # no warning
    aims.measure_performance(y_true=true, y_pred=shuffled.reset_index(drop=True))
