"""Pictures are SVG, the same bytes every time, with the groups and no state left behind."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from aims_mlops.errors import InputError
from aims_mlops.measures.bias.measure import measure_bias
from aims_mlops.measures.result.figure import Figure
from aims_mlops.measures.result.plots import draw_figures, plot_history
from aims_mlops.measures.result.result import MeasureResult


@pytest.fixture(scope="module")
def result() -> MeasureResult:
    generator = np.random.default_rng(0)
    score = generator.random(400)
    return measure_bias(
        y_true=(generator.random(400) < score).astype(int),
        y_score=score,
        threshold=0.5,
        sensitive={"sex": generator.choice(["F", "M"], 400)},
    )


def texts(svg: str) -> str:
    return " ".join("".join(node.itertext()) for node in ET.fromstring(svg).iter())


def test_a_result_draws_its_groups_and_calibration_as_svg(result) -> None:
    drawing = result.plot()
    found = texts(drawing.svg)
    assert "selection_rate" in found
    assert "F (n=" in found
    assert "calibration" in found
    assert drawing._repr_svg_() == drawing.svg


def test_the_same_figures_give_the_same_bytes(result) -> None:
    assert result.plot().svg == result.plot().svg


def test_what_was_stored_draws_too(result) -> None:
    body = result.to_body()
    drawing = draw_figures(body["figures"], curves=body["curves"])
    assert drawing.svg == result.plot().svg


def test_drawing_leaves_no_state_and_no_pyplot(result) -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    result.plot()
    assert dict(mpl.rcParams) == before
    assert (
        "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()
    )


def test_a_picture_is_saved_where_told(result, tmp_path) -> None:
    path = result.plot().save(tmp_path / "bias.svg")
    assert path.read_text(encoding="utf-8") == result.plot().svg


def test_labels_are_text_and_never_markup_or_mathematics() -> None:
    figures = [
        Figure(measure="rate", group={"area": label}, value=0.5, low=0.4, high=0.6, n=50)
        for label in ("<script>x</script>", "$5 to $10", "a & b")
    ]
    found = texts(draw_figures(figures).svg)
    assert "<script>x</script>" in found
    assert "$5 to $10" in found
    assert "<script" not in draw_figures(figures).svg


def test_figures_without_a_value_are_nothing_to_draw() -> None:
    with pytest.raises(InputError, match="nothing to draw"):
        draw_figures([Figure(measure="rate", value=None)])


def test_history_draws_each_column_over_time_with_the_limit() -> None:
    batches = [
        (
            f"2026-11-{day:02}",
            MeasureResult(
                kind="drift",
                figures=tuple(
                    Figure(measure="psi", group={"column": c}, value=day * size)
                    for c, size in (("age", 0.01), ("income", 0.002))
                ),
            ),
        )
        for day in (1, 2, 3)
    ]
    found = texts(plot_history(batches, "psi", limit=0.02).svg)
    assert "column=age" in found
    assert "2026-11-03" in found
    with pytest.raises(InputError, match="no result has the measure"):
        plot_history(batches, "ks")


def test_p_values_are_not_drawn_and_long_lists_say_what_is_missing() -> None:
    figures = [
        Figure(measure="psi", group={"column": f"c{i}"}, value=i / 100) for i in range(50)
    ] + [Figure(measure="adjusted_p_value", group={"column": "c1"}, value=0.2)]
    found = texts(draw_figures(figures).svg)
    assert "adjusted_p_value" not in found
    assert "10 more not shown" in found
    assert "c49" in found
    assert "c3 " not in found  # the smallest are the ones left out
