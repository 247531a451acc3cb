"""What somebody writes who uses aims-mlops: type checkers must see the types named here.

Never run. `test_typing.py` gives it to mypy and to pyright; both also say if one of the lines that
are marked as wrong is none.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, assert_type

import aims_mlops as aims
from aims_mlops.capture.run import Run
from aims_mlops.errors import AimsError, ModelRefusedError
from aims_mlops.gates.check_model import ModelCheck
from aims_mlops.gates.decision.decision import Decision
from aims_mlops.plugins import hookimpl


class Frame:
    """A table of some library."""


class Model:
    """A model of some library."""


# A decorator leaves the function's signature as it is, plain or with arguments.


@aims.training
def train(rows: list[int], *, depth: int = 3) -> Model:
    return Model()


@aims.training(system="loans", register="loans", tags={"team": "risk"})
def train_with_settings(rows: list[int], *, depth: int = 3) -> Model:
    return Model()


@aims.evaluation(system="loans")
async def evaluate(model: Model) -> float:
    return 0.9


@aims.training
def steps(count: int) -> Iterator[float]:
    yield 0.1


@aims.evaluation
async def answers(count: int) -> AsyncIterator[str]:
    yield "yes"


class Trainer:
    """A method is decorated as a function is."""

    @aims.training(system="loans")
    def fit(self, rows: Frame) -> Model:
        return Model()


assert_type(train([1], depth=2), Model)
assert_type(train_with_settings([1]), Model)
assert_type(steps(3), Iterator[float])
assert_type(answers(3), AsyncIterator[str])
assert_type(Trainer().fit(Frame()), Model)

train("rows")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
train_with_settings([1], deep=2)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
aims.training(sytem="loans")  # type: ignore[call-overload] # pyright: ignore[reportCallIssue]


@aims.monitored(system="loans", target="production")
def predict(row: dict[str, float], *, request_id: str | None = None) -> float:
    return 0.5


@aims.deployment(target="production", where="clinic-a")
def roll_out(model: str) -> int:
    return 0


assert_type(predict({"age": 51.0}), float)
assert_type(roll_out("models:/loans/3"), int)
predict(1)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


# A table comes back as what it was.


def tables(frame: Frame, batches: list[Frame]) -> None:
    assert_type(aims.dataset(frame, "patients", role="test"), Frame)
    assert_type(aims.dataset(batches, "patients", derived_from="raw"), list[Frame])
    aims.dataset(frame)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


# Runs, answers and figures have types of their own.


def blocks() -> None:
    with aims.run("nightly", system="loans") as run:
        assert_type(run, Run)
    aims.current_run().check(y_true=[1], y_pred=[1])


async def evaluations(model: Model) -> None:
    assert_type(await evaluate(model), float)
    async with aims.run("nightly") as run:
        assert_type(run, Run)


def decisions(path: Path) -> None:
    decision = aims.gate("models:/loans/3", target="production")
    assert_type(decision, Decision)
    assert_type(decision.allowed, bool)
    assert_type(aims.check_model(path), ModelCheck)
    try:
        aims.check_model(path, target="production")
    except ModelRefusedError as refused:
        assert_type(isinstance(refused, AimsError), bool)


def figures(table: Any) -> None:
    figure = aims.measure_bias(y_pred=[1, 0], sensitive=["a", "b"]).figure("selection_rate")
    assert_type(figure.value, float | None)
    assert_type(figure.n, int | None)
    assert_type(aims.fingerprint(table).sha256, str)


class Meter:
    """A hook keeps its signature, too."""

    @hookimpl
    def before_run_started(self, run: Any) -> None:
        return None


assert_type(Meter().before_run_started(None), None)
