"""The same figures whichever form a table comes in: every source and every measure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather as feather
import pytest

import aims_mlops as aims
from aims_mlops.errors import InputError

ROWS = 600


def table() -> pd.DataFrame:
    random = np.random.default_rng(3)
    true = random.choice(["no", "yes"], ROWS).astype(object)
    predicted = np.where(random.random(ROWS) < 0.7, true, "no").astype(object)
    sex = random.choice(["F", "M"], ROWS).astype(object)
    true[100:140], predicted[140:160], sex[:100] = None, None, None
    age = random.integers(18, 90, ROWS).astype(float)
    age[5] = np.nan
    return pd.DataFrame({"y": true, "p": predicted, "sex": sex, "age": age})


def csv(name: str = "t.csv", **settings: Any) -> Callable[[pd.DataFrame, Path], str]:
    def write(frame: pd.DataFrame, folder: Path) -> str:
        path = folder / name
        frame.to_csv(path, index=False, **settings)
        return str(path)

    return write


def _parquet(frame: pd.DataFrame, folder: Path) -> str:
    frame.to_parquet(folder / "t.parquet")
    return str(folder / "t.parquet")


def _feather(frame: pd.DataFrame, folder: Path) -> str:
    feather.write_feather(frame, str(folder / "t.feather"), compression="uncompressed")
    return str(folder / "t.feather")


def _folder(frame: pd.DataFrame, folder: Path) -> str:
    parts = folder / "parts"
    parts.mkdir()
    frame[:300].to_csv(parts / "a.csv", index=False)
    frame[300:].to_csv(parts / "b.csv", index=False)
    return str(parts)


SOURCES: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "frame": lambda frame, _: frame,
    "parquet": _parquet,
    "feather": _feather,
    "csv": csv(),
    "csv with NA": csv(na_rep="NA"),
    "csv of bytes order mark": csv(encoding="utf-8-sig"),
    "csv.gz": csv(name="t.csv.gz"),
    "tsv": csv(name="t.tsv", sep="\t"),
    "folder of csv": _folder,
    "polars": lambda frame, _: pl.from_pandas(frame),
    "polars, lazy": lambda frame, _: pl.from_pandas(frame).lazy(),
    "arrow": lambda frame, _: pa.Table.from_pandas(frame),
    "duckdb": lambda frame, _: duckdb.from_arrow(pa.Table.from_pandas(frame)),
}

LABELS: dict[str, Any] = {"y_true": "y", "y_pred": "p", "positive_label": "yes"}


def figures(result: Any) -> list[tuple[Any, ...]]:
    return [
        (f.measure, f.group_text, f.value and round(f.value, 12), f.n)
        for f in sorted(result.figures, key=lambda f: (f.measure, f.group_text or ""))
    ]


MEASURES: dict[str, Callable[[Any, Any], Any]] = {
    "bias": lambda data, _: figures(aims.measure_bias(data, sensitive="sex", **LABELS)),
    "performance": lambda data, _: figures(aims.measure_performance(data, groups="sex", **LABELS)),
    "left out": lambda data, _: sorted(
        (entry.what, entry.n or 0)
        for entry in aims.measure_bias(data, sensitive="sex", **LABELS).left_out
    ),
    "drift": lambda data, reference: figures(aims.measure_drift(reference, data)),
    "quality": lambda data, _: figures(aims.measure_quality(data)),
    "digest": lambda data, _: aims.fingerprint(data).sha256,
    "profile": lambda data, _: [
        (c.name, c.nulls, c.distinct, c.mean and round(c.mean, 9))
        for c in aims.profile_table(data).columns
    ],
}


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("source", [name for name in SOURCES if name != "frame"])
def test_a_measure_says_the_same_of_every_source(source: str, measure: str, tmp_path: Path) -> None:
    frame = table()
    reference = table().sample(frac=1.0, random_state=1)
    data = SOURCES[source](frame, tmp_path)
    found = MEASURES[measure](data, reference)
    assert found
    assert found == MEASURES[measure](frame, reference)


def test_missing_text_of_a_csv_file_is_no_label(tmp_path: Path) -> None:
    """It was the label '', which made the task one of several classes."""
    path = csv()(table(), tmp_path)
    result = aims.measure_bias(path, sensitive="sex", **LABELS)
    assert result.extra["task"] == "binary"
    assert any(f.measure == "four_fifths_ratio" for f in result.figures)
    assert {"sex": "(unknown)"} in [f.group for f in result.figures]


LATE = "y,p,sex\n" + "1,0,1\n" * 3_000_000 + "1,0,Zwingenberger\n"
ODD_FILES = {
    "late type": LATE,
    "repeated header": "y,p,p,sex\n1,1,1,a\n",
}


@pytest.mark.parametrize("kind", ODD_FILES)
def test_csv_file_that_is_no_table_is_our_error_without_its_values(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(ODD_FILES[kind])
    with pytest.raises(InputError) as raised:
        aims.measure_bias(str(path), y_true="y", y_pred="p", sensitive="sex")
    assert "Zwingenberger" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_text_that_is_not_utf_8_is_our_error(tmp_path: Path) -> None:
    path = csv(encoding="latin-1")(table().assign(sex="Zoë"), tmp_path)
    with pytest.raises(InputError, match="not UTF-8"):
        aims.measure_bias(path, sensitive="sex", **LABELS)


ODD_COLUMNS: dict[str, Any] = {
    "period": pd.Series(pd.period_range("2020", periods=8, freq="M")),
    "interval": pd.Series(pd.interval_range(0, 8)),
    "lists": pd.Series([[1, 2]] * 8),
    "sparse": pd.Series(pd.arrays.SparseArray([0, 1] * 4)),
    "sets": pd.Series([{1}] * 8),
    "mixed": pd.Series(["a", 1] * 4, dtype=object),
    "complex": pd.Series([1j] * 8),
    "chunked dictionary": pa.chunked_array(
        [pa.array(["a", "b"] * 2).dictionary_encode(), pa.array(["b", "c"] * 2).dictionary_encode()]
    ),
    "arrow-backed category": pd.Series(["a", "b"] * 4, dtype="category").astype(
        pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))
    ),
}


UNUSABLE = {"array": {"lists", "sets", "mixed", "complex"}, "frame": {"lists", "sets"}}


@pytest.mark.parametrize("kind", ODD_COLUMNS)
@pytest.mark.parametrize("place", ["array", "frame"])
def test_odd_column_of_groups_is_measured_or_our_error(kind: str, place: str) -> None:
    column = ODD_COLUMNS[kind]
    labels = [0, 1] * 4
    given: dict[str, Any] = {"y_true": labels, "y_pred": labels, "sensitive": column}
    if place == "frame":
        series = column.to_pandas() if isinstance(column, pa.ChunkedArray) else column
        frame = pd.DataFrame({"y": labels, "p": labels, "g": series})
        given = {"data": frame, "y_true": "y", "y_pred": "p", "sensitive": "g"}
    if kind in UNUSABLE[place]:
        with pytest.raises(InputError) as raised:
            aims.measure_bias(**given)
        assert raised.value.__cause__ is None
    else:
        assert aims.measure_bias(**given).figures
