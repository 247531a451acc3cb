"""A monitored function does what it did before, and what it did is in the log."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import aims_mlops as aims
from aims_mlops.errors import InputError
from aims_mlops.inference_log.recorder.recorders import forget_recorders
from aims_mlops.inference_log.storage.hashing import hashed
from aims_mlops.inventory.project import Project

Rows = Callable[[], list[dict[str, Any]]]
Bodies = Callable[..., list[dict[str, Any]]]

ROW = {"income": 1000.0, "colour": "red", "name": "ada", "age": 30, "street": "x"}


@aims.monitored(system="loans")
def predict(features: Any, **_: Any) -> Any:
    return [0.25] * len(features)


def test_features_are_kept_hashed_bucketed_or_left_out_as_aims_yaml_says(
    project: Project, logged: Rows
) -> None:
    predict(pd.DataFrame([ROW]))
    (row,) = logged()
    key = (project.root / ".aims" / "inference-state" / "hash.key").read_bytes()
    assert row["income"] == 1000.0
    assert row["colour"] == "red"
    assert row["name"] == hashed("ada", key) != hashed("ada", bytes(32))
    assert row["age"] == "[18, 65)"
    assert "street" not in row
    assert row["prediction"] == 0.25
    assert row["latency_ms"] >= 0
    assert row["request_id"] == aims.request_id()


@pytest.mark.parametrize(
    "batch",
    [
        pd.DataFrame([ROW, ROW]),
        pl.DataFrame([ROW, ROW]),
        pa.Table.from_pylist([ROW, ROW]),
        [ROW, dict(ROW)],
    ],
    ids=["pandas", "polars", "arrow", "rows"],
)
def test_batches_of_every_kind_become_the_same_rows(
    batch: Any, project: Project, logged: Rows
) -> None:
    predict(batch)
    rows = logged()
    assert [row["row"] for row in rows] == [0, 1]
    assert {row["income"] for row in rows} == {1000.0}
    assert {row["colour"] for row in rows} == {"red"}
    assert {row["age"] for row in rows} == {"[18, 65)"}
    assert len({row["name"] for row in rows}) == 1


def test_hash_of_a_value_is_the_same_whatever_library_brings_it(
    project: Project, logged: Rows
) -> None:
    for batch in (pd.DataFrame([ROW]), pl.DataFrame([ROW]), [ROW]):
        predict(batch)
    assert len({row["name"] for row in logged()}) == 1


def test_columns_as_a_mapping_and_a_single_row_are_understood(
    project: Project, logged: Rows
) -> None:
    @aims.monitored(system="loans")
    def by_column(features: Any) -> Any:
        return {"prediction": [1, 0], "score": [0.9, 0.1]}

    @aims.monitored(system="loans")
    def one(features: Any) -> Any:
        return {"prediction": 1, "score": 0.7}

    by_column({"income": [1.0, 2.0], "colour": ["red", "blue"]})
    one({"income": 3.0})
    rows = logged()
    assert [(r["income"], r["colour"], r["prediction"], r["score"]) for r in rows] == [
        (1.0, "red", 1, 0.9),
        (2.0, "blue", 0, 0.1),
        (3.0, None, 1, 0.7),
    ]


def test_features_of_an_array_are_named_by_place(tmp_path: Path, project: Project) -> None:
    (tmp_path / "aims.yaml").write_text(
        "systems:\n  - id: loans\n    inference: {folder: log, allow: ['1']}\n"
    )
    predict(np.array([[1.0, 2.0], [3.0, 4.0]]))
    forget_recorders()
    table = pd.read_parquet(project.root / "log" / "system=loans")
    assert sorted(table["1"]) == [2.0, 4.0]


def test_async_function_stays_one_and_is_logged(project: Project, logged: Rows) -> None:
    @aims.monitored(system="loans")
    async def later(features: Any) -> Any:
        await asyncio.sleep(0)
        return [1]

    async def ask() -> tuple[Any, str | None]:
        return await later([ROW]), aims.request_id()

    assert asyncio.iscoroutinefunction(later)
    answer, id_ = asyncio.run(ask())
    assert answer == [1]
    assert [row["request_id"] for row in logged()] == [id_]


def test_result_is_the_very_object_that_the_function_returned(project: Project) -> None:
    answer = np.array([1.0])

    @aims.monitored(system="loans")
    def same(features: Any) -> Any:
        return answer

    assert same([ROW]) is answer


def test_error_of_the_function_is_raised_unchanged_and_counted(
    project: Project, told: Bodies
) -> None:
    wrong = ValueError("no such branch")

    @aims.monitored(system="loans")
    def fails(features: Any) -> Any:
        raise wrong

    with pytest.raises(ValueError, match="no such branch") as caught:
        fails([ROW])
    assert caught.value is wrong
    (body,) = told()
    assert (body["calls"], body["failed_calls"]) == (0, 1)
    assert body["errors"] == {"ValueError": 1}


@pytest.mark.parametrize(
    "batch",
    [pd.DataFrame([ROW]), pl.DataFrame([ROW]), [dict(ROW)]],
    ids=["pandas", "polars", "rows"],
)
def test_input_that_is_changed_after_or_during_the_call_is_logged_as_given(
    batch: Any, project: Project, logged: Rows
) -> None:
    @aims.monitored(system="loans")
    def changes(features: Any) -> Any:
        if isinstance(features, list):
            features[0]["income"] = -1.0
        else:
            features[0, "income"] = -1.0  # polars in place; a new column in pandas
            if isinstance(features, pd.DataFrame):
                features.loc[:, "income"] = -1.0
        return [1]

    changes(batch)
    if isinstance(batch, pd.DataFrame):
        batch["income"] = -2.0
    assert [row["income"] for row in logged()] == [1000.0]


def test_array_that_is_changed_after_the_call_is_logged_as_it_was(
    project: Project, logged: Rows
) -> None:
    answer = np.array([0.5])

    @aims.monitored(system="loans")
    def reuses(features: Any) -> Any:
        return answer

    reuses([ROW])
    answer[0] = 9.0
    assert [row["prediction"] for row in logged()] == [0.5]


def test_request_id_is_taken_from_the_keyword_the_block_or_made(
    project: Project, logged: Rows
) -> None:
    from aims_mlops.inference_log.recorder.request import use_request_id

    predict([ROW], request_id="given")
    with use_request_id("of the block"):
        predict([ROW])
    predict([ROW])
    ids = [row["request_id"] for row in logged()]
    assert ids[:2] == ["given", "of the block"]
    assert ids[2][14] == "7"
    assert len(ids[2]) == 36


def test_function_with_a_request_id_of_its_own_gets_it(project: Project, logged: Rows) -> None:
    @aims.monitored(system="loans")
    def named(features: Any, request_id: str = "") -> Any:
        return [request_id]

    assert named([ROW], request_id="mine") == ["mine"]
    assert [row["request_id"] for row in logged()] == ["mine"]


def test_method_is_logged_by_its_first_argument_after_self(project: Project, logged: Rows) -> None:
    class Model:
        @aims.monitored(system="loans")
        def predict(self, features: Any) -> Any:
            return [1]

    Model().predict(features=[ROW])
    assert [row["income"] for row in logged()] == [1000.0]


def test_generator_and_function_without_arguments_are_refused() -> None:
    with pytest.raises(InputError, match="a generator"):

        @aims.monitored(system="loans")
        def stream(features: Any) -> Any:
            yield 1

    with pytest.raises(InputError, match="an argument with the features"):
        aims.monitored(system="loans")(lambda: 1)


def test_sample_keeps_the_same_requests_each_time_and_about_its_share(
    tmp_path: Path, project: Project, told: Bodies
) -> None:
    (tmp_path / "aims.yaml").write_text(
        "systems:\n  - id: loans\n    inference: {folder: log, sample: 0.25, seed: a}\n"
    )
    for _ in range(2):
        for number in range(400):
            predict([ROW], request_id=f"r{number}")
        forget_recorders()
    table = pd.read_parquet(project.root / "log" / "system=loans")
    ids = table["request_id"].value_counts()
    assert set(ids) == {2}
    # 400 draws at 0.25: mean 100, standard deviation 8.7; five of them.
    assert abs(len(ids) - 100) < 44
    bodies = told()
    assert [body["rows"] for body in bodies] == [400, 400]
    assert [body["sampled"] for body in bodies] == [len(ids)] * 2


def test_unknown_system_is_raised_under_pytest_and_logged_once_elsewhere(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    @aims.monitored(system="cards")
    def elsewhere(features: Any) -> Any:
        return [1]

    with pytest.raises(InputError, match="names no such AI system"):
        elsewhere([ROW])
    monkeypatch.setenv("AIMS_CAPTURE_ERRORS", "warn")
    with caplog.at_level(logging.ERROR, "aims_mlops.inference"):
        assert elsewhere([ROW]) == elsewhere([ROW]) == [1]
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_capture_that_is_switched_off_logs_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMS_CAPTURE", "off")

    @aims.monitored(system="loans")
    def off(features: Any) -> Any:
        return [1]

    assert off([ROW]) == [1]
    assert not (project.root / "log").exists()


def test_missing_and_retyped_features_are_told_and_kept(
    project: Project, logged: Rows, told: Bodies
) -> None:
    predict(pd.DataFrame([ROW]))
    predict(pd.DataFrame([{**ROW, "income": "a lot"}]))
    predict(pd.DataFrame([{"colour": "red", "new": 1}]))
    (body,) = told()
    assert body["columns"]["missing"] == {"income": 1, "name": 1, "age": 1}
    assert body["columns"]["retyped"] == {"income": 1}
    assert body["columns"]["left_out"] == ["new", "street"]
    rows = logged()
    assert [row["income"] for row in rows] == [1000.0, None, None]
    assert rows[1]["retyped"] == '{"income": "a lot"}'


def test_bucketed_feature_that_is_no_number_does_not_leave_its_value(
    project: Project, logged: Rows
) -> None:
    predict([{**ROW, "age": "thirty"}, {**ROW, "age": math.nan}])
    rows = logged()
    assert [row["age"] for row in rows] == ["not a number", None]
    assert {row["retyped"] for row in rows} == {None}


def test_files_of_all_days_and_processes_have_one_schema(project: Project) -> None:
    import pyarrow.parquet as pq

    for batch in ([ROW], [{**ROW, "income": 7}], [{"colour": None}], pd.DataFrame([ROW])):
        predict(batch)
        forget_recorders()  # the next call begins as a new process would
    files = sorted((project.root / "log" / "system=loans").rglob("*.parquet"))
    assert len(files) == 4
    assert len({str(pq.read_schema(file).remove_metadata()) for file in files}) == 1


def test_empty_batch_is_counted_and_leaves_no_row(project: Project, told: Bodies) -> None:
    assert predict(pd.DataFrame([ROW]).iloc[:0]) == []
    (body,) = told()
    assert (body["calls"], body["rows"], body["files"]) == (1, 0, [])
