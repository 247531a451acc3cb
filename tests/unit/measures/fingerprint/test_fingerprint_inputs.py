"""One table through every library, and the changes that must and must not show."""

import datetime as dt
import decimal
import pickle
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from aims_mlops.errors import InputError
from aims_mlops.measures.fingerprint.table_digest import fingerprint

ROWS = 400
ADULT = Path(__file__).parents[5] / "shared" / "data" / "adult-train.csv.gz"


@pytest.fixture(scope="module")
def frame():
    """A pandas frame with every kind of column that pandas and Arrow share."""
    random = np.random.default_rng(7)
    start = dt.datetime(2024, 3, 1, 12, 30)
    return pd.DataFrame(
        {
            "float": np.where(random.random(ROWS) < 0.1, np.nan, random.normal(size=ROWS)),
            "negative_zero": np.where(random.random(ROWS) < 0.5, -0.0, 0.0),
            "float32": random.normal(size=ROWS).astype("float32"),
            "int64": random.integers(-9, 9, ROWS),
            "int8": random.integers(0, 9, ROWS).astype("int8"),
            "uint16": random.integers(0, 9, ROWS).astype("uint16"),
            "bool": random.random(ROWS) < 0.5,
            "text": random.choice(["a", "bbb", "é", None], ROWS),
            "category": pd.Categorical(random.choice(["x", "y"], ROWS)),
            "time": pd.date_range("2020-01-01", periods=ROWS, freq="h"),
            "zoned": pd.date_range("2020-01-01", periods=ROWS, freq="h", tz="Europe/Berlin"),
            "date": [dt.date(2020, 1, 1) + dt.timedelta(days=i) for i in range(ROWS)],
            "duration": [dt.timedelta(seconds=i) for i in range(ROWS)],
            "time_of_day": [(start + dt.timedelta(seconds=i)).time() for i in range(ROWS)],
            "decimal": [decimal.Decimal("1.50")] * ROWS,
            "bytes": [b"a\x00"] * ROWS,
            "vector": list(random.normal(size=(ROWS, 3))),
            "nothing": [None] * ROWS,
            "masked": pd.array(random.choice([True, False, None], ROWS), dtype="boolean"),
        }
    )


def as_parquet(frame, path):
    frame.to_parquet(path, row_group_size=64)
    return path


WAYS = {
    "pandas from parquet": lambda f, p: pd.read_parquet(as_parquet(f, p)),
    "polars": lambda f, p: pl.from_pandas(f),
    "lazy polars": lambda f, p: pl.from_pandas(f).lazy(),
    "polars from parquet": lambda f, p: pl.read_parquet(as_parquet(f, p)),
    "pyarrow": lambda f, p: pa.Table.from_pandas(f),
    "pyarrow in pieces": lambda f, p: pa.concat_tables(
        [pa.Table.from_pandas(f).slice(0, 133), pa.Table.from_pandas(f).slice(133)]
    ),
    "record batches": lambda f, p: pa.Table.from_pandas(f).to_reader(max_chunksize=50),
    "duckdb": lambda f, p: duckdb.connect().from_arrow(pa.Table.from_pandas(f)),
    "parquet": lambda f, p: as_parquet(f, p),
    "parquet as text": lambda f, p: str(as_parquet(f, p)),
}


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_same_table_through_another_library_has_the_same_digest(frame, tmp_path, way, ordered):
    other = WAYS[way](frame, tmp_path / "table.parquet")
    assert fingerprint(other, ordered=ordered) == fingerprint(frame, ordered=ordered)


def test_a_folder_of_parquet_files_is_one_table(frame, tmp_path):
    frame.iloc[:100].to_parquet(tmp_path / "part-0.parquet")
    frame.iloc[100:].to_parquet(tmp_path / "part-1.parquet")
    (tmp_path / "_SUCCESS").touch()
    assert fingerprint(tmp_path) == fingerprint(frame)


def test_csv_has_the_digest_of_the_table_that_arrow_reads_from_it(tmp_path):
    data = pa.table({"n": [1, 2, 3], "s": ["a", None, "c"], "f": [0.5, None, 2.0]})
    csv.write_csv(data, tmp_path / "t.csv")
    assert fingerprint(tmp_path / "t.csv") == fingerprint(data)


def test_arrow_file_has_the_digest_of_its_table(tmp_path):
    data = pa.table({"n": [1, 2, 3]})
    with pa.ipc.new_file(tmp_path / "t.arrow", data.schema) as writer:
        writer.write_table(data)
    assert fingerprint(tmp_path / "t.arrow") == fingerprint(data)


@pytest.mark.skipif(not ADULT.exists(), reason="the Adult data do not stand beside the project")
def test_adult_data_have_one_digest_through_pandas_polars_and_parquet(tmp_path):
    names = [f"c{place}" for place in range(15)]
    adult = pd.read_csv(ADULT, header=None, names=names, skipinitialspace=True, na_values="?")
    adult.to_parquet(tmp_path / "adult.parquet")
    found = fingerprint(adult)
    assert found.rows == 32_561
    assert found.columns[1].nulls == 1_836  # workclass '?', counted with grep
    assert fingerprint(pl.from_pandas(adult)) == found
    assert fingerprint(tmp_path / "adult.parquet") == found


def test_numpy_matrix_is_a_table_of_numbered_columns():
    matrix = np.arange(6.0).reshape(3, 2)
    by_name = pd.DataFrame({"0": matrix[:, 0], "1": matrix[:, 1]})
    assert fingerprint(matrix) == fingerprint(by_name) == fingerprint(pd.DataFrame(matrix))
    assert fingerprint(np.asfortranarray(matrix)) == fingerprint(by_name)
    assert fingerprint(matrix.astype(">f8")) == fingerprint(by_name)


def test_series_is_a_table_of_one_column():
    series = pd.Series([1, 2], name="y")
    assert fingerprint(series) == fingerprint({"y": np.array([1, 2])})
    assert fingerprint(pl.Series("y", [1, 2])) == fingerprint(series)


# What must show: each of these is another table than {"x": [1, 2, 3], "y": ["a", "b", None]}.
CHANGES = {
    "last value": {"x": [1, 2, 4], "y": ["a", "b", None]},
    "row order": {"x": [2, 1, 3], "y": ["b", "a", None]},
    "column order": {"y": ["a", "b", None], "x": [1, 2, 3]},
    "name": {"x": [1, 2, 3], "z": ["a", "b", None]},
    "empty text for missing": {"x": [1, 2, 3], "y": ["a", "b", ""]},
    "a row less": {"x": [1, 2], "y": ["a", "b"]},
    "another type": {"x": [1.0, 2.0, 3.0], "y": ["a", "b", None]},
    "border between texts": {"x": [1, 2, 3], "y": ["ab", "", None]},
    "missing elsewhere": {"x": [1, 2, 3], "y": ["a", None, "b"]},
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_of_content_or_schema_changes_the_digest(change):
    before = fingerprint(pa.table({"x": [1, 2, 3], "y": ["a", "b", None]}))
    assert fingerprint(pa.table(CHANGES[change])).sha256 != before.sha256


def test_change_in_row_ten_thousand_and_one_shows():
    values = np.zeros(20_000)
    before = fingerprint({"x": values})
    values[10_001] = 1.0
    assert fingerprint({"x": values}).sha256 != before.sha256


def test_changed_column_is_told_apart_by_its_digest():
    before = fingerprint(pa.table({"x": [1, 2], "y": ["a", "b"]}))
    after = fingerprint(pa.table({"x": [1, 2], "y": ["a", "c"]}))
    assert [b.sha256 == a.sha256 for b, a in zip(before.columns, after.columns, strict=True)] == [
        True,
        False,
    ]


def test_renamed_column_keeps_its_own_digest():
    before, after = fingerprint({"x": [1, 2]}), fingerprint({"z": [1, 2]})
    assert before.columns[0].sha256 == after.columns[0].sha256
    assert before.sha256 != after.sha256


@pytest.mark.parametrize("seed", range(5))
def test_permuting_rows_keeps_the_unordered_digest_only(frame, seed):
    shuffled = frame.sample(frac=1, random_state=seed)
    assert fingerprint(shuffled, ordered=False) == fingerprint(frame, ordered=False)
    assert fingerprint(shuffled).sha256 != fingerprint(frame).sha256


def test_repeated_row_changes_the_unordered_digest():
    once, twice = pa.table({"x": [1, 2]}), pa.table({"x": [1, 2, 2]})
    assert fingerprint(once, ordered=False).sha256 != fingerprint(twice, ordered=False).sha256


def test_nan_payload_and_sign_do_not_show():
    odd = np.array([0x7FF8000000000001, 0xFFF8000000000000], "u8").view("f8")
    assert fingerprint({"x": np.append(odd, 1.0)}) == fingerprint({"x": [None, None, 1.0]})


def test_bytes_behind_a_null_do_not_show():
    mask = pa.array([False, True, False]).buffers()[1]
    del mask
    values = pa.array(["a", "secret", "c"])
    valid = pa.py_buffer(bytes([0b101]))
    hidden = pa.Array.from_buffers(pa.string(), 3, [valid, *values.buffers()[1:]])
    assert fingerprint(pa.table({"x": hidden})) == fingerprint(pa.table({"x": ["a", None, "c"]}))


def test_unit_of_a_time_does_not_show_but_its_nanoseconds_do():
    stamps = pd.to_datetime(["2024-01-01 00:00:01", "1900-05-05 10:00:00"])
    digests = {
        fingerprint(pd.DataFrame({"t": stamps.as_unit(unit)})).sha256
        for unit in ("s", "ms", "us", "ns")
    }
    later = pd.DataFrame({"t": stamps.as_unit("ns") + pd.Timedelta(1, "ns")})
    assert len(digests) == 1
    assert fingerprint(later).sha256 not in digests


def test_records_whose_keys_come_in_another_order_are_the_same():
    one = pd.DataFrame({"r": [{"b": 1}, {"a": 2, "b": 3}]})
    other = pd.DataFrame({"r": [{"a": None, "b": 1}, {"b": 3, "a": 2}]})
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(one.iloc[::-1], ordered=False) == fingerprint(one, ordered=False)


def test_same_instants_in_another_zone_have_the_same_digest():
    berlin = pd.DataFrame({"t": pd.date_range("2024-01-01", periods=3, tz="Europe/Berlin")})
    tokyo = pd.DataFrame({"t": berlin["t"].dt.tz_convert("Asia/Tokyo")})
    naive = pd.DataFrame({"t": berlin["t"].dt.tz_convert("UTC").dt.tz_localize(None)})
    assert fingerprint(tokyo) == fingerprint(berlin)
    assert fingerprint(naive).sha256 != fingerprint(berlin).sha256


def test_datetimes_of_mixed_zones_count_by_instant():
    zones = [dt.timezone(dt.timedelta(hours=h)) for h in (0, 2)]
    instants = [
        dt.datetime(2024, 1, 1, 10 + h, tzinfo=z) for h, z in zip((0, 2), zones, strict=True)
    ]
    mixed = pd.DataFrame({"t": pd.Series(instants, dtype=object)})
    same = pd.DataFrame({"t": pd.to_datetime(["2024-01-01 10:00"] * 2).tz_localize("UTC")})
    assert fingerprint(mixed) == fingerprint(same)


class TestIndex:
    def test_range_index_does_not_count(self):
        frame = pd.DataFrame({"x": [1, 2, 3]})
        moved = frame.set_axis(pd.RangeIndex(10, 16, 2))
        assert fingerprint(moved) == fingerprint(frame)

    def test_labels_left_by_filtering_do_not_count(self):
        frame = pd.DataFrame({"x": [5, 1, 2, 3]})
        kept = frame[frame["x"] < 5]
        assert fingerprint(kept.iloc[[0, 2]]) == fingerprint(pd.DataFrame({"x": [1, 3]}))

    def test_named_index_counts_as_a_last_column(self):
        indexed = pd.DataFrame({"x": [1, 2]}, index=pd.Index([7, 8], name="id"))
        assert fingerprint(indexed) == fingerprint(pa.table({"x": [1, 2], "id": [7, 8]}))

    def test_index_rule_is_the_same_through_parquet(self, tmp_path):
        for place, index in enumerate(
            (
                pd.Index([7, 8], name="id"),
                pd.Index([4, 2]),
                pd.Index(["a", "b"]),
                pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["k", None]),
            )
        ):
            frame = pd.DataFrame({"x": [1, 2]}, index=index)
            path = tmp_path / f"{place}.parquet"
            frame.to_parquet(path)
            assert fingerprint(path) == fingerprint(frame)
            assert fingerprint(pl.read_parquet(path)) == fingerprint(frame)

    def test_rule_can_be_set(self):
        frame = pd.DataFrame({"x": [1, 2]}, index=[4, 2])
        plain = fingerprint(pd.DataFrame({"x": [1, 2]}))
        counted = fingerprint(frame, index="count")
        assert [column.name for column in counted.columns] == ["x", "__index_level_0__"]
        assert fingerprint(frame.set_index("x", append=True), index="ignore").columns == ()
        assert fingerprint(frame, index="ignore") == plain


class TestEmpty:
    def test_frame_without_rows_has_columns_of_type_null(self):
        found = fingerprint(pd.DataFrame({"x": pd.Series([], dtype="float64"), "y": []}))
        assert found.rows == 0
        assert [column.type for column in found.columns] == ["null", "null"]
        assert fingerprint(pl.DataFrame({"x": [], "y": []})) == found
        assert fingerprint(pa.schema([("x", "int8"), ("y", "string")]).empty_table()) == found

    def test_stream_without_batches_is_an_empty_table(self):
        schema = pa.schema([("x", pa.int8())])
        stream = pa.RecordBatchReader.from_batches(schema, [])
        assert fingerprint(stream) == fingerprint(schema.empty_table())

    def test_frame_without_columns_keeps_its_rows(self):
        assert fingerprint(pd.DataFrame(index=range(3))).rows == 3
        assert fingerprint(pd.DataFrame(index=range(3)), ordered=False).rows == 3

    def test_column_without_values_has_one_digest_whatever_its_type(self):
        digests = {
            fingerprint(pa.table({"x": pa.nulls(3, kind)})).sha256
            for kind in (pa.null(), pa.float64(), pa.string(), pa.list_(pa.int8()))
        }
        assert len(digests | {fingerprint({"x": np.full(3, np.nan)}).sha256}) == 1


SECRET = "4111-1111"  # stands for a data value that must not appear in a message

REFUSED = {
    "duplicate names": (pd.DataFrame([[1, 2]], columns=["x", "x"]), "'x'"),
    "duplicate in arrow": (pa.table([[1], [2]], names=["x", "x"]), "'x'"),
    "number and text": (pd.DataFrame({"x": [1, SECRET]}), "'x'"),
    "text and float": (pd.DataFrame({"x": [SECRET, 1.5]}), "'x'"),
    "bytes and text": (pd.DataFrame({"x": [b"1", SECRET]}), "'x'"),
    "naive and aware": (
        pd.DataFrame({"x": [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, tzinfo=dt.UTC)]}),
        "'x'",
    ),
    "complex": (pd.DataFrame({"x": [1j]}), "'x'"),
    "objects": (pd.DataFrame({"x": [object()]}), "'x'"),
    "sets": (pd.DataFrame({"x": [{SECRET}]}), "'x'"),
    "sets in lists": (pd.DataFrame({"x": [[{SECRET}]]}), "'x'"),
    "fields of one name": (
        pa.table({"x": pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])}),
        "'x'",
    ),
    "surrogate": (pd.DataFrame({"x": pd.Series(["\ud800" + SECRET], dtype=object)}), "'x'"),
    "huge integer": (pd.DataFrame({"x": [2**80]}), "'x'"),
    "period": (pd.DataFrame({"x": pd.period_range("2024", periods=2, freq="M")}), "'x'"),
    "far away time": (
        pa.table({"x": pa.array([2**62], pa.timestamp("s"))}),
        "'x'",
    ),
    "polars objects": (pl.DataFrame({"x": pl.Series([object()], dtype=pl.Object)}), "'x'"),
    "lengths differ": ({"x": [1, 2], "y": [1]}, "length"),
    "a number": (3, "not a table"),
    "a 3-D array": (np.zeros((2, 2, 2)), "not a table"),
    "no such file": ("no/such.parquet", "no/such.parquet"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_unusable_data_are_refused_by_name_and_without_values(case):
    data, named = REFUSED[case]
    with pytest.raises(InputError) as caught:
        fingerprint(data)
    message = str(caught.value)
    assert named in message
    assert SECRET not in message
    assert caught.value.__cause__ is None
    assert SECRET not in str(caught.value.__context__ or "")


def test_interval_of_months_is_refused():
    with duckdb.connect() as connection:
        relation = connection.sql("select interval 3 month as x")
        with pytest.raises(InputError, match="'x': a column holds intervals of months"):
            fingerprint(relation)
        del relation


def test_interval_of_days_is_a_duration():
    with duckdb.connect() as connection:
        relation = connection.sql("select interval 3 day as x")
        found = fingerprint(relation)
        del relation
    assert found == fingerprint({"x": [dt.timedelta(days=3)]})


def test_csv_that_changes_type_is_refused_without_its_values(tmp_path):
    path = tmp_path / "t.csv"
    with path.open("w") as file:
        file.write("x\n")
        file.writelines("1\n" * 9_000_000)  # more than the block that gives the types
        file.write(SECRET + "\n")
    with pytest.raises(InputError, match=r"t\.csv cannot be read") as caught:
        fingerprint(path)
    assert SECRET not in str(caught.value)
    assert SECRET not in str(caught.value.__context__ or "")


def test_broken_parquet_file_is_refused(tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(InputError, match=r"t\.parquet cannot be read"):
        fingerprint(tmp_path / "t.parquet")


def test_folder_with_files_of_other_columns_is_refused(tmp_path):
    pq.write_table(pa.table({"x": [1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"y": [1]}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"b\.parquet has other columns"):
        fingerprint(tmp_path)


def test_column_without_values_in_one_file_takes_its_type_from_the_others(tmp_path):
    parts = [{"x": [None, None]}, {"x": ["a", None]}, {"x": [None]}]
    for place, part in enumerate(parts):
        pq.write_table(pa.table(part), tmp_path / f"{place}.parquet")
    whole = pa.table({"x": [None, None, "a", None, None]})
    assert fingerprint(tmp_path) == fingerprint(whole)
    assert fingerprint(tmp_path, ordered=False) == fingerprint(whole, ordered=False)


def test_folder_with_files_of_other_types_is_refused(tmp_path):
    pq.write_table(pa.table({"x": [1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"x": [1.0]}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"'x' of b\.parquet has another type"):
        fingerprint(tmp_path)


def test_repr_and_html_show_digest_and_escape_names():
    found = fingerprint({"<b>": [1, 2]})
    assert repr(found) == f"Fingerprint({found.sha256[:16]}…, 2 rows × 1 columns, aims-table-v1)"
    assert "&lt;b&gt;" in found._repr_html_()
    assert found.to_body()["columns"][0]["name"] == "<b>"
    assert pickle.loads(pickle.dumps(found)) == found
