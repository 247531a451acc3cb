"""What the default expectations take from a column's name: an age of -5 is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aims_mlops.measures.quality.measure import measure_quality

ROWS = 200


def table(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"id": range(ROWS), **columns})


def failed(frame: pd.DataFrame) -> list[tuple[str, str | None]]:
    found = measure_quality(frame).failed()
    return [(outcome.expectation.type, outcome.expectation.column) for outcome in found]


@pytest.mark.parametrize(
    ("name", "bad"),
    [("age", -5), ("patientAge", 240), ("lat", 95.0), ("default_probability", 1.5), ("bmi", -1.0),
     ("month", 13)],
)  # fmt: skip
def test_default_expectations_refuse_a_value_that_the_name_rules_out(name: str, bad: float) -> None:
    good = np.linspace(0.1, 0.9, ROWS) if "prob" in name else np.arange(ROWS) % 12 + 1.0
    assert failed(table(**{name: good})) == []
    spoilt = good.copy()
    spoilt[7] = bad
    assert failed(table(**{name: spoilt})) == [("expect_column_values_to_be_between", name)]


def test_standardised_column_and_a_name_that_only_contains_the_letters_are_left_alone() -> None:
    chance = np.random.default_rng(1)
    frame = table(age=chance.normal(size=ROWS), stage=np.arange(ROWS) - 100.0)
    assert failed(frame) == []
