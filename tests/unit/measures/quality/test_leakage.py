"""Rows in both of two datasets."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aims_mlops.errors import InputError
from aims_mlops.measures.quality.leakage import measure_leakage, shared_rows

CELLS = st.one_of(st.none(), st.integers(0, 3))
ROWS = st.lists(st.tuples(CELLS, st.sampled_from(["a", "b", None])), max_size=25)


def frame(rows):
    return pd.DataFrame(
        {
            "x": pd.array([x for x, _ in rows], dtype="Int64"),
            "s": pd.Series([s for _, s in rows], dtype="str"),
        }
    )


@settings(max_examples=150, deadline=None)
@given(ROWS, ROWS)
def test_shared_rows_are_those_that_python_finds(train, test):
    figure = measure_leakage(frame(train), frame(test)).figures[0]
    assert figure.numerator == sum(row in set(train) for row in test)
    assert figure.denominator == len(test)


def test_rows_through_other_libraries_are_the_same_rows():
    train, test = frame([(1, "a"), (2, None)]), frame([(2, None), (3, "b")])
    figure = measure_leakage(pl.from_pandas(train), test).figures[0]
    assert (figure.value, figure.numerator, figure.denominator) == (0.5, 1, 2)


def test_label_can_be_left_out_of_the_comparison():
    train = pd.DataFrame({"x": [1, 2], "y": [0, 1]})
    test = pd.DataFrame({"x": [1, 3], "y": [1, 1]})
    assert measure_leakage(train, test).figures[0].value == 0
    assert measure_leakage(train, test, columns=["x"]).figures[0].value == 0.5


def test_column_in_one_only_is_left_out_and_said_so():
    train, test = pd.DataFrame({"x": [1], "row": [0]}), pd.DataFrame({"x": [1]})
    found = measure_leakage(train, test)
    assert found.figures[0].value == 1.0
    assert [entry.what for entry in found.left_out] == ["column 'row'"]


def test_column_of_another_type_is_refused():
    with pytest.raises(InputError, match="'x' has another type in test than in train"):
        measure_leakage({"x": np.array([1])}, {"x": np.array([1.0])})


def test_tables_without_a_shared_column_are_refused():
    with pytest.raises(InputError, match="share no column"):
        measure_leakage({"x": [1]}, {"y": [1]})


def test_unknown_column_is_refused_by_name():
    with pytest.raises(InputError, match="'z'"):
        measure_leakage({"x": [1]}, {"x": [1]}, columns=["z"])


def test_empty_test_data_have_no_share():
    figure = measure_leakage({"x": [1]}, pd.DataFrame({"x": pd.Series([], dtype="int64")})).figures
    assert (figure[0].value, figure[0].denominator) == (None, 0)


def test_digests_equal_in_eight_bytes_only_are_different_rows():
    one = np.zeros((1, 32), np.uint8)
    other = one.copy()
    other[0, 31] = 1
    assert not shared_rows(one, other).any()
    assert shared_rows(one, one).all()
