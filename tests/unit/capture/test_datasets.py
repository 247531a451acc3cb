"""Tables among the arguments become datasets: digest, schema, profile, and no row of them."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import aims_mlops as aims
from aims_mlops.capture.facts import dataset as capture_dataset
from aims_mlops.evidence.records import Evidence

Recorded = Callable[..., list[Evidence]]


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame({"age": [44, 61, 38], "name": ["Quimby", "Zoidberg", "Xanthippe"]})


@aims.training(quality=False)
def train(data: object, rate: float = 0.1) -> float:
    return rate


def test_table_of_every_library_is_the_same_data_set(
    recorded: Recorded, frame: pd.DataFrame
) -> None:
    for data in (frame, pl.from_pandas(frame), pa.Table.from_pandas(frame, preserve_index=False)):
        train(data)
    found = recorded("dataset")
    assert len(found) == 3
    assert {e.body["sha256"] for e in found} == {aims.fingerprint(frame).sha256}
    assert {e.subjects[0].sha256 for e in found} == {aims.fingerprint(frame).sha256}
    assert {e.body["rows"] for e in found} == {3}
    assert {e.body["name"] for e in found} == {"data"}


def test_data_set_holds_no_row_value(
    recorded: Recorded, frame: pd.DataFrame, project: Path
) -> None:
    train(frame)
    statements = json.dumps([e.to_statement() for e in recorded()])
    for value in frame["name"]:
        assert value not in statements
    body = recorded("dataset")[0].body
    assert [column["name"] for column in body["columns"]] == ["age", "name"]
    assert body["profile"] is not None


def test_declared_data_set_comes_back_as_it_was_and_is_recorded_under_its_name(
    recorded: Recorded, frame: pd.DataFrame
) -> None:
    declared = aims.dataset(
        frame,
        "patients-train",
        source="hospital registry",
        licence="CC-BY-4.0",
        purpose="risk model",
        derived_from="patients",
    )
    assert declared is frame
    train(declared)
    (evidence,) = recorded("dataset")
    assert evidence.body["name"] == "patients-train"
    assert evidence.body["role"] == "train"
    assert evidence.body["source"] == "hospital registry"
    assert evidence.body["licence"] == "CC-BY-4.0"
    assert evidence.body["purpose"] == "risk model"
    assert evidence.body["derived_from"] == ["patients"]
    assert evidence.subjects[0].name == "dataset:patients-train"


def test_data_set_is_recorded_as_it_is_when_the_run_takes_it(
    recorded: Recorded, frame: pd.DataFrame
) -> None:
    before = aims.fingerprint(frame).sha256
    with aims.run("job", quality=False):
        aims.dataset(frame, "data", role="reference")
        frame.loc[0, "age"] = 99
    (evidence,) = recorded("dataset")
    assert evidence.body["sha256"] == before
    assert evidence.body["role"] == "reference"


def test_data_set_changed_after_its_declaration_is_recorded_with_the_change(
    recorded: Recorded, frame: pd.DataFrame
) -> None:
    aims.dataset(frame, "patients", source="registry")
    frame.loc[0, "age"] = 99
    train(frame)
    assert recorded("dataset")[0].body["sha256"] == aims.fingerprint(frame).sha256


def test_same_content_declared_and_passed_is_one_data_set(
    recorded: Recorded, frame: pd.DataFrame
) -> None:
    @aims.training(quality=False)
    def fit(data: pd.DataFrame) -> None:
        aims.dataset(data, "patients", source="registry")

    fit(frame)
    (evidence,) = recorded("dataset")
    assert evidence.body["name"] == "patients"


def test_declaration_dies_with_its_table() -> None:
    table = pd.DataFrame({"a": [1]})
    key = id(table)
    aims.dataset(table, "short-lived")
    assert key in capture_dataset._declared
    del table
    gc.collect()
    assert key not in capture_dataset._declared


def test_arrays_and_series_are_data_sets_too(recorded: Recorded, frame: pd.DataFrame) -> None:
    @aims.training(quality=False)
    def fit(X_train: np.ndarray, y_train: pd.Series) -> None:
        pass

    fit(np.arange(6.0).reshape(3, 2), frame["age"])
    assert [(e.body["name"], e.body["role"], e.body["rows"]) for e in recorded("dataset")] == [
        ("X_train", "train", 3),
        ("y_train", "train", 3),
    ]
    assert recorded("parameters")[0].body["left_out"]["X_train"].startswith("a table")


def test_file_is_a_data_set_by_its_content(
    recorded: Recorded, frame: pd.DataFrame, project: Path
) -> None:
    frame.to_parquet(project / "train.parquet")
    with aims.run("job", quality=False):
        path = aims.dataset("train.parquet", "patients", source="file")
    assert path == "train.parquet"
    assert recorded("dataset")[0].body["sha256"] == aims.fingerprint(frame).sha256


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("X_train", "train"),
        ("training-data", "train"),
        ("df_test", "test"),
        ("valid", "validation"),
        ("val_set", "validation"),
        ("eval", "evaluation"),
        ("reference", "reference"),
        ("latest", None),
        ("contest_data", None),
        ("constrained", None),
    ],
)
def test_role_is_told_from_the_name(name: str, role: str | None) -> None:
    assert capture_dataset._role_in(name) == role


def test_quality_is_measured_unless_switched_off(recorded: Recorded, frame: pd.DataFrame) -> None:
    pytest.importorskip("great_expectations")
    pytest.importorskip("aims_mlops.measures.quality.measure")
    train(frame)
    assert recorded("data-quality") == []
    with aims.run("job"):
        aims.dataset(frame, "patients")
    (quality,) = recorded("data-quality")
    (dataset,) = recorded("dataset", run=quality.run)
    assert quality.body["dataset"]["sha256"] == dataset.body["sha256"]
    assert "Zoidberg" not in json.dumps(quality.to_statement())


def test_tables_inside_a_tuple_or_dict_are_data_sets(
    recorded: Recorded, frame: pd.DataFrame
) -> None:
    @aims.training(quality=False)
    def fit(splits: dict[str, pd.DataFrame], pair: tuple[pd.DataFrame, int]) -> None:
        pass

    fit({"train": frame, "test": frame.head(2)}, (frame.tail(1), 3))
    assert [(e.body["name"], e.body["role"], e.body["rows"]) for e in recorded("dataset")] == [
        ("splits.train", "train", 3),
        ("splits.test", "test", 2),
        ("pair.0", None, 1),
    ]


SUITE = {"suite": "people", "columns": {"age": {"min": 40, "max": 120}}}


def test_suite_of_a_data_set_is_what_its_quality_is_held_against(
    recorded: Recorded, frame: pd.DataFrame
) -> None:
    pytest.importorskip("great_expectations")
    with aims.run("load"):
        aims.dataset(frame, "people", suite=SUITE)
    (quality,) = recorded("data-quality")
    assert quality.body["dataset"]["name"] == "people"
    assert quality.body["success"] is False  # somebody is 38
    asked = {expectation["type"] for expectation in quality.body["expectations"]}
    assert "expect_column_values_to_be_between" in asked


def test_suite_that_is_named_after_an_argument_was_captured_still_counts(
    recorded: Recorded, frame: pd.DataFrame
) -> None:
    pytest.importorskip("great_expectations")

    @aims.training
    def load(people: pd.DataFrame) -> None:
        aims.dataset(people, "people", suite=SUITE)

    load(frame)
    (quality,) = recorded("data-quality")
    assert quality.body["success"] is False
