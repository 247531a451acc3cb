"""Figures held against rules: three answers, and what would be enough."""

import pytest

from aims_mlops.policy.grammar import Rule
from aims_mlops.policy.rules import judge


def figure(value, low=None, high=None, n=200, group=None, measure="recall_score"):
    return {
        "measure": measure,
        "group": group,
        "value": value,
        "low": low,
        "high": high,
        "n": n,
        "numerator": None,
        "denominator": None,
        "method": None,
        "source": None,
    }


def rule(**changes):
    fields = {"id": "performance.recall", "measure": "recall_score", "min": 0.6, **changes}
    return Rule(**fields)


def test_interval_above_the_limit_passes():
    result = judge([figure(0.8, 0.7, 0.9)], rule())
    assert (result.status, result.value, result.n, result.figures) == ("pass", 0.8, 200, 1)
    assert result.next_step == "none"
    assert result.observed == "0.8 [0.7, 0.9], n=200"
    assert result.limit == "at least 0.6 on the whole interval"


def test_interval_on_the_limit_passes_because_limits_are_inclusive():
    assert judge([figure(0.7, 0.6, 0.8)], rule()).status == "pass"
    assert judge([figure(0.3, 0.2, 0.4)], rule(min=None, max=0.4)).status == "pass"


def test_whole_interval_below_the_limit_fails():
    result = judge([figure(0.5, 0.45, 0.59)], rule())
    assert result.status == "fail"
    assert "improve the model" in result.next_step


def test_limit_inside_the_interval_is_insufficient_and_says_how_many_rows_are_enough():
    # Half-width 0.15 at n=100 must shrink to 0.05: a ninth of the variance, so nine times the rows.
    result = judge([figure(0.65, 0.50, 0.80, n=100)], rule())
    assert result.status == "insufficient"
    assert result.enough == "about 900 rows at this value (now 100)"
    assert "900 rows" in result.next_step


def test_upper_limit_inside_the_interval_counts_rows_from_the_upper_side():
    # Half-width 0.2 at n=50 must shrink to 0.1: four times the rows.
    result = judge([figure(0.3, 0.2, 0.5, n=50)], rule(min=None, max=0.4))
    assert result.enough == "about 200 rows at this value (now 50)"


def test_estimate_beyond_the_limit_says_that_no_number_of_rows_is_enough():
    result = judge([figure(0.55, 0.4, 0.7)], rule())
    assert result.status == "insufficient"
    assert "no number of rows" in result.enough


@pytest.mark.parametrize(
    ("value", "n", "status"),
    [(0.61, 200, "pass"), (0.6, 200, "pass"), (0.59, 200, "fail"), (0.61, 49, "insufficient"),
     (0.59, 49, "insufficient"), (0.61, 50, "pass"), (0.61, None, "insufficient"),
     (None, 200, "insufficient")],
)  # fmt: skip
def test_limit_on_the_estimate_looks_at_value_and_rows(value, n, status):
    found = judge([figure(value, 0.1, 0.9, n=n)], rule(limit_on="estimate", min_n=50))
    assert found.status == status


def test_proven_failure_stays_a_failure_with_few_rows():
    assert judge([figure(0.1, 0.0, 0.3, n=8)], rule(min_n=100)).status == "fail"


def test_figure_without_interval_is_insufficient_for_a_limit_on_the_interval():
    result = judge([figure(0.9)], rule())
    assert (result.status, result.enough) == ("insufficient", "a figure with an interval")


def test_too_few_rows_are_insufficient_even_above_the_limit():
    result = judge([figure(0.9, 0.85, 0.95, n=20)], rule(min_n=100))
    assert result.status == "insufficient"
    assert result.enough == "at least 100 rows (now 20)"


def test_missing_measure_suggests_the_one_that_is_there():
    result = judge([figure(0.9, 0.8, 1.0)], rule(measure="recal_score"))
    assert result.status == "insufficient"
    assert "did you mean 'recall_score'" in result.observed
    assert result.figures == 0


def test_missing_group_names_the_groups_that_are_there():
    result = judge([figure(0.9, 0.8, 1.0, group={"sex": "F"})], rule())
    assert "there is one for sex=F" in result.observed


@pytest.mark.parametrize(
    ("selector", "expected"),
    [("overall", "overall"), ("each", "sex=F"), ("every", "sex compared"),
     ({"sex": "F"}, "sex=F"), ({"sex": "*"}, "sex compared")],
)  # fmt: skip
def test_group_selector_picks_the_worst_of_its_groups(selector, expected):
    figures = [
        figure(0.95, 0.90, 1.0),
        figure(0.90, 0.85, 1.0, group={"sex": "F"}),
        figure(0.65, 0.61, 0.7, group={"sex": "M"}),
        figure(0.20, 0.10, 0.3, group={"sex": "*"}),
    ]
    result = judge(figures, rule(group=selector))
    assert (result.group or "overall") == expected
    assert result.status == ("fail" if "compared" in expected else "pass")


def test_each_group_must_keep_the_limit():
    figures = [
        figure(0.9, 0.85, 0.95, group={"sex": "F"}),
        figure(0.4, 0.3, 0.5, group={"sex": "M"}),
    ]
    result = judge(figures, rule(group="each"))
    assert (result.status, result.group, result.figures) == ("fail", "sex=M", 2)


def test_second_friendlier_figure_does_not_hide_a_failure():
    assert judge([figure(0.4, 0.3, 0.5), figure(0.9, 0.85, 0.95)], rule()).status == "fail"


def test_second_larger_sample_makes_up_for_a_thin_one():
    assert judge([figure(0.65, 0.4, 0.9), figure(0.7, 0.65, 0.75)], rule()).status == "pass"


@pytest.mark.parametrize(
    "broken",
    [
        {"value": 0.5},
        figure("high", 0.1, 0.9),
        figure(float("nan"), 0.1, 0.9),
        figure(0.95, 0.1, 0.9),
    ],
)
def test_figure_of_another_shape_is_an_error_and_never_a_pass(broken):
    assert judge([broken], rule()).status == "error"


def test_rule_without_a_limit_or_with_an_impossible_one_is_refused():
    with pytest.raises(ValueError, match="needs a limit"):
        rule(min=None)
    with pytest.raises(ValueError, match="nothing can keep"):
        rule(min=0.9, max=0.1)


def test_figure_that_the_data_do_not_give_asks_for_rows():
    assert judge([figure(None, n=0)], rule()).enough == "at least 1 rows (now 0)"
    assert judge([figure(None, n=None)], rule()).enough == "at least 1 rows (now an unknown number)"


def test_one_row_is_enough_to_say_how_many_are():
    # Half-width 0.4 at n=1 must shrink to 0.2: four times the rows.
    assert (
        judge([figure(0.8, 0.4, 1.0, n=1)], rule()).enough == "about 4 rows at this value (now 1)"
    )
    assert judge([figure(0.8, 0.4, 1.0, n=0)], rule()).enough == "more rows"


def test_error_counts_no_figures_and_says_what_to_do():
    result = judge([figure("high", 0.1, 0.9)], rule())
    assert result.figures == 0
    assert "record recall_score again" in result.next_step
