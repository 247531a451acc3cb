"""Every form of input gives the same figures; what cannot be used is refused in words."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from aims_mlops.errors import InputError
from aims_mlops.measures.bias.measure import measure_bias


@pytest.fixture(scope="module")
def table() -> pa.Table:
    generator = np.random.default_rng(4)
    n = 500
    return pa.table(
        {
            "y": generator.integers(0, 2, n),
            "p": generator.integers(0, 2, n),
            "s": np.round(generator.random(n), 3),
            "w": generator.random(n) + 0.5,
            "sex": pa.array(
                [None if r < 0.05 else "FM"[int(r < 0.4)] for r in generator.random(n)]
            ),
            "age": generator.choice(["18-39", "40-59", "60+"], n),
        }
    )


NAMES = {"y_true": "y", "y_pred": "p", "y_score": "s", "sensitive": ["sex", "age"]}


@pytest.fixture(scope="module")
def expected(table: pa.Table) -> list[dict[str, object]]:
    return [f.to_dict() for f in measure_bias(table, **NAMES).figures]


def same(figures: object, expected: list[dict[str, object]]) -> bool:
    for a, b in zip(figures, expected, strict=True):
        found = a.to_dict()
        for key in ("value", "low", "high", "numerator", "denominator"):
            if b[key] is None:
                assert found[key] is None
            else:
                assert found[key] == pytest.approx(b[key], rel=1e-9, abs=1e-12)
        assert (found["measure"], found["group"], found["n"]) == (
            b["measure"],
            b["group"],
            b["n"],
        )
    return True


@pytest.mark.parametrize(
    "convert",
    [
        pytest.param(lambda t: t.to_pandas(), id="pandas"),
        pytest.param(
            lambda t: t.to_pandas().astype({"sex": object, "age": "category"}), id="object"
        ),
        pytest.param(pl.from_arrow, id="polars"),
        pytest.param(lambda t: pl.from_arrow(t).lazy(), id="polars-lazy"),
        pytest.param(lambda t: duckdb.from_arrow(t), id="duckdb"),
        pytest.param(lambda t: pa.Table.from_batches(t.to_batches(max_chunksize=7)), id="chunks"),
    ],
)
def test_a_frame_of_any_library_gives_the_same_figures(table, expected, convert) -> None:
    assert same(measure_bias(convert(table), **NAMES).figures, expected)


def test_a_parquet_file_read_in_many_batches_gives_the_same_figures(
    table, expected, tmp_path, monkeypatch
) -> None:
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=60)
    monkeypatch.setattr("aims_mlops.measures.table.columns._BATCH_ROWS", 50)
    assert same(measure_bias(tmp_path / "rows.parquet", **NAMES).figures, expected)


def test_a_csv_file_gives_the_same_figures(table, expected, tmp_path) -> None:
    pyarrow.csv.write_csv(table.drop_columns("sex"), tmp_path / "rows.csv")
    names = {**NAMES, "sensitive": ["age"]}
    want = [f.to_dict() for f in measure_bias(table, **names).figures]
    assert same(measure_bias(str(tmp_path / "rows.csv"), **names).figures, want)


@pytest.mark.parametrize("library", ["numpy", "lists", "series", "polars", "arrow"])
def test_values_of_any_library_give_the_same_figures(table, expected, library) -> None:
    sex, age = table["sex"].to_pylist(), table["age"].to_pylist()
    y, p, s = (table[c].to_pylist() for c in "yps")
    forms = {
        "numpy": (
            np.array(y),
            np.array(p),
            np.array(s),
            {"sex": np.array(sex, object), "age": age},
        ),
        "lists": (y, p, s, {"sex": sex, "age": age}),
        "series": (
            pd.Series(y),
            pd.Series(p),
            pd.Series(s),
            pd.DataFrame({"sex": sex, "age": age}),
        ),
        "polars": (
            pl.Series(y),
            pl.Series(p),
            pl.Series(s),
            pl.DataFrame({"sex": sex, "age": age}),
        ),
        "arrow": (table["y"], table["p"], table["s"], table.select(["sex", "age"])),
    }
    y_true, y_pred, y_score, sensitive = forms[library]
    result = measure_bias(y_true=y_true, y_pred=y_pred, y_score=y_score, sensitive=sensitive)
    assert same(result.figures, expected)


def test_permuted_rows_change_nothing(table, expected) -> None:
    order = np.random.default_rng(0).permutation(len(table))
    assert same(measure_bias(table.take(order), **NAMES).figures, expected)


def test_renamed_groups_change_names_only(table) -> None:
    before = measure_bias(table, **NAMES)
    frame = table.to_pandas()
    # The same order of names, so that resampling draws the same cells.
    frame["age"] = frame["age"].map({"18-39": "a", "40-59": "b", "60+": "c"})
    after = measure_bias(frame, **NAMES)
    renamed = [f.to_dict() | {"group": None} for f in before.figures]
    ungrouped = [replace(f, group=None) for f in after.figures]
    assert same(ungrouped, renamed)
    assert after.figure("selection_rate", {"age": "c"}).n == (frame["age"] == "c").sum()


def test_missing_groups_form_a_group_of_their_own(table) -> None:
    result = measure_bias(table, **NAMES)
    missing = table["sex"].null_count
    assert missing > 0
    assert result.figure("selection_rate", {"sex": "(unknown)"}).n == missing
    assert "rows without sex are the group (unknown)" in result.notes


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA])
def test_missing_labels_are_left_out_and_counted(missing) -> None:
    y_true = pd.Series([1, 0, 1, 0, missing, missing] * 10, dtype=object)
    result = measure_bias(y_true=y_true, y_pred=[1, 0, 0, 0, 1, 1] * 10, sensitive=["a", "b"] * 30)
    entry = next(e for e in result.left_out if e.what == "rows without y_true")
    assert entry.n == 20
    assert result.figure("accuracy_score").n == 40
    assert result.figure("accuracy_score").value == pytest.approx(30 / 40)


def test_boolean_and_float_labels_count_as_0_and_1() -> None:
    y = [True, False, True, True]
    whole = measure_bias(
        y_true=np.array(y), y_pred=np.array(y, float), sensitive=list("abab"), min_group_size=1
    )
    assert whole.figure("accuracy_score").value == 1
    assert whole.figure("selection_rate", {"sensitive": "a"}).value == 1


@pytest.mark.parametrize(
    ("sensitive", "name"),
    [
        (pd.Series(pd.cut([20, 40, 60, 80], [0, 50, 100])), "(0, 50]"),
        (pd.Categorical(["a", "b", "a", "b"]), "a"),
        (pd.DataFrame({0: ["a", "b", "a", "b"]}), "a"),
        (np.array([["a"], ["b"], ["a"], ["b"]]), "a"),
        (pl.LazyFrame({"g": ["a", "b", "a", "b"]}), "a"),
        (pd.Series([1.0, 2.0, 1.0, 2.0]), "1"),
        (np.array([True, False, True, False]), "True"),
    ],
)
def test_groups_of_any_type_go_by_their_text(sensitive, name) -> None:
    result = measure_bias(y_pred=[1, 0, 1, 0], sensitive=sensitive)
    labels = {label for f in result.figures if f.group for label in f.group.values()}
    assert name in labels


def test_a_frame_of_one_column_is_that_column() -> None:
    result = measure_bias(
        y_true=pd.DataFrame({"y": [1, 0]}), y_pred=pl.DataFrame({"p": [1, 1]}), sensitive=["a", "b"]
    )
    assert result.figure("accuracy_score").value == 0.5


def test_an_index_of_pandas_is_no_order_of_rows() -> None:
    shifted = pd.Series([1, 0, 1], index=[7, 8, 9])
    result = measure_bias(y_true=shifted, y_pred=pd.Series([1, 0, 1]), sensitive=list("abc"))
    assert result.figure("accuracy_score").value == 1


def test_a_group_that_only_one_batch_has_is_measured_like_any_other(tmp_path) -> None:
    pq.write_table(pa.table({"p": [1, 0], "g": ["a", "b"]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"p": [1, 1], "g": ["a", "c"]}), tmp_path / "2.parquet")
    result = measure_bias(tmp_path, y_pred="p", sensitive="g")
    assert result.figure("selection_rate", {"g": "c"}).n == 1
    assert result.figure("selection_rate", {"g": "a"}).n == 2


def test_constant_predictions_of_a_regression_differ_surely() -> None:
    result = measure_bias(
        y_true=np.arange(100),
        y_pred=np.repeat([1.0, 3.0], 50),
        sensitive=["a"] * 50 + ["b"] * 50,
    )
    figure = result.figure("mean_prediction_difference")
    assert (figure.value, figure.low, figure.high) == pytest.approx((2, 2, 2))


def test_infinite_quantities_are_left_out_and_counted() -> None:
    y_true = np.linspace(0.5, 9, 100)
    result = measure_bias(
        y_true=y_true, y_pred=np.r_[np.inf, np.nan, y_true[2:]], sensitive=["a", "b"] * 50
    )
    assert result.figure("mean_absolute_error").n == 98
    assert [(e.what, e.n) for e in result.left_out] == [("rows", 2)]


def test_scores_that_are_not_finite_have_no_prediction() -> None:
    result = measure_bias(
        y_true=[1, 0, 1, 0, 1, 0],
        y_score=[0.9, np.nan, np.inf, -np.inf, 0.2, 0.6],
        threshold=0.5,
        sensitive=list("ababab"),
        min_group_size=1,
    )
    assert result.figure("selection_rate").n == 3
    assert result.figure("selection_rate").numerator == 2
    assert next(e for e in result.left_out if e.what == "rows without y_pred").n == 3


def test_a_score_equal_to_the_threshold_is_selected() -> None:
    result = measure_bias(y_score=[0.5, 0.4], threshold=0.5, sensitive=["a", "b"])
    assert result.figure("selection_rate", {"sensitive": "a"}).value == 1


Y = {"y_true": [0, 1, 0, 1], "y_pred": [0, 1, 1, 1]}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({**Y, "sensitive": ["a", "b"]}, "columns differ in length; got y_true: 4"),
        ({"y_true": [0, 1], "sensitive": ["a", "b"]}, "no prediction to look at"),
        ({**Y, "sensitive": "sex"}, "which can only name a column"),
        ({**Y, "sensitive": {}}, "sensitive names no column"),
        ({**Y, "sensitive": list("abab"), "sample_weight": [1, 1, -1, 1]}, "negative weights"),
        (
            {**Y, "sensitive": list("abab"), "sample_weight": [1, np.nan, 1, 1]},
            "missing or infinite weights",
        ),
        (
            {**Y, "sensitive": list("abab"), "sample_weight": [1, np.inf, 1, 1]},
            "missing or infinite weights",
        ),
        ({**Y, "sensitive": list("abab"), "labels": [1, 2]}, "labels outside the declared ones"),
        (
            {"y_true": list("nyny"), "y_pred": list("nyyy"), "sensitive": list("abab")},
            "which label is the positive one is not known",
        ),
        ({**Y, "sensitive": list("abab"), "positive_label": 7}, "positive_label is none of"),
        ({"y_true": [], "y_pred": [], "sensitive": []}, "there is no row to measure"),
        ({**Y, "sensitive": [1, "a", 2, "b"]}, "mixes types"),
        ({**Y, "sensitive": list("abab"), "n_resamples": 3}, "too few resamples"),
        ({**Y, "sensitive": list("abab"), "confidence": 95}, "confidence is not"),
        ({**Y, "sensitive": list("abab"), "min_group_size": 0}, "min_group_size is below 1"),
        ({**Y, "sensitive": list("abab"), "task": "ranking"}, "task is not known"),
        ({**Y, "sensitive": np.zeros((4, 2, 2))}, "is not one column"),
        ({**Y, "y_true": pd.DataFrame({"a": [0], "b": [1]}), "sensitive": ["a"]}, "a frame of 2"),
        (
            {**Y, "sensitive": pd.DataFrame([[1, 2]] * 4, columns=["a", "a"])},
            "several columns of one name",
        ),
        ({"data": object(), "y_pred": "p", "sensitive": "g"}, "type that cannot be read"),
        (
            {"y_true": [None] * 2, "y_pred": [1, 0], "sensitive": ["a", "b"]},
            "no row has every label",
        ),
        (
            {"y_score": [0.1, 0.2], "threshold": float("nan"), "sensitive": ["a", "b"]},
            "threshold is not a number",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(arguments, words) -> None:
    with pytest.raises(InputError, match=words.replace("(", r"\(")):
        measure_bias(**arguments)


def test_a_column_of_ids_is_no_grouping() -> None:
    n = 300
    with pytest.raises(InputError, match="too many labels to be groups"):
        measure_bias(y_true=[0, 1] * 150, y_pred=[0, 1] * 150, sensitive=np.arange(n))


def test_an_unknown_column_is_named_with_those_there_are(table) -> None:
    with pytest.raises(InputError, match="sensitive names no column of data; got 'race'"):
        measure_bias(table, **{**NAMES, "sensitive": ["race"]})


def test_a_file_that_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(InputError, match="no file at"):
        measure_bias(tmp_path / "none.parquet", **NAMES)


def test_no_message_holds_a_value_of_the_data() -> None:
    with pytest.raises(InputError) as caught:
        measure_bias(
            y_true=["secret-a", "secret-b"], y_pred=["secret-a", "secret-b"], sensitive=["x", "y"]
        )
    assert "secret" not in str(caught.value)
