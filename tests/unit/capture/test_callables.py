"""Partials and callable objects are captured as functions are."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

import aims_mlops as aims
from aims_mlops.evidence.records import Evidence

Recorded = Callable[..., list[Evidence]]
capture = aims.training(quality=False)


def add(x: int, y: int = 2, *, scale: int = 1) -> int:
    return (x + y) * scale


class Trainer:
    """An object that is called."""

    def __init__(self) -> None:
        self.secret_table = "Zoidberg"

    def __call__(self, rate: float, rounds: int = 3) -> float:
        return rate * rounds


class AsyncTrainer:
    async def __call__(self, rate: float) -> float:
        await asyncio.sleep(0)
        return rate


class GeneratorTrainer:
    def __call__(self, rounds: int) -> Iterator[int]:
        assert aims.current_run().activity == "training"
        yield from range(rounds)


class AsyncGeneratorTrainer:
    async def __call__(self, rounds: int) -> AsyncIterator[int]:
        for i in range(rounds):
            yield i


def run_and_parameters(recorded: Recorded) -> tuple[str, dict[str, Any]]:
    (run,) = recorded("run")
    (parameters,) = recorded("parameters")
    return run.body["name"], parameters.body["parameters"]


def test_partial_is_captured_with_its_own_arguments(recorded: Recorded) -> None:
    assert capture(functools.partial(add, 1, scale=10))(5) == 60
    assert run_and_parameters(recorded) == ("add", {"x": 1, "y": 5, "scale": 10})
    (code,) = recorded("code")
    assert code.body["qualified_name"] == f"{add.__module__}.add"
    assert code.body["source_sha256"] is not None


def test_partial_of_a_partial_is_captured(recorded: Recorded) -> None:
    assert capture(functools.partial(functools.partial(add, 1), y=3))() == 4
    assert run_and_parameters(recorded) == ("add", {"x": 1, "y": 3, "scale": 1})


def test_callable_object_is_captured(recorded: Recorded) -> None:
    train = capture(Trainer())
    assert train(0.5) == 1.5
    assert run_and_parameters(recorded) == ("Trainer", {"rate": 0.5, "rounds": 3})
    (code,) = recorded("code")
    assert code.body["qualified_name"] == f"{Trainer.__module__}.Trainer"
    assert code.body["source_sha256"] is not None
    assert not hasattr(train, "secret_table")


def test_callable_object_that_is_asynchronous_is_awaited(recorded: Recorded) -> None:
    assert asyncio.run(capture(AsyncTrainer())(0.5)) == 0.5
    assert run_and_parameters(recorded) == ("AsyncTrainer", {"rate": 0.5})


def test_callable_object_that_generates_is_captured_to_its_end(recorded: Recorded) -> None:
    assert list(capture(GeneratorTrainer())(3)) == [0, 1, 2]
    assert run_and_parameters(recorded) == ("GeneratorTrainer", {"rounds": 3})


def test_callable_object_that_generates_asynchronously_is_captured(recorded: Recorded) -> None:
    async def collect() -> list[int]:
        return [i async for i in capture(AsyncGeneratorTrainer())(2)]

    assert asyncio.run(collect()) == [0, 1]
    assert run_and_parameters(recorded) == ("AsyncGeneratorTrainer", {"rounds": 2})


def test_partial_of_a_callable_object_is_captured(recorded: Recorded) -> None:
    assert capture(functools.partial(Trainer(), 2.0))(rounds=2) == 4.0
    assert run_and_parameters(recorded) == ("Trainer", {"rate": 2.0, "rounds": 2})


def test_partial_of_a_coroutine_function_is_awaited(recorded: Recorded) -> None:
    async def train(rate: float) -> float:
        return rate

    assert asyncio.run(capture(functools.partial(train, 0.25))()) == 0.25
    assert recorded("run")[0].body["status"] == "finished"


@pytest.mark.parametrize(
    ("function", "args", "result"),
    [
        (max, (1, 2), 2),
        (functools.lru_cache(add), (1,), 3),
        ([].append, (1,), None),
        (lambda x=1: x, (), 1),
    ],
    ids=["builtin", "cached", "bound builtin", "lambda"],
)
def test_function_of_another_kind_is_captured(
    function: Callable[..., Any], args: tuple[Any, ...], result: Any, recorded: Recorded
) -> None:
    assert capture(function)(*args) == result
    assert recorded("run")[0].body["status"] == "finished"


def test_builtin_that_does_not_name_its_arguments_has_them_by_position(recorded: Recorded) -> None:
    capture(max)(1, 2)
    assert run_and_parameters(recorded) == ("max", {"args.0": 1, "args.1": 2})


def test_error_of_a_partial_is_the_users_own(recorded: Recorded, fails_open: None) -> None:
    with pytest.raises(TypeError, match="unexpected keyword"):
        capture(functools.partial(add, 1))(nothing=1)
    assert recorded("run")[0].body["status"] == "failed"


@pytest.mark.parametrize("odd", [property(add), functools.partialmethod(add), 3, int])
def test_what_cannot_be_called_is_refused_when_it_is_decorated(odd: Any) -> None:
    with pytest.raises(aims.errors.InputError, match="can be decorated"):
        capture(odd)
