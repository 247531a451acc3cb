"""Models, figures and cards of a run, without MLflow."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import aims_mlops as aims
import aims_mlops.errors
from aims_mlops.evidence.records import Evidence
from aims_mlops.measures.fingerprint.files import fingerprint_files

Recorded = Callable[..., list[Evidence]]


@pytest.fixture
def data() -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(7)
    X = pd.DataFrame({"a": rng.normal(size=80), "b": rng.normal(size=80)})
    return X, (X["a"] + rng.normal(size=80) > 0).astype(int)


@aims.training(system="loans", quality=False)
def fit(X_train: pd.DataFrame, y_train: pd.Series, C: float = 1.0) -> LogisticRegression:
    return LogisticRegression(C=C).fit(X_train, y_train)


def test_returned_model_is_recorded_with_the_digest_of_its_pickle(
    recorded: Recorded, data: tuple[pd.DataFrame, pd.Series]
) -> None:
    model = fit(*data, C=0.5)
    content = pickle.dumps(model, protocol=5)
    (evidence,) = recorded("model")
    body = evidence.body
    assert body["sha256"] == hashlib.sha256(content).hexdigest()
    assert body["size_bytes"] == len(content)
    assert body["content"] == "pickle (protocol 5), not kept"
    assert body["framework"] == f"scikit-learn {sklearn.__version__}"
    assert body["class"] == "sklearn.linear_model._logistic.LogisticRegression"
    assert body["parameters_of_model"]["C"] == 0.5
    assert [d["name"] for d in body["datasets"]] == ["X_train", "y_train"]


def test_everything_about_a_model_is_found_by_its_digest(
    recorded: Recorded, data: tuple[pd.DataFrame, pd.Series]
) -> None:
    fit(*data)
    (model,) = recorded("model")
    found = recorded(subject=model.body["sha256"])
    assert {e.kind for e in found} == {
        "run",
        "environment",
        "code",
        "parameters",
        "dataset",
        "model",
        "model-card",
    }
    assert {e.system for e in found} == {"loans"}


def test_models_inside_a_returned_tuple_or_dict_are_found(
    recorded: Recorded, data: tuple[pd.DataFrame, pd.Series]
) -> None:
    X, y = data

    @aims.training
    def several() -> tuple[float, dict[str, Any]]:
        pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
        return 0.5, {"not": "looked into"}, pipeline  # type: ignore[return-value]

    @aims.training
    def named() -> dict[str, Any]:
        return {"risk": LogisticRegression().fit(X, y), "score": 0.5}

    several()
    named()
    assert [e.body["name"] for e in recorded("model")] == ["model", "risk"]


def test_model_of_a_block_comes_back_and_is_recorded_under_its_name(
    recorded: Recorded, data: tuple[pd.DataFrame, pd.Series]
) -> None:
    model = LogisticRegression().fit(*data)
    with aims.run("notebook") as run:
        assert run.model(model, name="risk") is model
    assert recorded("model")[0].body["name"] == "risk"


def test_model_on_disk_is_recorded_by_its_files(recorded: Recorded, project: Path) -> None:
    folder = project / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"\x01\x02")
    with aims.run("import") as run:
        assert run.model("model", name="risk") == "model"
    (evidence,) = recorded("model")
    assert evidence.body["sha256"] == fingerprint_files(folder).sha256
    assert evidence.body["files"][0]["path"] == "weights.bin"


def test_evaluation_of_a_named_model_adds_figures_and_no_second_description(
    recorded: Recorded, project: Path
) -> None:
    (project / "model.bin").write_bytes(b"weights")
    with aims.run("evaluate", activity="evaluation") as run:
        run.model("model.bin")
        run.check(y_true=[0, 1, 1, 0] * 10, y_pred=[0, 1, 0, 0] * 10)
    digest = fingerprint_files(project / "model.bin").sha256
    assert [e.kind for e in recorded(subject=digest)] == [
        "run",
        "environment",
        "code",
        "parameters",
        "performance",
    ]


def test_check_records_performance_overall_and_by_group_and_bias(recorded: Recorded) -> None:
    y_true = np.array([0, 1] * 40)
    y_pred = np.array([0, 1, 1, 1] * 20)  # 20 of 80 wrong: accuracy 0.75
    sex = pd.DataFrame({"sex": ["F", "F", "M", "M"] * 20})
    with aims.run("evaluate") as run:
        run.check(y_true=y_true, y_pred=y_pred, sensitive=sex)
    (performance,) = recorded("performance")
    overall, women, men = (
        next(
            f["value"]
            for f in performance.body["figures"]
            if f["measure"] == "accuracy_score" and f["group"] == group
        )
        for group in (None, {"sex": "F"}, {"sex": "M"})
    )
    assert (overall, women, men) == (0.75, 1.0, 0.5)
    (bias,) = recorded("bias")
    rates = {
        f["group"]["sex"]: f["value"]
        for f in bias.body["figures"]
        if f["measure"] == "selection_rate" and f["group"] and "sex" in f["group"]
    }
    assert (rates["F"], rates["M"]) == (0.5, 1.0)


def test_check_names_the_data_set_it_is_about(
    recorded: Recorded, data: tuple[pd.DataFrame, pd.Series]
) -> None:
    X, y = data
    with aims.run("evaluate", quality=False) as run:
        aims.dataset(X, "patients-test")
        run.check(y_true=y, y_pred=y)
        run.check(y_true=y, y_pred=1 - y, dataset="patients-test")
    first, second = recorded("performance")
    digest = aims.fingerprint(X).sha256
    assert first.body["dataset"] == {"name": "patients-test", "role": "test", "sha256": digest}
    assert second.body["dataset"]["sha256"] == digest
    assert digest in [subject.sha256 for subject in first.subjects]


def test_bias_false_leaves_bias_out(recorded: Recorded) -> None:
    with aims.run("evaluate", bias=False) as run:
        run.check(y_true=[0, 1] * 20, y_pred=[0, 1] * 20, sensitive={"sex": ["F", "M"] * 20})
    assert recorded("bias") == []
    assert len(recorded("performance")) == 1


def test_probabilities_of_two_classes_are_taken_as_they_come(recorded: Recorded) -> None:
    scores = np.array([[0.9, 0.1], [0.2, 0.8]] * 20)
    with aims.run("evaluate") as run:
        run.check(y_true=[0, 1] * 20, y_score=scores)
    (performance,) = recorded("performance")
    (auc,) = (f for f in performance.body["figures"] if f["measure"] == "roc_auc_score")
    assert auc["value"] == 1.0


def test_card_holds_the_facts_of_its_run(
    recorded: Recorded, data: tuple[pd.DataFrame, pd.Series]
) -> None:
    X, y = data

    @aims.training(system="loans", quality=False)
    def train(X_train: pd.DataFrame) -> LogisticRegression:
        aims.dataset(X_train, "patients", source="registry", licence="CC0")
        model = LogisticRegression().fit(X_train, y)
        aims.current_run().check(y_true=y, y_pred=model.predict(X_train))
        return model

    train(X)
    (card,) = recorded("model-card")
    (model,) = recorded("model")
    facts = card.body["facts"]
    assert facts["model"]["sha256"] == model.body["sha256"]
    assert facts["system"] == "loans"
    assert facts["datasets"][0]["source"] == "registry"
    assert facts["datasets"][0]["rows"] == 80
    (accuracy,) = (f for f in facts["performance"] if f["measure"] == "accuracy_score")
    assert accuracy["n"] == 80


def test_groups_that_cannot_be_used_leave_the_performance_of_the_whole(
    recorded: Recorded, project: Path, fails_open: None
) -> None:
    truth = [0, 1] * 40
    with (
        pytest.warns(aims.errors.CaptureWarning, match="performance by group"),
        pytest.warns(aims.errors.CaptureWarning, match="bias"),
        aims.run("job") as run,
    ):
        run.check(y_true=truth, y_pred=truth, sensitive=[[1, 2]] * 80)
    (performance,) = recorded("performance")
    assert performance.body["rows"] == 80
    assert sorted(gap.body["where"] for gap in recorded("gap")) == ["bias", "performance by group"]


def test_scores_of_three_classes_leave_the_bias_of_the_predictions(
    recorded: Recorded, project: Path
) -> None:
    random = np.random.default_rng(0)
    scores = random.dirichlet([1, 1, 1], 90)
    with aims.run("job") as run:
        run.check(
            y_true=random.integers(0, 3, 90),
            y_pred=scores.argmax(1),
            y_score=scores,
            sensitive=["F", "M"] * 45,
        )
    assert len(recorded("bias")) == 1
    assert len(recorded("performance")) == 1


def test_score_of_the_positive_class_is_found_by_its_name(
    recorded: Recorded, project: Path
) -> None:
    truth = np.array([0, 1] * 40)
    scores = pd.DataFrame({1: truth * 0.8 + 0.1, 0: 0.9 - truth * 0.8})
    with aims.run("job") as run:
        run.check(y_true=truth, y_score=scores)
    (performance,) = recorded("performance")
    auc = [f for f in performance.body["figures"] if f["measure"] == "roc_auc_score"]
    assert auc[0]["value"] == 1.0
