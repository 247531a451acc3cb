"""The shape that every measure returns."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest

from aims_mlops.errors import InputError
from aims_mlops.measures.result.figure import Figure
from aims_mlops.measures.result.result import LeftOut, MeasureResult

RATE = Figure(
    measure="selection_rate",
    group={"sex": "F", "age": "60+"},
    value=0.25,
    low=0.1,
    high=0.5,
    numerator=5,
    denominator=20,
    n=20,
    method="clopper-pearson, 0.95",
    source="fairlearn 0.15.0: selection_rate",
)
WHOLE = Figure(measure="selection_rate", value=0.3, n=100)
UNKNOWN = Figure(measure="precision_score")


@pytest.fixture
def result() -> MeasureResult:
    return MeasureResult(
        kind="bias",
        figures=(WHOLE, RATE, UNKNOWN),
        settings={"seed": np.int64(3), "cut": math.inf},
        libraries={"fairlearn": "0.15.0"},
        left_out=(LeftOut(what="precision_score", why="nobody is selected", n=0),),
        notes=("a <b>note</b>",),
        extra={"task": "binary"},
    )


def test_a_figure_has_exactly_the_documented_fields() -> None:
    assert list(RATE.to_dict()) == [
        "measure", "group", "value", "low", "high",
        "numerator", "denominator", "n", "method", "source",
    ]  # fmt: skip


def test_a_figure_survives_being_stored() -> None:
    assert Figure.from_dict(json.loads(json.dumps(RATE.to_dict()))) == RATE


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, np.float64("nan"), None])
def test_a_value_that_is_no_number_is_stored_as_null(odd) -> None:
    assert Figure(measure="m", value=odd).to_dict()["value"] is None


@pytest.mark.parametrize(
    ("number", "kept"),
    [(np.int64(3), 3), (np.float32(0.5), 0.5), (True, 1), (2, 2), (np.float64(0.1), 0.1)],
)
def test_numbers_of_numpy_are_stored_as_plain_ones(number, kept) -> None:
    stored = Figure(measure="m", value=number).to_dict()["value"]
    assert stored == kept
    assert type(stored) in (int, float)


def test_a_body_is_json_and_lacks_nothing(result) -> None:
    body = json.loads(json.dumps(result.to_body(), allow_nan=False))
    assert set(body) == {"task", "figures", "settings", "libraries", "left_out", "notes"}
    assert body["settings"] == {"seed": 3, "cut": None}
    assert body["left_out"] == [{"what": "precision_score", "why": "nobody is selected", "n": 0}]
    assert result.to_dict()["kind"] == "bias"


def test_a_frame_has_one_row_per_figure_with_readable_groups(result) -> None:
    frame = result.to_frame()
    assert list(frame.columns) == [
        "measure", "group", "value", "low", "high", "numerator", "denominator", "n",
    ]  # fmt: skip
    assert frame["group"].tolist() == [None, "sex=F & age=60+", None]
    assert frame["n"].iloc[1] == 20
    assert frame["value"].isna().tolist() == [False, False, True]


def test_a_figure_is_found_by_name_and_group(result) -> None:
    assert result.figure("selection_rate") is WHOLE
    assert result.figure("selection_rate", {"age": "60+", "sex": "F"}) is RATE


def test_a_figure_that_is_not_there_names_those_that_are(result) -> None:
    with pytest.raises(InputError, match="bias figures: precision_score, selection_rate"):
        result.figure("accuracy")


def test_repr_shows_figures_and_what_was_left_out(result) -> None:
    shown = repr(result)
    assert re.search(r"selection_rate +sex=F & age=60\+ +0\.25 +0\.1 … 0\.5 +20", shown)
    assert "not known" in shown
    assert "left out: precision_score (0 rows): nobody is selected" in shown


def test_html_escapes_what_the_data_brought(result) -> None:
    shown = result._repr_html_()
    assert "<b>note</b>" not in shown
    assert "&lt;b&gt;note&lt;/b&gt;" in shown
    assert "sex=F &amp; age=60+" in shown


def test_a_value_that_is_not_json_is_refused() -> None:
    with pytest.raises(InputError, match="not JSON; got object"):
        MeasureResult(kind="bias", figures=(), settings={"x": object()}).to_dict()


def test_the_measures_of_the_plugin_load_on_first_call() -> None:
    from aims_mlops.measures.plugin import register_measures

    measures = register_measures()
    assert set(measures) == {"bias", "performance", "data-quality", "drift"}
    result = measures["bias"](y_pred=[1, 0], sensitive=["a", "b"])
    assert result.kind == "bias"
