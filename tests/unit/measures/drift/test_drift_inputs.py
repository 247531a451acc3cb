"""The same data through any library, in any batches, give the same figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
import pytest

from aims_mlops.measures.drift.measure import DriftResult, measure_drift
from aims_mlops.measures.drift.reference import build_reference_profile
from aims_mlops.measures.drift.samples import read_columns as drift_columns
from aims_mlops.measures.table.opening import open_table


def table(rows: int, seed: int, shift: float = 0.0) -> pa.Table:
    random = np.random.default_rng(seed)
    missing = random.random(rows) < 0.05
    return pa.table(
        {
            "number": pa.array(random.normal(shift, 1, rows), mask=missing),
            "whole": random.poisson(40, rows),
            "few": random.integers(0, 4, rows),
            "label": pa.array(random.choice(["a", "b", "c"], rows), mask=missing),
            "yes": random.random(rows) < 0.3,
            "text": [f"row {i} {'x' * (i % 9)}" for i in range(rows)],
            "time": pa.array(random.integers(0, 10**9, rows), pa.timestamp("s")),
        }
    )


def figures(result: DriftResult) -> dict[tuple[str, str | None], float | None]:
    return {(f.measure, f.group_text): f.value for f in result.figures}


def close(first: DriftResult, second: DriftResult, tolerance: float = 1e-12) -> None:
    left, right = figures(first), figures(second)
    assert left.keys() == right.keys()
    for key, value in left.items():
        assert value == pytest.approx(right[key], rel=tolerance, abs=tolerance), key
    assert first.verdict == second.verdict


def parquet(data: pa.Table, folder: Path) -> str:
    pq.write_table(data, folder / "data.parquet", row_group_size=101)
    return str(folder / "data.parquet")


def csv(data: pa.Table, folder: Path) -> Path:
    pcsv.write_csv(data, folder / "data.csv")
    return folder / "data.csv"


def folder_of_parquet(data: pa.Table, folder: Path) -> Path:
    for place in range(3):
        part = data.slice(place * 200, 200 if place < 2 else None)
        pq.write_table(part, folder / f"part-{place}.parquet")
    return folder


FORMS: dict[str, Callable[[pa.Table, Path], Any]] = {
    "pandas": lambda data, _: data.to_pandas(),
    "polars": lambda data, _: pl.from_arrow(data),
    "polars lazy": lambda data, _: pl.from_arrow(data).lazy(),
    "duckdb": lambda data, _: duckdb.from_arrow(data),
    "parquet": parquet,
    "csv": csv,
    "folder": folder_of_parquet,
    "batches": lambda data, _: [data.slice(0, 1), data.slice(1, 300), data.slice(301)],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kept", [False, True])
def test_every_form_of_input_gives_the_same_result(form: str, kept: bool, tmp_path: Path) -> None:
    before, after = table(700, 1), table(600, 2, shift=0.4)
    expected = measure_drift(before, after)
    current = FORMS[form](after, tmp_path)
    if kept:
        found = measure_drift(build_reference_profile(before), current)
    else:
        found = measure_drift(before, current)
    close(found, expected)


@pytest.mark.parametrize("form", ["pandas", "polars", "duckdb", "parquet", "batches"])
def test_every_form_of_reference_gives_the_same_profile(form: str, tmp_path: Path) -> None:
    data = table(700, 1)
    expected = build_reference_profile(data, name="r").sha256
    assert build_reference_profile(FORMS[form](data, tmp_path), name="r").sha256 == expected


@pytest.mark.parametrize("text", [pa.string(), pa.large_string()])
def test_texts_that_parquet_keeps_as_a_dictionary_are_no_categories(
    text: pa.DataType, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    few = pa.array(random.choice(["north", "south", None], 8_000), text)
    notes = pa.array([f"note {i}" for i in range(9_000)], text)
    pq.write_table(pa.table({"x": few}), tmp_path / "coded.parquet")
    pq.write_table(pa.table({"x": few}), tmp_path / "plain.parquet", use_dictionary=False)
    pq.write_table(pa.table({"x": notes}), tmp_path / "notes.parquet")
    for name, coded in (("coded", True), ("plain", False), ("notes", False)):
        opened = open_table(tmp_path / f"{name}.parquet", dictionaries=True)
        (column,) = next(iter(opened.batches())).columns
        assert pa.types.is_dictionary(column().type) == coded
    data = pa.table({"x": few})
    paths = [str(tmp_path / f"{name}.parquet") for name in ("coded", "plain", "notes")]
    close(measure_drift(paths[0], paths[1]), measure_drift(data, data))
    assert measure_drift(paths[0], paths[1]).columns["x"]["kind"] == "categorical"
    both = [paths[0], paths[2]]
    assert measure_drift(both, both).columns["x"]["kind"] == "text"  # most of the texts differ


def test_texts_of_several_arrow_types_are_one_column(tmp_path: Path) -> None:
    data = pa.table({"x": pa.array(["a", "b"] * 50)})
    pq.write_table(data, tmp_path / "x.parquet")
    large = pa.table({"x": pa.array(["a", "b"] * 50, pa.large_string())})
    found = measure_drift(data, [str(tmp_path / "x.parquet"), large, pl.from_arrow(data)])
    assert found.columns["x"]["kind"] == "categorical"
    assert found.figure("jensenshannon", {"column": "x"}).value == pytest.approx(0.0, abs=1e-12)


def test_categories_of_pandas_are_labels_even_if_all_differ() -> None:
    frame = pd.DataFrame({"x": pd.Categorical([f"c{i}" for i in range(50)])})
    assert measure_drift(frame, frame).columns["x"]["kind"] == "categorical"


def test_stream_larger_than_its_share_of_memory_is_close_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before, after = table(30_000, 1), table(30_000, 2, shift=0.3)
    exact = measure_drift(before, after)
    monkeypatch.setattr(drift_columns, "_HELD", 5_000)
    monkeypatch.setattr(drift_columns, "_POINTS", 2_000)
    parts = [after.slice(at, 3_000) for at in range(0, 30_000, 3_000)]
    streamed = measure_drift(before, parts)
    group = {"column": "number"}
    found, expected = (r.figure("wasserstein", group).value for r in (streamed, exact))
    assert found == pytest.approx(expected, rel=0.01)
    assert streamed.drifted == exact.drifted
    text = streamed.figure("wasserstein", group).method
    assert text is not None
    assert "weighted points" in text
    # What has few different values stays exact, however long the stream.
    for measure, name in (("wasserstein", "whole"), ("jensenshannon", "few")):
        group = {"column": name}
        expected = exact.figure(measure, group).value
        assert streamed.figure(measure, group).value == pytest.approx(expected, rel=1e-9)
