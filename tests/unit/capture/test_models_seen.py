"""A model that a run cannot record, or that is not there to be registered, is a gap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sklearn.linear_model import LogisticRegression

import aims_mlops as aims
from aims_mlops.evidence.records import Evidence

Recorded = Callable[..., list[Evidence]]
pytestmark = [
    pytest.mark.usefixtures("fails_open"),
    pytest.mark.filterwarnings("ignore::aims_mlops.errors.CaptureWarning"),
]


def model(weight: float) -> LogisticRegression:
    return LogisticRegression(C=weight).fit([[0.0], [1.0]], [0, 1])


@pytest.mark.parametrize("result", [None, 0.93, {"score": 1.0}, "model.pkl", [1, 2]])
def test_registration_without_a_model_is_a_gap(result: Any, recorded: Recorded) -> None:
    @aims.training(register="loans")
    def train() -> Any:
        return result

    train()
    (gap,) = recorded("gap")
    assert gap.body["where"] == "registration"
    assert "'loans'" in gap.body["message"]


def test_failed_run_has_no_gap_about_its_registration(recorded: Recorded) -> None:
    @aims.training(register="loans")
    def train() -> None:
        raise ValueError("of the user")

    with pytest.raises(ValueError, match="of the user"):
        train()
    assert recorded("gap") == []


def test_every_model_after_the_twentieth_is_a_gap(recorded: Recorded) -> None:
    @aims.training
    def train() -> list[Any]:
        return [model(i + 1.0) for i in range(22)]

    train()
    assert len(recorded("model")) == 20
    assert [e.body["where"] for e in recorded("gap")] == ["model model-21", "model model-22"]


def test_model_behind_twenty_other_results_is_recorded(recorded: Recorded) -> None:
    @aims.training
    def train() -> dict[str, Any]:
        return {**{f"score{i}": i for i in range(30)}, "best": model(1.0)}

    train()
    assert [e.body["name"] for e in recorded("model")] == ["best"]


def test_second_model_of_one_name_takes_no_place(recorded: Recorded) -> None:
    with aims.run("r") as run:
        first = run.model(model(1.0))
        run.model(model(2.0))
        run.model(first)
    assert [e.body["name"] for e in recorded("model")] == ["model", "model-2"]
