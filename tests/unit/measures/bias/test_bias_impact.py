"""Impact ratios after Local Law 144 and the four-fifths rule."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import fisher_exact

from aims_mlops.measures.bias.measure import measure_bias


def people(**counts: tuple[int, int]) -> dict[str, list]:
    """{category: (selected, assessed)} as rows."""
    selected, category = [], []
    for name, (yes, n) in counts.items():
        selected += [1] * yes + [0] * (n - yes)
        category += [None if name == "missing" else name] * n
    return {"y_pred": selected, "sensitive": {"category": category}}


def test_impact_ratio_is_the_rate_over_the_highest_rate() -> None:
    result = measure_bias(**people(Male=(667, 1390), Female=(555, 1181)))
    female = result.figure("impact_ratio", {"category": "Female"})
    # By hand: (555 / 1181) / (667 / 1390) = 0.46994 / 0.47986.
    assert female.value == pytest.approx(0.97934, abs=1e-5)
    assert female.numerator == pytest.approx(555 / 1181)
    assert female.denominator == pytest.approx(667 / 1390)
    assert female.n == 1181
    assert result.figure("impact_ratio", {"category": "Male"}).value == 1
    assert result.figure("four_fifths_ratio").value == female.value


def test_unknown_category_is_counted_and_not_compared() -> None:
    result = measure_bias(**people(F=(40, 100), M=(50, 100), missing=(20, 20)))
    unknown = {"category": "(unknown)"}
    assert result.figure("selection_rate", unknown).value == 1
    assert result.figure("impact_ratio", unknown).value is None
    assert result.figure("impact_ratio", unknown).n == 20
    assert result.figure("impact_ratio", {"category": "F"}).value == pytest.approx(0.8)
    entry = next(e for e in result.left_out if e.what == "impact_ratio of category=(unknown)")
    assert "counted, not compared" in entry.why


def test_category_under_two_percent_is_shown_and_not_compared() -> None:
    counts = {"A": (500, 1000), "B": (450, 1000), "tiny": (0, 30)}
    result = measure_bias(**people(**counts))
    assert result.figure("selection_rate", {"category": "tiny"}).value == 0
    assert result.figure("impact_ratio", {"category": "tiny"}).value is None
    assert result.figure("four_fifths_ratio").value == pytest.approx(0.9)
    assert result.figure("four_fifths_ratio").n == 1000
    whole = measure_bias(**people(**counts), smallest_share=0)
    assert whole.figure("impact_ratio", {"category": "tiny"}).value == 0
    assert whole.figure("four_fifths_ratio").n == 30


def test_intersections_get_their_own_ratios() -> None:
    sex = ["F", "F", "M", "M"] * 50
    race = ["x", "y", "x", "y"] * 50
    selected = [1, 0, 1, 1] * 50
    result = measure_bias(y_pred=selected, sensitive={"sex": sex, "race": race})
    assert result.figure("impact_ratio", {"sex": "F"}).value == pytest.approx(0.5)
    assert result.figure("impact_ratio", {"sex": "F", "race": "y"}).value == 0
    assert result.figure("four_fifths_ratio", {"sex": "*"}).value == pytest.approx(0.5)
    assert result.figure("four_fifths_ratio").value == 0


def test_scoring_rate_is_the_share_strictly_above_the_median_of_all() -> None:
    # Scores 1 to 8; the median is 4.5. A: 1, 2, 3, 8 -> 1 of 4; B: 4, 5, 6, 7 -> 3 of 4.
    result = measure_bias(y_score=[1, 2, 3, 8, 4, 5, 6, 7], sensitive=list("AAAABBBB"))
    assert result.figure("scoring_rate", {"sensitive": "A"}).value == 0.25
    assert result.figure("scoring_rate", {"sensitive": "B"}).value == 0.75
    assert result.figure("scoring_impact_ratio", {"sensitive": "A"}).value == pytest.approx(1 / 3)
    assert result.extra["task"] == "scores"


def test_a_score_equal_to_the_median_is_not_above_it() -> None:
    result = measure_bias(y_score=[1, 2, 2, 2, 3], sensitive=list("AABBB"))
    assert result.figure("scoring_rate").numerator == 1


def test_exact_test_is_fishers_against_the_highest_rate() -> None:
    result = measure_bias(**people(A=(30, 60), B=(12, 50), C=(20, 55)))
    expected = fisher_exact([[12, 38], [30, 30]]).pvalue
    assert result.figure("fisher_exact_pvalue", {"category": "B"}).value == pytest.approx(expected)
    assert "scipy" in result.figure("fisher_exact_pvalue", {"category": "C"}).source


def test_nobody_selected_has_no_ratio() -> None:
    result = measure_bias(**people(A=(0, 40), B=(0, 50)))
    assert result.figure("four_fifths_ratio").value is None
    assert result.figure("demographic_parity_ratio").value is None
    assert result.figure("demographic_parity_difference").value == 0
    assert any("nobody is selected" in entry.why for entry in result.left_out)


def test_one_group_has_nothing_to_be_compared_with() -> None:
    result = measure_bias(**people(A=(10, 40)))
    assert result.figure("selection_rate", {"category": "A"}).value == 0.25
    for name in ("demographic_parity_difference", "four_fifths_ratio"):
        assert result.figure(name).value is None
        assert result.figure(name).n is None


def test_weights_leave_the_exact_test_out() -> None:
    data = people(A=(30, 60), B=(12, 50))
    result = measure_bias(**data, sample_weight=np.ones(110) * 2)
    assert result.figure("impact_ratio", {"category": "B"}).value == pytest.approx(0.48)
    assert "fisher_exact_pvalue" not in {f.measure for f in result.figures}
    assert any(entry.what == "fisher_exact_pvalue" for entry in result.left_out)
