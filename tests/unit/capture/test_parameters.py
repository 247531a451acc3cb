"""Plain values by allow-list, containers taken apart, everything else named and left out."""

from __future__ import annotations

import argparse
import datetime
import enum
import hashlib
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import aims_mlops as aims
from aims_mlops.capture.arguments.parameters import Parameters
from aims_mlops.evidence.records import Evidence

Recorded = Callable[..., list[Evidence]]


class Solver(enum.Enum):
    FAST = 1


@dataclass
class Options:
    depth: int
    solver: Solver


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        (None, None),
        (3, 3),
        (2**53, "9007199254740992"),
        (0.5, 0.5),
        (math.nan, "nan"),
        (math.inf, "inf"),
        ("text", "text"),
        (Path("data/train.csv"), "data/train.csv"),
        (Solver.FAST, "Solver.FAST"),
        (datetime.date(2026, 11, 21), "2026-11-21"),
        (np.float64(0.25), 0.25),
        (np.int32(7), 7),
    ],
)
def test_plain_value_is_kept(value: object, expected: object) -> None:
    parameters = Parameters()
    parameters.add("p", value)
    assert parameters.values == {"p": expected}
    assert type(parameters.values["p"]) is type(expected)


def test_containers_become_one_value_an_item() -> None:
    parameters = Parameters()
    parameters.add("grid", {"depth": [3, 5], "options": Options(2, Solver.FAST)})
    parameters.add("args", argparse.Namespace(rate=0.1))
    assert parameters.values == {
        "grid.depth.0": 3,
        "grid.depth.1": 5,
        "grid.options.depth": 2,
        "grid.options.solver": "Solver.FAST",
        "args.rate": 0.1,
    }


def test_long_text_is_kept_as_its_digest() -> None:
    text = "lorem ipsum " * 100
    parameters = Parameters()
    parameters.add("prompt", text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert parameters.values == {"prompt": f"sha256:{digest} of 1200 characters"}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("x" * 10_000_000, "10000000 characters"),
        (object(), "a builtins.object, not a plain value"),
        (b"bytes", "a builtins.bytes, not a plain value"),
        ([object()] * 1000, "items, more than 50"),
        ([[[[[[[1]]]]]]], "nested deeper than 5 levels"),
    ],
)
def test_unfit_value_is_left_out_with_the_reason(value: object, why: str) -> None:
    parameters = Parameters()
    parameters.add("p", value)
    assert parameters.values == {}
    assert any(why in reason for reason in parameters.left_out.values())
    assert parameters.refused


def test_structure_that_contains_itself_ends() -> None:
    loop: dict[str, Any] = {}
    loop["self"] = loop
    parameters = Parameters()
    parameters.add("loop", loop)
    assert parameters.values == {}
    assert parameters.refused == ["loop.self.self.self.self.self"]


def test_callables_and_models_are_left_out_without_a_gap() -> None:
    class Model:
        def predict(self) -> None: ...

    parameters = Parameters()
    parameters.add_all({"loss": math.sqrt, "kind": Model, "model": Model()})
    assert set(parameters.left_out) == {"loss", "kind", "model"}
    assert parameters.refused == []


def test_refused_parameter_is_a_gap_and_a_warning_and_the_result_stands(
    recorded: Recorded, fails_open: None
) -> None:
    @aims.training
    def train(blob: str, handle: object, rate: float) -> float:
        return rate * 2

    with pytest.warns(aims.errors.CaptureWarning) as warned:
        assert train("x" * 10_000_000, object(), 0.5) == 1.0
    assert len(warned) == 2
    assert recorded("parameters")[0].body["parameters"] == {"rate": 0.5}
    assert {e.body["where"] for e in recorded("gap")} == {"parameter blob", "parameter handle"}
    assert sorted(recorded("run")[0].body["gaps"]) == ["parameter blob", "parameter handle"]


def test_varied_arguments_are_recorded_by_name(recorded: Recorded) -> None:
    @aims.training
    def train(first: int, *more: int, rate: float = 0.1, **options: str) -> None:
        pass

    train(1, 2, 3, solver="lbfgs")
    assert recorded("parameters")[0].body["parameters"] == {
        "first": 1,
        "more.0": 2,
        "more.1": 3,
        "rate": 0.1,
        "solver": "lbfgs",
    }


def test_many_values_end_in_one_gap() -> None:
    parameters = Parameters()
    parameters.add("grid", {f"p{i}": i for i in range(2000)})
    assert len(parameters.values) == 500
    assert parameters.refused == ["…"]


def test_environment_of_the_process_is_never_recorded() -> None:
    parameters = Parameters()
    parameters.add("env", os.environ)
    assert parameters.values == {}
    assert parameters.left_out == {"env": "the environment of the process"}
