"""The shape of a drifted column in the evidence: coarse, comparable, without values of rows."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from aims_mlops.measures.drift.measure import measure_drift
from aims_mlops.measures.drift.reference import build_reference_profile


def frame(shift: float = 0.0, rows: int = 400, seed: int = 1) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "income": chance.normal(50_017.37 + shift, 1_003.7, rows),
            "steady": chance.normal(0, 1, rows),
            "town": chance.choice(
                ["Ostend", "Bruges"], rows, p=[0.9, 0.1] if shift else [0.5, 0.5]
            ),
        }
    )


def columns(reference: Any, current: Any) -> Any:
    return measure_drift(reference, current).extra["columns"]


@pytest.mark.parametrize("profiled", [False, True], ids=["table", "compact profile"])
def test_shape_of_a_drifted_number_is_shares_between_round_bounds(profiled: bool) -> None:
    reference: Any = frame()
    if profiled:
        reference = build_reference_profile(reference, variant="compact", name="r")
    found = columns(reference, frame(shift=2_000, seed=2))
    shape = found["income"]["distribution"]
    edges = shape["edges"]
    assert edges == sorted(edges)
    assert 8 <= len(edges) <= 30
    assert all(edge % 100 == 0 for edge in edges)
    assert len(shape["reference"]) == len(shape["current"]) == len(edges) + 1
    for side in ("reference", "current"):
        assert sum(shape[side]) == pytest.approx(1, abs=0.01)
    middle = [(low + high) / 2 for low, high in itertools.pairwise(edges)]
    means = [np.dot(middle, shape[side][1:-1]) for side in ("reference", "current")]
    assert means[1] - means[0] == pytest.approx(2_000, rel=0.2)
    assert "distribution" not in found["steady"]


def test_bounds_hold_no_value_of_a_row() -> None:
    reference, current = frame(rows=60), frame(shift=5_000, rows=60, seed=2)
    edges = set(columns(reference, current)["income"]["distribution"]["edges"])
    assert not edges & {*reference["income"], *current["income"]}


def test_shape_of_drifted_labels_has_shares_and_no_names() -> None:
    shape = columns(frame(), frame(shift=1, seed=2))["town"]["distribution"]
    assert set(shape) == {"reference", "current"}
    assert shape["reference"][0] >= shape["reference"][1]
    assert sum(shape["current"]) == pytest.approx(1)
    assert "Ostend" not in str(shape)


def test_many_labels_end_with_all_others_together() -> None:
    chance = np.random.default_rng(3)
    reference = pd.DataFrame({"code": chance.integers(0, 40, 4_000).astype(str)})
    current = pd.DataFrame({"code": chance.integers(20, 60, 4_000).astype(str)})
    shape = columns(reference, current)["code"]["distribution"]
    assert len(shape["reference"]) == len(shape["current"]) == 10
    assert sum(shape["current"]) == pytest.approx(1, abs=0.01)


def test_numbers_that_jumped_from_one_value_to_another_are_laid_out() -> None:
    found = columns(pd.DataFrame({"x": [1.0] * 100}), pd.DataFrame({"x": [2.0] * 100}))["x"]
    assert found["verdict"] == "drift"
    shape = found["distribution"]
    assert (max(shape["reference"]), max(shape["current"])) == (1.0, 1.0)
    assert shape["reference"] != shape["current"]


def test_one_value_that_goes_missing_has_no_shape_and_keeps_its_verdict() -> None:
    after = pd.DataFrame({"x": [5.0] * 100 + [None] * 100})
    found = columns(pd.DataFrame({"x": [5.0] * 200}), after)["x"]
    assert (found["verdict"], found["distribution"]) == ("drift", None)


def test_more_rows_than_are_looked_at_give_the_same_shape() -> None:
    chance = np.random.default_rng(4)
    before, after = chance.normal(0, 1, 500_000), chance.normal(1, 1, 500_000)
    shape = columns(pd.DataFrame({"x": before}), pd.DataFrame({"x": after}))["x"]["distribution"]
    counts = np.histogram(after, [-np.inf, *shape["edges"], np.inf])[0] / after.size
    assert shape["current"] == pytest.approx(list(counts), abs=0.01)
