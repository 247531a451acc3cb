"""Models in MLflow: logged once, pinned, digested as they lie, registered when asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

import aims_mlops as aims
import mlflow
from aims_mlops.dossier.query import resolve_model
from aims_mlops.evidence.records import Evidence
from aims_mlops.measures.fingerprint.files import fingerprint_files

Recorded = Callable[..., list[Evidence]]


@pytest.fixture
def data() -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(7)
    X = pd.DataFrame({"a": rng.normal(size=120), "b": rng.normal(size=120)})
    return X, (X["a"] + rng.normal(size=120) > 0).astype(int)


def logged_models(tracking: Any) -> list[Any]:
    experiments = [e.experiment_id for e in tracking.search_experiments()]
    return list(tracking.search_logged_models(experiments))


def test_returned_model_is_logged_with_pinned_requirements_and_signature(
    recorded: Recorded, tracking: Any, data: tuple[pd.DataFrame, pd.Series]
) -> None:
    @aims.training(system="loans", quality=False)
    def train(X_train: pd.DataFrame, y_train: pd.Series) -> LogisticRegression:
        return LogisticRegression().fit(X_train, y_train)

    model = train(*data)
    (entry,) = logged_models(tracking)
    (run,) = recorded("run")
    (evidence,) = recorded("model")
    body = evidence.body
    assert entry.source_run_id == run.body["links"]["mlflow_run"]
    assert entry.experiment_id == run.body["links"]["mlflow_experiment"]
    assert body["uri"] == f"models:/{entry.model_id}"
    assert body["sha256"] == fingerprint_files(entry.artifact_location).sha256
    assert {f["path"] for f in body["files"]} >= {"MLmodel", "requirements.txt"}
    requirements = Path(entry.artifact_location, "requirements.txt").read_text().splitlines()
    assert f"scikit-learn=={metadata.version('scikit-learn')}" in requirements
    assert all("==" in line for line in requirements)
    assert [column["name"] for column in body["signature"]["inputs"]] == ["a", "b"]
    loaded = mlflow.pyfunc.load_model(body["uri"])
    assert list(loaded.predict(data[0])) == list(model.predict(data[0]))


def test_model_that_skops_does_not_know_by_heart_is_logged_too(
    recorded: Recorded, tracking: Any, data: tuple[pd.DataFrame, pd.Series]
) -> None:
    @aims.training
    def train() -> HistGradientBoostingClassifier:
        return HistGradientBoostingClassifier(max_iter=3).fit(*data)

    model = train()
    (evidence,) = recorded("model")
    assert "model.skops" in {f["path"] for f in evidence.body["files"]}
    loaded = mlflow.sklearn.load_model(evidence.body["uri"])
    assert list(loaded.predict(data[0])) == list(model.predict(data[0]))


def test_model_logged_by_the_users_code_is_not_logged_again(
    recorded: Recorded, tracking: Any, fitted: Any
) -> None:
    @aims.training
    def train() -> Any:
        with mlflow.start_run():
            mlflow.sklearn.log_model(fitted, name="risk", pip_requirements=["scikit-learn"])
        return fitted

    train()
    (entry,) = logged_models(tracking)
    (evidence,) = recorded("model")
    assert evidence.body["uri"] == f"models:/{entry.model_id}"
    assert evidence.body["sha256"] == fingerprint_files(entry.artifact_location).sha256


def test_model_logged_before_the_run_is_not_taken_for_this_one(
    recorded: Recorded, tracking: Any, fitted: Any
) -> None:
    @aims.training
    def train() -> Any:
        return fitted

    with mlflow.start_run():
        earlier = mlflow.sklearn.log_model(fitted, name="old", pip_requirements=["scikit-learn"])
        train()
    (evidence,) = recorded("model")
    assert evidence.body["uri"] != f"models:/{earlier.model_id}"
    assert len(logged_models(tracking)) == 2


def test_two_models_of_a_run_are_two_logged_models(
    recorded: Recorded, tracking: Any, fitted: Any, data: tuple[pd.DataFrame, pd.Series]
) -> None:
    other = LogisticRegression(C=0.01).fit(*data)

    @aims.training
    def train() -> dict[str, Any]:
        return {"first": fitted, "second": other}

    train()
    found = {e.body["name"]: e.body["uri"] for e in recorded("model")}
    assert set(found) == {"first", "second"}
    assert set(found.values()) == {f"models:/{m.model_id}" for m in logged_models(tracking)}


def test_registered_model_is_found_by_its_version_with_the_same_digest(
    recorded: Recorded,
    tracking: Any,
    fitted: Any,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIMS_CAPTURE_LINE", "off")

    @aims.training(register="loan-risk")
    def train() -> Any:
        return fitted

    train()
    train()
    told = capfd.readouterr().err.splitlines()
    assert [line for line in told if not line.startswith("aims: new evidence log")] == []
    first, second = recorded("model")
    assert second.body["registered"] == {"name": "loan-risk", "version": "2"}
    assert second.body["name"] == "loan-risk"
    reference = resolve_model("models:/loan-risk/2")
    assert reference.sha256 == second.body["sha256"]
    assert reference.sha256 != first.body["sha256"]
    assert second.subjects[0].name == "model:loan-risk"


def test_version_that_the_users_code_registered_is_not_registered_again(
    recorded: Recorded, tracking: Any, fitted: Any
) -> None:
    @aims.training(register="loan-risk")
    def train() -> Any:
        with mlflow.start_run():
            mlflow.sklearn.log_model(
                fitted,
                name="risk",
                registered_model_name="loan-risk",
                pip_requirements=["scikit-learn"],
            )
        return fitted

    train()
    assert len(tracking.search_model_versions("name = 'loan-risk'")) == 1
    assert recorded("model")[0].body["registered"]["version"] == "1"


def test_autolog_and_capture_share_run_and_model(
    recorded: Recorded, tracking: Any, data: tuple[pd.DataFrame, pd.Series]
) -> None:
    @aims.training(quality=False)
    def train(X_train: pd.DataFrame, y_train: pd.Series) -> LogisticRegression:
        return LogisticRegression(C=0.5).fit(X_train, y_train)

    mlflow.sklearn.autolog(silent=True)
    try:
        train(*data)
    finally:
        mlflow.sklearn.autolog(disable=True, silent=True)
    (entry,) = logged_models(tracking)
    (evidence,) = recorded("model")
    run = tracking.get_run(recorded("run")[0].body["links"]["mlflow_run"])
    assert evidence.body["uri"] == f"models:/{entry.model_id}"
    assert run.data.params["C"] == "0.5"
    assert "training_accuracy_score" in run.data.metrics
    assert run.data.tags["aims.run"] == recorded("run")[0].run


class Unpicklable:
    def __init__(self) -> None:
        self.lock = threading.Lock()

    def predict(self, rows: Any) -> Any:
        return rows


class Plain:
    def predict(self, rows: Any) -> Any:
        return rows


def test_model_of_no_flavor_is_recorded_by_its_pickle(recorded: Recorded, tracking: Any) -> None:
    @aims.training
    def train() -> Plain:
        return Plain()

    train()
    assert logged_models(tracking) == []
    assert recorded("model")[0].body["content"].startswith("pickle")


def test_model_that_cannot_be_written_leaves_nothing_in_mlflow(
    recorded: Recorded, tracking: Any, data: tuple[pd.DataFrame, pd.Series], fails_open: None
) -> None:
    class Local(LogisticRegression):
        """Of a class that no other process can import, holding a lock."""

    @aims.training
    def train() -> Any:
        model = Local().fit(*data)
        model.lock_ = threading.Lock()
        return model

    with pytest.warns(aims.errors.CaptureWarning) as warned:
        assert isinstance(train(), Local)
    assert len(warned) == 2  # MLflow could not, the pickle could not
    assert logged_models(tracking) == []
    assert recorded("model") == []
    assert len(recorded("gap")) == 2


def test_other_model_logged_in_the_same_run_is_not_taken_for_the_returned_one(
    recorded: Recorded, tracking: Any, fitted: Any, data: tuple[pd.DataFrame, pd.Series]
) -> None:
    other = LogisticRegression(C=0.01).fit(*data)

    @aims.training
    def train() -> Any:
        with mlflow.start_run():
            mlflow.sklearn.log_model(other, name="baseline", pip_requirements=["scikit-learn"])
        return fitted

    train()
    (evidence,) = recorded("model")
    loaded = mlflow.sklearn.load_model(evidence.body["uri"])
    assert loaded.get_params() == fitted.get_params()
    assert len(logged_models(tracking)) == 2


def test_model_loaded_by_pyfunc_is_evaluated_under_its_own_digest(
    recorded: Recorded, tracking: Any, fitted: Any, data: tuple[pd.DataFrame, pd.Series]
) -> None:
    @aims.training(register="loan-risk")
    def train() -> Any:
        return fitted

    @aims.evaluation
    def evaluate(model: Any) -> None:
        aims.current_run().check(y_true=data[1], y_pred=model.predict(data[0]))

    train()
    evaluate(mlflow.pyfunc.load_model("models:/loan-risk/1"))
    (description,) = recorded("model")
    assert len(recorded("performance", subject=description.body["sha256"])) == 1


class Impostor:
    """Says that it is a logged model, and answers as it likes."""

    def __init__(self, model_id: str, answers: Any) -> None:
        self.metadata = type("Metadata", (), {"model_id": model_id})()
        self.answers = answers

    def predict(self, X: Any) -> Any:
        return self.answers


def altered(loaded: Any) -> Any:
    loaded.get_raw_model().coef_ *= -1
    return loaded


def with_another_predict(loaded: Any) -> Any:
    loaded._predict_fn = lambda *_: np.ones(120)
    return loaded


@pytest.mark.usefixtures("fails_open")
@pytest.mark.filterwarnings("ignore::aims_mlops.errors.CaptureWarning")
@pytest.mark.parametrize(
    "disguise",
    [altered, with_another_predict, lambda m: Impostor(m.metadata.model_id, np.ones(120))],
    ids=["altered", "another predict", "impostor"],
)
def test_model_that_is_not_what_it_says_lends_no_figures_to_the_logged_one(
    recorded: Recorded,
    tracking: Any,
    data: tuple[pd.DataFrame, pd.Series],
    disguise: Callable[[Any], Any],
) -> None:
    fitted = LogisticRegression().fit(*data)

    @aims.training(register="loan-risk")
    def train() -> Any:
        return fitted

    @aims.evaluation
    def evaluate(model: Any) -> None:
        aims.current_run().check(y_true=data[1], y_pred=model.predict(data[0]))

    train()
    evaluate(disguise(mlflow.pyfunc.load_model("models:/loan-risk/1")))
    (description,) = recorded("model")
    assert len(recorded("performance")) == 1
    assert recorded("performance", subject=description.body["sha256"]) == []
    assert "this could not be shown" in recorded("gap")[-1].body["message"]


def test_model_whose_class_only_its_file_has_is_known_again_when_loaded(
    recorded: Recorded, tracking: Any, data: tuple[pd.DataFrame, pd.Series]
) -> None:
    class Threshold(mlflow.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return (model_input["a"] > 0).astype(int)

    @aims.training(register="threshold")
    def train() -> Any:
        return Threshold()

    @aims.evaluation
    def evaluate(model: Any) -> None:
        aims.current_run().check(y_true=data[1], y_pred=model.predict(data[0]))

    train()
    evaluate(mlflow.pyfunc.load_model("models:/threshold/1"))
    (description,) = recorded("model")
    assert len(recorded("performance", subject=description.body["sha256"])) == 1
