"""The profile of a table: right figures, and no value that one row gave."""

import json
import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from aims_mlops.measures.fingerprint.profile import SAMPLE_ROWS, profile_table


def only(data):
    return profile_table(data).columns[0]


def test_numbers_are_described_by_hand_checked_figures():
    found = only({"x": [float(v) for v in range(100)] + [math.nan, math.inf]})
    assert (found.type, found.nulls, found.infinite, found.zeros) == ("float64", 1, 1, 1)
    assert found.distinct == 101  # 0 to 99 and infinity
    assert found.mean == pytest.approx(49.5)
    assert found.std == pytest.approx(math.sqrt(100 * 101 / 12))
    # 1 % of 100 values leaves one row beyond: not given. 5 % leaves five.
    assert found.quantiles == {
        "0.05": pytest.approx(4.95),
        "0.25": pytest.approx(24.75),
        "0.5": pytest.approx(49.5),
        "0.75": pytest.approx(74.25),
        "0.95": pytest.approx(94.05),
    }


def test_quantiles_agree_with_numpy_where_rows_suffice():
    values = np.random.default_rng(1).lognormal(size=5_000)
    found = only({"x": values}).quantiles
    expected = {str(q): np.quantile(values, q) for q in (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)}
    assert found == pytest.approx(expected, rel=1e-12)


def test_fewer_than_five_values_give_counts_alone():
    found = only({"x": [1.0, 2.0, 3.0, 4.0]})
    assert (found.mean, found.std, found.quantiles) == (None, None, None)
    assert found.distinct == 4


def test_no_value_of_a_row_is_in_the_profile():
    secret_text, secret_number = "anna.meier@example.org", 987654321.25
    frame = pd.DataFrame(
        {
            "mail": [secret_text] + [f"person{i}@example.org" for i in range(999)],
            "income": [secret_number] + [float(i) for i in range(999)],
            "city": pd.Categorical(["Uelzen"] + ["Berlin"] * 999),
            "born": pd.to_datetime(["1931-02-03"] + ["1990-01-01"] * 999),
        }
    )
    written = json.dumps(profile_table(frame).to_dict())
    for value in (secret_text, "987654321", "Uelzen", "Berlin", "1931"):
        assert value not in written


def test_texts_are_described_by_their_lengths_in_bytes():
    found = only({"x": ["", "a", "bb", "é", "dddd", None] * 10})
    assert (found.of, found.nulls, found.zeros, found.distinct) == ("lengths", 10, 10, 5)
    assert found.mean == pytest.approx((0 + 1 + 2 + 2 + 4) / 5)


def test_booleans_count_what_is_true():
    found = only({"x": [True, False, None, True]})
    assert (found.type, found.true, found.nulls, found.distinct) == ("bool", 2, 1, 2)


def test_integers_with_gaps_keep_their_type():
    found = only(pa.table({"x": pa.array([1, None, 3, 0, 5, 5], pa.int16())}))
    assert (found.type, found.nulls, found.zeros, found.distinct) == ("int16", 1, 1, 4)
    assert found.mean == pytest.approx(2.8)


def test_all_missing_column_has_no_figures():
    found = only({"x": [None, None]})
    assert found.to_dict() == {"name": "x", "type": "null", "nulls": 2, "sampled": 0}


def test_constant_column_has_one_value_and_no_spread():
    found = only({"x": np.full(50, 3.5)})
    assert (found.distinct, found.mean, found.std) == (1, 3.5, 0.0)


def test_lists_and_times_are_counted():
    frame = pd.DataFrame({"v": [[1, 2], None], "t": pd.to_datetime(["2024-01-01", None])})
    vector, time = profile_table(frame).columns
    assert (vector.nulls, vector.distinct) == (1, None)
    assert (time.type, time.nulls, time.distinct) == ("timestamp", 1, 1)


def test_empty_table_has_a_profile():
    found = profile_table(pd.DataFrame({"x": []}))
    assert (found.rows, found.columns[0].type) == (0, "null")


def test_overflowing_sums_give_no_mean():
    found = only({"x": np.array([1e308, 1e308, -1e308, 1e308, 1e308, 1e308])})
    assert found.mean is None
    assert found.std is None


def test_large_table_is_sampled_evenly_and_says_so():
    rows = SAMPLE_ROWS * 4 + 1
    found = only({"x": np.arange(rows, dtype="f8")})
    assert found.sampled == found.distinct == SAMPLE_ROWS // 2 + 1  # every eighth row
    assert found.mean == pytest.approx((rows - 1) / 2)
    assert found.quantiles["0.5"] == pytest.approx((rows - 1) / 2, abs=8)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=60),
    st.integers(1, 60),
)
def test_cutting_into_batches_changes_no_figure(values, size):
    table = pa.table({"x": pa.array(values, pa.float64()), "s": [str(v) for v in values]})
    whole = profile_table(table).to_dict()
    parts = profile_table(table.to_reader(max_chunksize=size)).to_dict()
    for one, other in zip(whole["columns"], parts["columns"], strict=True):
        moments = {key: one.pop(key, 0.0) for key in ("mean", "std")}
        assert {key: other.pop(key, 0.0) for key in moments} == pytest.approx(moments, abs=1e-6)
        assert one == other


def test_sample_is_the_same_however_a_large_table_is_cut():
    rows = SAMPLE_ROWS * 2 + 77
    table = pa.table({"x": np.random.default_rng(3).normal(size=rows)})
    one = profile_table(table).columns[0]
    for size in (1_000, 33_333, SAMPLE_ROWS):
        other = profile_table(table.to_reader(max_chunksize=size)).columns[0]
        assert (other.quantiles, other.sampled) == (one.quantiles, one.sampled)


def test_profile_is_the_same_through_polars_and_pandas():
    frame = pd.DataFrame({"x": [1.5, None, 2.5] * 4, "s": ["a", None, "bb"] * 4, "i": range(12)})
    assert profile_table(pl.from_pandas(frame)) == profile_table(frame)


def test_moments_match_scipy_on_real_numbers():
    from sklearn.datasets import load_diabetes

    data = load_diabetes().data
    for place, column in enumerate(profile_table(data).columns):
        described = stats.describe(data[:, place])
        assert column.mean == pytest.approx(described.mean, abs=1e-12)
        assert column.std == pytest.approx(math.sqrt(described.variance), rel=1e-12)


def test_repr_and_html_name_rows_and_columns():
    found = profile_table({"<x>": [1, 2, None]})
    assert repr(found) == "TableProfile(3 rows × 1 columns, 1 missing)"
    assert "&lt;x&gt;" in found._repr_html_()
