"""What can be read as a table, and what a table can be asked."""

import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from aims_mlops.errors import InputError
from aims_mlops.measures.table.opening import open_table
from aims_mlops.measures.table.table import BATCH_ROWS


def rows(table):
    return sum(batch.rows for batch in table.batches())


def test_table_can_be_read_again_but_for_a_stream():
    table = open_table(pa.table({"x": [1, 2]}))
    assert (rows(table), rows(table)) == (2, 2)


def test_parquet_is_read_in_batches_of_bounded_size(tmp_path):
    count = BATCH_ROWS * 2 + 5
    pq.write_table(pa.table({"x": np.arange(count)}), tmp_path / "t.parquet")
    table = open_table(tmp_path / "t.parquet")
    sizes = [batch.rows for batch in table.batches()]
    assert sum(sizes) == count
    assert max(sizes) == BATCH_ROWS
    assert table.integers == {"x"}


def test_dataset_of_arrow_is_a_table(tmp_path):
    pq.write_table(pa.table({"x": [1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"x": [2]}), tmp_path / "b.parquet")
    assert rows(open_table(ds.dataset(tmp_path))) == 2


def test_anything_with_an_arrow_stream_is_a_table():
    class Other:
        def __arrow_c_stream__(self, requested_schema=None):
            return pa.table({"x": [1, 2, 3]}).__arrow_c_stream__(requested_schema)

    assert rows(open_table(Other())) == 3


def test_compressed_csv_and_tab_separated_are_read(tmp_path):
    pd.DataFrame({"x": [1, 2]}).to_csv(tmp_path / "t.csv.gz", index=False)
    pd.DataFrame({"x": [1, 2], "y": ["a", "b"]}).to_csv(tmp_path / "t.tsv", sep="\t", index=False)
    assert rows(open_table(tmp_path / "t.csv.gz")) == 2
    assert open_table(tmp_path / "t.tsv").names == ("x", "y")


def test_columns_are_selected_in_the_order_asked_for():
    table = open_table({"a": [1], "b": [2], "c": [3]}).select(["c", "a"])
    assert table.names == ("c", "a")
    assert [column()[0].as_py() for column in next(table.batches()).columns] == [3, 1]


def test_unknown_column_is_refused_by_name():
    with pytest.raises(InputError, match="'z'"):
        open_table({"a": [1]}).select(["z"])


def test_names_that_read_the_same_are_refused():
    with pytest.raises(InputError, match="read the same"):
        open_table({1: [1], "1": [2]})
    with pytest.raises(InputError, match="'1' occurs more than once"):
        open_table(pd.DataFrame([[1, 2]], columns=[1, "1"]))


@pytest.mark.parametrize("name", ["t.txt", "t", "t.gz", "t.xlsx"])
def test_file_of_another_ending_is_refused(tmp_path, name):
    (tmp_path / name).write_text("x\n1\n")
    with pytest.raises(InputError, match="not a table file"):
        open_table(tmp_path / name)


def test_folder_without_tables_is_refused(tmp_path):
    (tmp_path / "readme.txt").touch()
    with pytest.raises(InputError, match="holds no table"):
        open_table(tmp_path)


def test_sparse_pandas_columns_are_made_dense():
    sparse = pd.DataFrame({"x": pd.arrays.SparseArray([0.0, 1.0])})
    (batch,) = open_table(sparse).batches()
    assert batch.columns[0]().to_pylist() == [0.0, 1.0]


def test_opening_a_polars_frame_does_not_import_pandas():
    import subprocess

    code = (
        "import sys, polars\n"
        "from aims_mlops.measures.fingerprint.table_digest import fingerprint\n"
        "fingerprint(polars.DataFrame({'x': [1]}))\n"
        "print('pandas' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
