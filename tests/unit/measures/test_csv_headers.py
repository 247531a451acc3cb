"""CSV files as spreadsheets and databases write them: what stands above the rows."""

import numpy as np
import pandas as pd
import pytest

import aims_mlops as aims
from aims_mlops.errors import InputError

PEOPLE = pd.DataFrame(
    {
        "surname": [f"Okonkwo{i}" for i in range(40)],
        "age": range(40, 80),
        "seen": pd.date_range("1987-05-04", periods=40).strftime("%Y-%m-%d"),
        "y": [1, 0] * 20,
    }
)


def written(folder, text, name="people.csv"):
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / name


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize("header", [True, False])
def test_csv_with_another_separator_is_refused_and_not_one_wide_column(tmp_path, separator, header):
    text = PEOPLE.to_csv(index=False, sep=separator, header=header)
    with pytest.raises(InputError, match="another separator") as refused:
        aims.fingerprint(written(tmp_path, text))
    assert "Okonkwo" not in str(refused.value)
    with pytest.raises(InputError, match="another separator") as refused:
        aims.measure_performance(written(tmp_path, text), y_true="y", y_pred="y")
    assert "Okonkwo" not in str(refused.value)


def test_tab_file_with_commas_is_refused(tmp_path):
    path = written(tmp_path, PEOPLE.to_csv(index=False), "people.tsv")
    with pytest.raises(InputError, match="another separator"):
        aims.fingerprint(path)


def test_csv_without_a_header_is_refused_and_its_first_row_named_nowhere(tmp_path):
    path = written(tmp_path, PEOPLE.to_csv(index=False, header=False))
    for measure in (aims.fingerprint, aims.profile_table, aims.measure_quality):
        with pytest.raises(InputError, match="no line of column names") as refused:
            measure(path)
        assert "Okonkwo" not in str(refused.value)
        assert "1987" not in str(refused.value)


def test_csv_of_texts_and_one_label_without_a_header_is_refused(tmp_path):
    with pytest.raises(InputError, match="no line of column names"):
        aims.fingerprint(written(tmp_path, "dear Okonkwo,1\nsee you,0\nwell,1\n"))


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame(np.arange(12.0).reshape(3, 4)),
        pd.DataFrame(np.arange(12).reshape(3, 4), columns=[2019, 2020, 2021, 2022]),
        pd.DataFrame({"sample": ["a", "b"], "1034.5": [0.1, 0.2], "1035.0": 1.5, "1035.5": 2.5}),
        pd.DataFrame({"site": ["a", "b"], "2020-01-01": [1, 2], "2020-02-01": [3, 4]}),
        pd.DataFrame({"surname": ["a", "b"], "first; last": ["c", "d"]}),
        pd.DataFrame({"a": ["x", "y"], "b": ["true", "TRUE"]}),
        pd.DataFrame({"x": [1.5, 2.5]}),
    ],
)
def test_names_that_are_numbers_dates_or_odd_texts_are_a_header(tmp_path, table):
    found = aims.fingerprint(written(tmp_path, table.to_csv(index=False)))
    assert [column.name for column in found.columns] == [str(name) for name in table.columns]
    assert found.rows == len(table)


def test_header_that_is_not_utf8_is_an_error_of_ours(tmp_path):
    text = PEOPLE.rename(columns={"age": "größe"}).to_csv(index=False)
    path = written(tmp_path, text.encode("latin-1"))
    for measure in (aims.fingerprint, aims.profile_table, aims.measure_quality):
        with pytest.raises(InputError, match="cannot be read"):
            measure(path)
    with pytest.raises(InputError, match="cannot be read"):
        aims.measure_performance(path, y_true="y", y_pred="y")


def test_quality_of_a_csv_with_the_index_pandas_writes_is_measured(tmp_path):
    result = aims.measure_quality(written(tmp_path, PEOPLE.to_csv()))
    assert "" in {outcome.expectation.column for outcome in result.outcomes}
    assert "surname" in {outcome.expectation.column for outcome in result.outcomes}
    assert {outcome.problem for outcome in result.outcomes} == {None}


def test_quality_of_a_line_that_ends_in_a_separator_is_measured(tmp_path):
    lines = PEOPLE.to_csv(index=False).splitlines()
    path = written(tmp_path, "".join(f"{line},\n" for line in lines))
    by_column = {
        outcome.expectation.column: outcome.status
        for outcome in aims.measure_quality(path).outcomes
        if outcome.expectation.type == "expect_column_values_to_not_be_null"
    }
    assert (by_column["surname"], by_column[""]) == ("pass", "fail")
