"""Data and models that cannot be used: a gap and a warning, the result untouched, one batch."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import aims_mlops as aims
from aims_mlops.evidence.records import Evidence
from aims_mlops.inventory.project import find_project

Recorded = Callable[..., list[Evidence]]
pytestmark = pytest.mark.usefixtures("fails_open")


@aims.training(quality=False)
def train(data: Any) -> str:
    """Whatever comes in, this comes out."""
    return "trained"


def gaps(recorded: Recorded) -> list[str]:
    """Where the gaps are; checked to be the same in the run's record, which must be there."""
    (run,) = recorded("run")
    found = [e.body["where"] for e in recorded("gap")]
    assert run.body["gaps"] == found
    assert run.body["status"] == "finished"
    assert find_project().open_store().status().size == len(recorded())
    return found


def test_empty_frame_is_recorded_with_a_gap(recorded: Recorded) -> None:
    with pytest.warns(aims.errors.CaptureWarning, match="empty"):
        assert train(pd.DataFrame({"a": [], "b": []})) == "trained"
    assert gaps(recorded) == ["dataset data"]
    (dataset,) = recorded("dataset")
    assert dataset.body["rows"] == 0
    assert dataset.body["profile"] is None


def test_frame_without_columns_is_a_gap(recorded: Recorded) -> None:
    with pytest.warns(aims.errors.CaptureWarning):
        assert train(pd.DataFrame()) == "trained"
    assert gaps(recorded) == ["dataset data"]


def test_duplicate_column_names_are_a_gap_that_names_them(recorded: Recorded) -> None:
    frame = pd.DataFrame([[1, 2]], columns=["age", "age"])
    with pytest.warns(aims.errors.CaptureWarning, match="'age' occurs more than once"):
        assert train(frame) == "trained"
    assert gaps(recorded) == ["dataset data"]
    assert "age" in recorded("gap")[0].body["message"]


def test_suite_that_cannot_be_read_is_a_gap(recorded: Recorded) -> None:
    pytest.importorskip("great_expectations")
    frame = pd.DataFrame({"age": [44, 61]})
    with pytest.warns(aims.errors.CaptureWarning, match="nowhere.yaml"), aims.run("load"):
        aims.dataset(frame, "people", suite="nowhere.yaml")
    assert gaps(recorded) == ["quality of dataset people"]
    assert len(recorded("dataset")) == 1


def test_mixed_type_column_is_a_gap_without_its_values(recorded: Recorded) -> None:
    frame = pd.DataFrame({"mixed": [1, "Zoidberg", 2.5, None]})
    with pytest.warns(aims.errors.CaptureWarning):
        assert train(frame) == "trained"
    assert gaps(recorded) == ["dataset data"]
    assert "Zoidberg" not in str([e.to_statement() for e in recorded()])


def test_all_null_columns_are_recorded_without_a_gap(recorded: Recorded) -> None:
    frame = pd.DataFrame({"none": [None, None], "nan": [np.nan, np.nan], "x": [1, 2]})
    assert train(frame) == "trained"
    assert gaps(recorded) == []
    columns = {c["name"]: c["nulls"] for c in recorded("dataset")[0].body["columns"]}
    assert columns == {"none": 2, "nan": 2, "x": 0}


def test_missing_labels_are_counted_not_guessed(recorded: Recorded) -> None:
    with aims.run("evaluate") as run:
        run.check(y_true=[0.0, 1.0, np.nan, 1.0] * 5, y_pred=[0, 1, 1, 1] * 5)
    assert gaps(recorded) == []
    (performance,) = recorded("performance")
    (accuracy,) = (f for f in performance.body["figures"] if f["measure"] == "accuracy_score")
    assert (accuracy["n"], accuracy["value"]) == (15, 1.0)
    assert [entry["n"] for entry in performance.body["left_out"] if entry["n"]] == [5]


def test_unknown_groups_are_a_group_of_their_own(recorded: Recorded) -> None:
    sex = pd.DataFrame({"sex": ["F", "M", None, "F"] * 20})
    with aims.run("evaluate") as run:
        run.check(y_true=[0, 1, 1, 0] * 20, y_pred=[0, 1, 1, 1] * 20, sensitive=sex)
    assert gaps(recorded) == []
    (performance,) = recorded("performance")
    groups = {f["group"]["sex"] for f in performance.body["figures"] if f["group"]}
    assert len(groups) == 3
    assert {"F", "M"} < groups


@pytest.mark.parametrize(
    "columns",
    [
        {"y_true": [0, 1], "y_pred": [0, 1, 1]},
        {"y_true": [], "y_pred": []},
        {"y_true": [0, 1]},
        {"y_true": None, "y_pred": [0, 1]},
        {"y_true": [0, 1], "y_pred": [0, 1], "dataset": "nowhere"},
        {"y_true": [0, 1], "y_pred": [0, 1], "unheard_of": 1},
    ],
    ids=["lengths", "empty", "no prediction", "no truth", "no dataset", "no setting"],
)
def test_check_that_cannot_be_is_a_gap(recorded: Recorded, columns: dict[str, Any]) -> None:
    with pytest.warns(aims.errors.CaptureWarning), aims.run("evaluate") as run:
        run.check(**columns)
    assert len(gaps(recorded)) == 1


def test_unfitted_model_is_a_gap_and_comes_back(recorded: Recorded) -> None:
    model = LogisticRegression()

    @aims.training
    def build() -> LogisticRegression:
        return model

    with pytest.warns(aims.errors.CaptureWarning, match="not fitted"):
        assert build() is model
    assert gaps(recorded) == ["model model"]
    assert recorded("model") == []


class Unpicklable:
    """A model that holds a lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def predict(self) -> None: ...


def test_unpicklable_model_is_a_gap_and_comes_back(recorded: Recorded) -> None:
    model = Unpicklable()

    @aims.training
    def build() -> Unpicklable:
        return model

    with pytest.warns(aims.errors.CaptureWarning):
        assert build() is model
    assert gaps(recorded) == ["save_model of plugin aims-captures"]
    assert recorded("model") == []


@pytest.mark.parametrize("uri", ["nowhere/model.bin", "gopher://model/1", "sha256:12"])
def test_model_that_is_nowhere_is_a_gap(recorded: Recorded, uri: str) -> None:
    with pytest.warns(aims.errors.CaptureWarning), aims.run("evaluate") as run:
        assert run.model(uri) == uri
    assert len(gaps(recorded)) >= 1
    assert recorded("model") == []


class Hostile:
    """An argument that breaks whoever looks at it."""

    def __getattribute__(self, name: str) -> Any:
        if name in ("__class__", "__dict__", "__init__", "__reduce_ex__"):
            return object.__getattribute__(self, name)
        raise RuntimeError("hands off")

    def __repr__(self) -> str:
        raise RuntimeError("hands off")


def test_argument_that_breaks_whoever_looks_is_a_gap(recorded: Recorded) -> None:
    with pytest.warns(aims.errors.CaptureWarning):
        assert train(Hostile()) == "trained"
    assert gaps(recorded)


def test_text_with_lone_surrogates_is_recorded_readably(recorded: Recorded) -> None:
    assert train("caf\udce9") == "trained"
    assert gaps(recorded) == []
    kept = recorded("parameters")[0].body["parameters"]
    assert kept == {"data": "[data: 4 characters, not recorded]"}


def test_very_long_names_do_not_lose_the_run(recorded: Recorded) -> None:
    with aims.run("n" * 5000, tags={"t" * 5000: "v"}, parameters={"p" * 5000: 1}):
        pass
    assert gaps(recorded) == []


def test_warnings_as_errors_do_not_stop_a_run(recorded: Recorded) -> None:
    """As with `python -W error`, which the test configuration is."""
    assert train(pd.DataFrame([[1, 2]], columns=["a", "a"])) == "trained"
    assert gaps(recorded) == ["dataset data"]


def test_registration_without_mlflow_is_a_gap(recorded: Recorded) -> None:
    @aims.training(register="loan-risk")
    def fit() -> LogisticRegression:
        return LogisticRegression().fit([[0.0], [1.0]], [0, 1])

    with pytest.warns(aims.errors.CaptureWarning, match="MLflow is switched off"):
        fit()
    assert gaps(recorded) == ["registration of model model"]
    assert len(recorded("model")) == 1


def test_same_warning_is_said_once_a_line(recorded: Recorded) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default")
        for _ in range(3):
            train(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    assert len(said) == 1
    assert said[0].filename == __file__
    assert len(recorded("gap")) == 3
