"""One column that cannot be read costs a table that column, not its records."""

from __future__ import annotations

import decimal
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import aims_mlops as aims
from aims_mlops.evidence.records import Evidence
from aims_mlops.measures.fingerprint.table_digest import fingerprint

Recorded = Callable[..., list[Evidence]]
pytestmark = [
    pytest.mark.usefixtures("fails_open"),
    pytest.mark.filterwarnings("ignore::aims_mlops.errors.CaptureWarning"),
]

ROWS = 40
GOOD = pd.DataFrame({f"f{i}": np.arange(ROWS) * (i + 1.5) for i in range(3)})

ODD: dict[str, Any] = {
    "numbers and text": pd.Series([1, "Zoidberg"] * (ROWS // 2), dtype=object),
    "numbers, text and nothing": pd.Series([1.5, "Zoidberg", None, 2] * (ROWS // 4), dtype=object),
    "periods": pd.Series(pd.period_range("2020-01", periods=ROWS, freq="D")),
    "complex numbers": np.ones(ROWS) + 1j,
    "sets": pd.Series([{"Zoidberg", "Nibbler"}] * ROWS),
    "Python objects": pd.Series([object()] * ROWS),
    "lists of lists and numbers": pd.Series([[1, [2]], [3]] * (ROWS // 2)),
    "bytes and text": pd.Series([b"Zoidberg", "Zoidberg"] * (ROWS // 2), dtype=object),
    "times with and without zones": pd.Series(
        [pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-01", tz="UTC")] * (ROWS // 2),
        dtype=object,
    ),
}


@aims.training
def train(data: Any) -> None: ...


@pytest.mark.parametrize("kind", ODD)
def test_odd_column_is_named_and_the_rest_is_recorded(kind: str, recorded: Recorded) -> None:
    pytest.importorskip("great_expectations")
    train(GOOD.assign(bad=ODD[kind]))
    (dataset,) = recorded("dataset")
    assert [column["name"] for column in dataset.body["columns"]] == list(GOOD.columns)
    assert list(dataset.body["left_out"]) == ["bad"]
    assert dataset.body["sha256"] == fingerprint(GOOD).sha256
    assert dataset.body["rows"] == ROWS
    assert dataset.body["profile"] is not None
    assert len(recorded("data-quality")) == 1
    (gap,) = recorded("gap")
    assert gap.body["where"] == "dataset data"
    assert "'bad'" in gap.body["message"]
    assert "Zoidberg" not in str([e.to_statement() for e in recorded()])


def test_column_names_that_repeat_cost_only_these_columns(recorded: Recorded) -> None:
    train(pd.concat([GOOD, GOOD[["f0"]]], axis=1))
    (dataset,) = recorded("dataset")
    assert [column["name"] for column in dataset.body["columns"]] == ["f1", "f2"]
    assert "'f0' occurs more than once" in recorded("gap")[0].body["message"]


def test_column_of_polars_objects_is_named_and_the_rest_is_recorded(recorded: Recorded) -> None:
    objects = pl.Series("bad", [object()] * 3, dtype=pl.Object)
    train(pl.DataFrame({"a": [1, 2, 3]}).with_columns(objects))
    (dataset,) = recorded("dataset")
    assert [column["name"] for column in dataset.body["columns"]] == ["a"]
    assert list(dataset.body["left_out"]) == ["bad"]


def test_index_of_periods_is_left_out_by_name(recorded: Recorded) -> None:
    train(GOOD.set_axis(pd.period_range("2020-01", periods=ROWS, freq="D")))
    (dataset,) = recorded("dataset")
    assert list(dataset.body["left_out"]) == ["__index_level_0__"]


def test_only_odd_columns_are_a_gap_and_no_record(recorded: Recorded) -> None:
    train(pd.DataFrame({"a": [1, "Zoidberg"], "b": [1 + 1j, 2]}))
    assert recorded("dataset") == []
    (gap,) = recorded("gap")
    assert "'a'" in gap.body["message"]
    assert "'b'" in gap.body["message"]
    assert "Zoidberg" not in gap.body["message"]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([decimal.Decimal("1.5")] * ROWS),
        pd.Series([[1, 2], [3]] * (ROWS // 2)),
        pd.Series(pd.cut(np.arange(ROWS), 4)),
    ],
    ids=["decimals", "lists", "intervals"],
)
def test_column_that_can_be_read_is_in_the_digest(column: Any, recorded: Recorded) -> None:
    train(GOOD.assign(fine=column))
    (dataset,) = recorded("dataset")
    assert len(dataset.body["columns"]) == 4
    assert "left_out" not in dataset.body
