"""Folders whose names hold a column, as pandas, Spark and Hive write them."""

import pandas as pd
import pyarrow.dataset as ds
import pytest

import aims_mlops as aims
from aims_mlops.errors import InputError

SITES = pd.DataFrame({"x": range(40), "site": ["north", "south"] * 20})


def test_column_that_only_folder_names_hold_is_refused_and_not_left_out(tmp_path):
    SITES.to_parquet(tmp_path / "sites", partition_cols=["site"])
    for measure in (aims.fingerprint, aims.profile_table, aims.measure_quality):
        with pytest.raises(InputError, match="hold a column") as refused:
            measure(tmp_path / "sites")
        assert "north" not in str(refused.value)


def test_partitioned_folder_passed_as_a_dataset_has_every_column(tmp_path):
    SITES.to_parquet(tmp_path / "sites", partition_cols=["site"])
    found = aims.fingerprint(ds.dataset(tmp_path / "sites", partitioning="hive"))
    assert [column.name for column in found.columns] == ["x", "site"]
    assert found.rows == len(SITES)


@pytest.mark.parametrize(
    "place", ["site=north/part-0.parquet", "system=loans/day=2026-11-21/part-0.parquet"]
)
def test_folder_names_that_say_nothing_new_are_read(tmp_path, place):
    file = tmp_path / place
    file.parent.mkdir(parents=True)
    SITES.to_parquet(file)
    assert aims.fingerprint(tmp_path).rows == len(SITES)
