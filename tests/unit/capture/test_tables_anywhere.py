"""A table among the arguments is recorded or a gap, however deep it lies, and is said to be so."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_iris

import aims_mlops as aims
from aims_mlops.evidence.records import Evidence

Recorded = Callable[..., list[Evidence]]
pytestmark = [
    pytest.mark.usefixtures("fails_open"),
    pytest.mark.filterwarnings("ignore::aims_mlops.errors.CaptureWarning"),
]

FRAME = pd.DataFrame({"a": range(10), "b": list("abcdefghij")})


@dataclasses.dataclass
class Settings:
    data: Any
    depth: int = 3


class Holder:
    def __init__(self, data: Any) -> None:
        self.data = data


Pair = collections.namedtuple("Pair", "X y")


@aims.training(quality=False)
def train(given: Any) -> None:
    """Whatever comes in."""


RECORDED: dict[str, tuple[Any, set[str]]] = {
    "data class": (Settings(FRAME), {"given.data"}),
    "named tuple": (Pair(FRAME, FRAME["a"]), {"given.X", "given.y"}),
    "namespace": (argparse.Namespace(data=FRAME), {"given.data"}),
    "simple namespace": (types.SimpleNamespace(data=FRAME), {"given.data"}),
    "nested dict": ({"train": {"X": FRAME}}, {"given.train.X"}),
    "tuples in a tuple": (
        ((FRAME, FRAME["a"]), (FRAME.head(3),)),
        {"given.0.0", "given.0.1", "given.1.0"},
    ),
    "dict of 25": (
        {f"p{i}": FRAME.assign(a=i) for i in range(25)},
        {f"given.p{i}" for i in range(25)},
    ),
    "list of 60": (
        [FRAME.assign(a=i) for i in range(60)],
        {f"given.{i}" for i in range(60)},
    ),
    "index": (FRAME.index, {"given"}),
    "polars": ([pl.from_pandas(FRAME)], {"given.0"}),
    "mapping of columns": ({"a": list(range(60)), "b": ["x"] * 60}, {"given"}),
    "records": ([{"a": i, "b": "x"} for i in range(60)], {"given"}),
    "tuples": ([(i, "x") for i in range(60)], {"given"}),
    "long list": (list(range(60)), {"given"}),
}


@pytest.mark.parametrize("shape", RECORDED)
def test_table_in_a_container_is_a_data_set(shape: str, recorded: Recorded) -> None:
    value, names = RECORDED[shape]
    train(value)
    found = {e.body["name"] for e in recorded("dataset")}
    assert found == names
    (parameters,) = recorded("parameters")
    for name in names:
        assert parameters.body["left_out"][name] == "a table; recorded as a dataset"
    assert recorded("gap") == []


def test_bunch_of_scikit_learn_is_its_tables(recorded: Recorded) -> None:
    train(load_iris(as_frame=True))
    found = {e.body["name"]: e.body["rows"] for e in recorded("dataset")}
    assert {"given.data", "given.target", "given.frame"} <= set(found)
    assert found["given.frame"] == 150
    assert recorded("gap") == []


GAPS: dict[str, tuple[Any, str]] = {
    "object": (Holder(FRAME), "parameter given"),
    "sparse matrix": (sp.csr_matrix(np.eye(4)), "parameter given"),
    "three dimensions": (np.zeros((2, 3, 4)), "parameter given"),
    "lazy frame": (pl.from_pandas(FRAME).lazy(), "parameter given"),
    "generator": ((frame for frame in [FRAME]), "parameter given"),
    "too deep": ([[[[[[FRAME]]]]]], "parameter given.0.0.0.0.0"),
    "two names that are one": (
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        "dataset given",
    ),
    "record array": (np.zeros(3, dtype=[("a", "i4"), ("b", "O")]), "dataset given"),
}


@pytest.mark.parametrize("shape", GAPS)
def test_table_that_cannot_be_recorded_is_a_gap(shape: str, recorded: Recorded) -> None:
    value, where = GAPS[shape]
    train(value)
    assert recorded("dataset") == []
    assert where in [e.body["where"] for e in recorded("gap")]
    assert "recorded as a dataset" not in str(recorded("parameters")[0].body)


def test_more_tables_than_a_run_takes_are_gaps(recorded: Recorded) -> None:
    train({f"p{i}": np.array([i, i + 1]) for i in range(205)})
    assert len(recorded("dataset")) == 200
    gaps = recorded("gap")
    assert len(gaps) == 5
    assert "more than 200 tables" in gaps[0].body["message"]


def test_table_as_a_tag_is_a_gap(recorded: Recorded) -> None:
    with aims.run("r", tags={"data": FRAME}, quality=False):
        pass
    assert [e.body["where"] for e in recorded("gap")] == ["tag data"]
    assert recorded("dataset") == []


def test_table_given_as_a_parameter_by_hand_is_a_data_set(recorded: Recorded) -> None:
    with aims.run("r", parameters={"first": FRAME}, quality=False) as run:
        run.parameter("second", {"inner": FRAME["a"]})
    assert [e.body["name"] for e in recorded("dataset")] == ["first", "second.inner"]
    left_out = recorded("parameters")[0].body["left_out"]
    assert set(left_out.values()) == {"a table; recorded as a dataset"}
