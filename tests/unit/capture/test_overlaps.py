"""The same rows in training and test data are two datasets and a finding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import aims_mlops as aims
from aims_mlops.evidence.records import Evidence

Recorded = Callable[..., list[Evidence]]
pytestmark = [
    pytest.mark.usefixtures("fails_open"),
    pytest.mark.filterwarnings("ignore::aims_mlops.errors.CaptureWarning"),
]

ROWS = pd.DataFrame({"a": np.arange(40) * 1.5, "b": [f"r{i}" for i in range(40)]})


def shared(records: list[Evidence]) -> dict[str, tuple[Any, ...]]:
    """{test set: (rows shared, its rows, success, number of findings)}"""
    found = {}
    for item in records:
        for figure in item.body["figures"]:
            if figure["measure"] == "rows_shared":
                findings = item.body.get("findings", [])
                found[item.body["dataset"]["name"]] = (
                    figure["numerator"],
                    figure["denominator"],
                    item.body["success"],
                    len(findings),
                )
    return found


def test_same_content_declared_as_train_and_test_is_two_data_sets_and_a_finding(
    recorded: Recorded,
) -> None:
    with aims.run("r", quality=False):
        aims.dataset(ROWS, "people", role="train", source="register")
        with pytest.warns(aims.errors.CaptureWarning, match="the same content as 'people'"):
            aims.dataset(ROWS, "holdout", role="test", source="register")
    said = [(e.body["name"], e.body["role"]) for e in recorded("dataset")]
    assert said == [("people", "train"), ("holdout", "test")]
    assert shared(recorded("data-quality")) == {"holdout": (40, 40, False, 1)}


def test_same_content_as_arguments_for_train_and_test_is_a_finding(recorded: Recorded) -> None:
    @aims.training(quality=False)
    def train(X_train: Any, X_test: Any) -> None: ...

    rows = ROWS.copy()
    train(rows, rows)
    assert [e.body["name"] for e in recorded("dataset")] == ["X_train", "X_test"]
    assert shared(recorded("data-quality")) == {"X_test": (40, 40, False, 1)}


def test_test_data_that_are_given_for_training_are_a_finding(recorded: Recorded) -> None:
    @aims.training(quality=False)
    def train(X_train: Any, X_test: Any) -> None: ...

    rows = aims.dataset(ROWS.copy(), "holdout", role="test")
    train(rows, rows)
    said = [(e.body["name"], e.body["role"]) for e in recorded("dataset")]
    assert said == [("holdout", "train"), ("holdout", "test")]
    assert shared(recorded("data-quality")) == {"holdout": (40, 40, False, 1)}


def test_same_name_for_train_and_test_is_two_data_sets(recorded: Recorded) -> None:
    with aims.run("r", quality=False):
        aims.dataset(ROWS, "people", role="train")
        aims.dataset(ROWS, "people", role="test")
    assert [e.body["role"] for e in recorded("dataset")] == ["train", "test"]


def test_rows_of_the_training_data_in_the_test_data_are_a_finding(recorded: Recorded) -> None:
    pytest.importorskip("great_expectations")

    @aims.training
    def train(X_train: Any, X_test: Any) -> None: ...

    train(ROWS.head(30), ROWS.tail(20))
    assert shared(recorded("data-quality")) == {"X_test": (10, 20, False, 1)}
    (quality,) = [e for e in recorded("data-quality") if e.body["dataset"]["name"] == "X_test"]
    (outcome,) = [e for e in quality.body["expectations"] if e["type"] == "aims_rows_shared"]
    assert (outcome["status"], outcome["unexpected_count"]) == ("fail", 10)
    assert len(quality.body["expectations"]) > 1


def test_rows_that_differ_are_no_finding(recorded: Recorded) -> None:
    pytest.importorskip("great_expectations")

    @aims.training
    def train(X_train: Any, X_test: Any) -> None: ...

    train(ROWS.head(20), ROWS.tail(20))
    assert shared(recorded("data-quality")) == {"X_test": (0, 20, True, 0)}


def test_labels_of_train_and_test_are_not_compared(recorded: Recorded) -> None:
    @aims.training
    def train(y_train: Any, y_test: Any) -> None: ...

    train(np.array([0, 1] * 10), np.array([1, 0] * 10))
    assert shared(recorded("data-quality")) == {}


def test_argument_takes_the_name_that_is_declared_for_it(recorded: Recorded) -> None:
    @aims.training(quality=False)
    def train(X_train: Any) -> None:
        aims.dataset(X_train, "people", source="register")

    train(ROWS.copy())
    (dataset,) = recorded("dataset")
    assert (dataset.body["name"], dataset.body["source"]) == ("people", "register")


def test_same_content_under_two_declared_names_is_two_data_sets(recorded: Recorded) -> None:
    with aims.run("r", quality=False):
        aims.dataset(ROWS, "one", source="here")
        aims.dataset(ROWS, "two", source="there")
    assert [e.body["name"] for e in recorded("dataset")] == ["one", "two"]
