"""What a person sees of many figures: the sentence first, what matters on top, the rest folded."""

from __future__ import annotations

import pytest

from aims_mlops.errors import InputError
from aims_mlops.measures.result.figure import Figure
from aims_mlops.measures.result.plots import Drawing
from aims_mlops.measures.result.reading_order import headline, in_reading_order
from aims_mlops.measures.result.result import MeasureResult

FIGURES = (
    Figure(measure="selection_rate", group={"sex": "F"}, value=0.2),
    Figure(measure="selection_rate", group={"sex": "M"}, value=0.5),
    Figure(measure="equalized_odds_difference", group={"sex": "*"}, value=0.1),
    Figure(measure="demographic_parity_ratio", group={"sex": "*"}, value=0.4),
    Figure(measure="impact_ratio", group={"age": "*"}, value=1.5),
    Figure(measure="demographic_parity_difference", group={"age": "*"}, value=None),
    Figure(measure="selection_rate", value=0.35),
)


def test_overall_comes_first_then_the_widest_gap_then_single_groups() -> None:
    assert [(f.measure, f.group_text) for f in in_reading_order(FIGURES)] == [
        ("selection_rate", None),
        ("demographic_parity_ratio", "sex=*"),
        ("impact_ratio", "age=*"),
        ("equalized_odds_difference", "sex=*"),
        ("demographic_parity_difference", "age=*"),
        ("selection_rate", "sex=F"),
        ("selection_rate", "sex=M"),
    ]


def test_headline_names_the_widest_gaps_and_no_verdict() -> None:
    assert headline(FIGURES) == (
        "lowest ratio 0.4 (demographic_parity_ratio, sex=*); 2 of 2 ratios below four fifths; "
        "widest gap 0.1 (equalized_odds_difference, sex=*)"
    )
    assert headline(FIGURES[:2]) is None


def test_notebook_folds_single_groups_and_hides_none() -> None:
    result = MeasureResult(kind="bias", figures=FIGURES)
    page = result._repr_html_()
    assert page.index("lowest ratio 0.4") < page.index("<table>") < page.index("<details>")
    assert "<summary>sex: 2 figures of single groups</summary>" in page
    assert page.count("<tr><td>") == len(FIGURES)
    assert repr(result).splitlines()[1].strip().startswith("lowest ratio")


def test_drawing_is_saved_as_a_figure_of_matplotlib_would_be(tmp_path: object) -> None:
    from pathlib import Path

    drawing = MeasureResult(kind="performance", figures=FIGURES[6:]).plot()
    assert isinstance(drawing, Drawing)
    written = drawing.savefig(Path(str(tmp_path)) / "a.svg")
    assert written.read_text() == drawing.svg
    with pytest.raises(InputError, match="written as SVG"):
        drawing.savefig("a.png")
