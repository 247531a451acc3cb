"""Every kind of function behaves as it did, and is recorded."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import pytest

import aims_mlops as aims
from aims_mlops.evidence.records import Evidence

Recorded = Callable[..., list[Evidence]]


def test_plain_function_returns_its_result_and_is_recorded(recorded: Recorded) -> None:
    @aims.training(system="loans")
    def train(rate: float, rounds: int = 3) -> float:
        """Doc."""
        return rate * rounds

    assert train(0.5) == 1.5
    assert train.__name__ == "train"
    assert train.__doc__ == "Doc."
    (run,) = recorded("run")
    assert run.system == "loans"
    assert run.body["status"] == "finished"
    assert run.body["activity"] == "training"
    assert run.body["name"].endswith("train")
    (parameters,) = recorded("parameters")
    assert parameters.body["parameters"] == {"rate": 0.5, "rounds": 3}
    assert {e.kind for e in recorded()} == {"run", "environment", "code", "parameters"}


def test_bare_decorator_works_like_one_with_arguments(recorded: Recorded) -> None:
    @aims.evaluation
    def assess() -> str:
        return "done"

    @aims.training()
    def train() -> str:
        return "trained"

    assert (assess(), train()) == ("done", "trained")
    assert [e.body["activity"] for e in recorded("run")] == ["evaluation", "training"]


def test_coroutine_stays_one_and_sees_its_run_across_awaits(recorded: Recorded) -> None:
    seen: list[str] = []

    @aims.training
    async def train(name: str) -> str:
        seen.append(aims.current_run().id)
        await asyncio.sleep(0)
        seen.append(aims.current_run().id)
        return name

    async def both() -> list[str]:
        return await asyncio.gather(train("a"), train("b"))

    assert inspect.iscoroutinefunction(train)
    assert asyncio.run(both()) == ["a", "b"]
    assert seen[0] == seen[2]
    assert seen[1] == seen[3]
    assert len({e.run for e in recorded("run")}) == 2


def test_generator_passes_values_both_ways_and_keeps_its_run_to_itself(recorded: Recorded) -> None:
    inside: list[str] = []

    @aims.training
    def epochs() -> Generator[int, str, str]:
        got = []
        for epoch in range(2):
            inside.append(aims.current_run().id)
            try:
                got.append((yield epoch))
            except KeyError:
                got.append("thrown")
        return "+".join(got)

    assert inspect.isgeneratorfunction(epochs)
    generator = epochs()
    assert next(generator) == 0
    with pytest.raises(aims.errors.InputError, match="no run here"):
        aims.current_run()
    assert generator.throw(KeyError()) == 1
    with pytest.raises(StopIteration) as end:
        generator.send("sent")
    assert end.value.value == "thrown+sent"
    assert len(set(inside)) == 1
    assert recorded("run")[0].body["status"] == "finished"


def test_generator_closed_early_is_a_finished_run(recorded: Recorded) -> None:
    cleaned: list[bool] = []

    @aims.training
    def epochs() -> Generator[int, None, None]:
        try:
            yield 1
            yield 2
        finally:
            cleaned.append(True)

    generator = epochs()
    next(generator)
    generator.close()
    assert cleaned == [True]
    assert recorded("run")[0].body["status"] == "finished"


def test_async_generator_passes_values_both_ways(recorded: Recorded) -> None:
    @aims.training
    async def epochs() -> AsyncGenerator[int, str]:
        for epoch in range(3):
            try:
                sent = yield epoch
            except KeyError:
                sent = "thrown"
            assert aims.current_run().status == "running"
            if sent == "stop":
                return

    async def consume() -> list[int]:
        generator = epochs()
        found = [await anext(generator), await generator.athrow(KeyError())]
        with pytest.raises(StopAsyncIteration):
            await generator.asend("stop")
        return found

    assert inspect.isasyncgenfunction(epochs)
    assert asyncio.run(consume()) == [0, 1]
    assert recorded("run")[0].body["status"] == "finished"


def test_async_generator_closed_early_cleans_up(recorded: Recorded) -> None:
    cleaned: list[bool] = []

    @aims.training
    async def epochs() -> AsyncGenerator[int, None]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    async def consume() -> None:
        generator = epochs()
        async for _ in generator:
            break
        await generator.aclose()

    asyncio.run(consume())
    assert cleaned == [True]
    assert recorded("run")[0].body["status"] == "finished"


def test_methods_of_every_kind_are_recorded_without_self(recorded: Recorded) -> None:
    class Trainer:
        rate = 2

        @aims.training
        def plain(self, x: int) -> int:
            return self.rate * x

        @classmethod
        @aims.training
        def of_class(cls, x: int) -> int:
            return cls.rate * x

        @aims.training
        @classmethod
        def outside_classmethod(cls, x: int) -> int:
            return cls.rate * x

        @aims.training
        @staticmethod
        def static(x: int) -> int:
            return x

    trainer = Trainer()
    assert trainer.plain(1) == 2
    assert Trainer.of_class(2) == 4
    assert Trainer.outside_classmethod(3) == 6
    assert trainer.static(4) == 4
    assert [e.body["parameters"] for e in recorded("parameters")] == [
        {"x": 1},
        {"x": 2},
        {"x": 3},
        {"x": 4},
    ]


def test_class_is_refused_at_decoration() -> None:
    with pytest.raises(aims.errors.InputError, match="decorate the method"):

        @aims.training
        class Trainer:
            pass


def test_context_manager_records_its_block(recorded: Recorded) -> None:
    with aims.run("notebook", system="loans", parameters={"rate": 0.1}, tags={"team": "a"}) as run:
        run.parameter("rounds", 5)
        assert aims.current_run() is run
    (evidence,) = recorded("run")
    assert evidence.run == run.id
    assert evidence.body["name"] == "notebook"
    assert evidence.body["tags"] == {"team": "a"}
    assert recorded("parameters")[0].body["parameters"] == {"rate": 0.1, "rounds": 5}


def test_async_context_manager_records_its_block(recorded: Recorded) -> None:
    async def work() -> None:
        async with aims.run("job"):
            await asyncio.sleep(0)

    asyncio.run(work())
    assert [e.body["name"] for e in recorded("run")] == ["job"]


def test_nested_run_names_its_parent_and_inherits_its_system(recorded: Recorded) -> None:
    @aims.evaluation
    def inner() -> None:
        pass

    @aims.training(system="loans")
    def outer() -> None:
        inner()

    outer()
    inside, outside = recorded("run")
    assert inside.body["parent"] == outside.run
    assert inside.system == "loans"
    assert outside.body["parent"] is None


def test_capture_switched_off_leaves_nothing(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMS_CAPTURE", "off")

    @aims.training
    def train() -> int:
        return 1

    with aims.run("block") as run:
        run.check(y_true=[1], y_pred=[1])
        assert train() == 1
    assert recorded() == []


def test_wrong_arguments_raise_the_users_own_error(recorded: Recorded) -> None:
    @aims.training
    def train(x: int) -> int:
        return x

    wrong: Any = train
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        wrong()
    assert recorded("run")[0].body["error"] == "TypeError"
