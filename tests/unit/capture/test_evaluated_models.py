"""An evaluation that is given a model says something about that model's content."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import aims_mlops as aims
from aims_mlops.capture.facts import known_models
from aims_mlops.capture.facts.models import pickled
from aims_mlops.evidence.records import Evidence

Recorded = Callable[..., list[Evidence]]

X = pd.DataFrame({"a": np.linspace(-1, 1, 40), "b": np.ones(40)})
Y = (X["a"] > 0).astype(int)


@aims.training
def train(C: float = 1.0) -> LogisticRegression:
    return LogisticRegression(C=C).fit(X, Y)


@aims.evaluation
def evaluate(model: Any, flip: bool = False) -> float:
    predicted = model.predict(X)
    aims.current_run().check(y_true=Y, y_pred=1 - predicted if flip else predicted)
    return float((predicted == Y).mean())


def accuracy(evidence: Evidence) -> float:
    figures = evidence.body["figures"]
    return next(f["value"] for f in figures if f["measure"] == "accuracy_score")


def test_evaluation_of_a_trained_model_is_found_by_the_models_digest(recorded: Recorded) -> None:
    model = train()
    evaluate(model)
    (description,) = recorded("model")
    (performance,) = recorded("performance", subject=description.body["sha256"])
    assert performance.run == recorded("run")[1].run


def test_nested_evaluation_counts_for_the_model_that_is_returned(recorded: Recorded) -> None:
    """Of several candidates, only what was found out about the one that is kept."""

    @aims.training
    def search() -> LogisticRegression:
        best = LogisticRegression(C=1.0).fit(X, Y)
        worse = LogisticRegression(C=0.1).fit(X, 1 - Y)
        evaluate(worse)
        evaluate(best)
        return best

    search()
    (description,) = recorded("model")
    found = recorded("performance", subject=description.body["sha256"])
    assert description.run in [performance.run for performance in found]
    assert all(accuracy(performance) > 0.9 for performance in found)
    assert len(recorded("performance")) == 3  # each in its own run, the best one's here too


def test_model_changed_since_its_training_is_another(recorded: Recorded) -> None:
    model = train()
    model.coef_ = model.coef_ * 2
    evaluate(model)
    (description,) = recorded("model")
    assert recorded("performance", subject=description.body["sha256"]) == []
    changed = pickled(model, "model").sha256
    assert len(recorded("performance", subject=changed)) == 1


def test_model_from_elsewhere_goes_by_its_pickle(recorded: Recorded) -> None:
    model = LogisticRegression().fit(X, Y)
    evaluate(model)
    assert len(recorded("performance", subject=pickled(model, "model").sha256)) == 1
    assert recorded("model") == []  # its training would describe it, and better


def test_unfitted_argument_is_no_gap(recorded: Recorded) -> None:
    @aims.evaluation
    def cross_validate(model: Any) -> None:
        model.fit(X, Y)

    cross_validate(LogisticRegression())
    assert recorded("gap") == []


def test_model_is_forgotten_with_its_last_reference(recorded: Recorded) -> None:
    model = train()
    key = id(model)
    assert key in known_models._kept
    del model
    gc.collect()
    assert key not in known_models._kept


def test_run_that_is_kept_keeps_no_model_alive(recorded: Recorded) -> None:
    with aims.run("job") as run:
        run.model(LogisticRegression().fit(X, Y))
    assert [entry.model for entry in run.models] == [None]
    assert run.pending_models == {}


def test_argument_of_a_training_is_only_a_parameter(recorded: Recorded) -> None:
    @aims.training
    def fit(base: Any) -> None:
        base.fit(X, Y)

    fit(LogisticRegression())
    assert recorded("model") == []
    assert "base" in recorded("parameters")[0].body["left_out"]


@pytest.mark.parametrize("name", ["model", "the model"])
def test_two_models_of_the_same_name_are_both_recorded(recorded: Recorded, name: str) -> None:
    first, second = (LogisticRegression(C=c).fit(X, Y) for c in (1.0, 0.1))
    with aims.run("job") as run:
        run.model(first, name=name)
        run.model(second, name="other")
    assert {e.body["name"] for e in recorded("model")} == {name, "other"}
