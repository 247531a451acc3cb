"""Figures from counted cells equal Fairlearn's and scikit-learn's on rows, to 1e-12."""

from __future__ import annotations

from functools import partial

import fairlearn.metrics as fm
import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as skm
from hypothesis import given, settings
from hypothesis import strategies as st

from aims_mlops.measures.bias.measure import measure_bias
from aims_mlops.measures.result.figure import Figure

TOLERANCE = 1e-12

# name of a rate -> (function on rows, what its denominator counts)
RATES = {
    "selection_rate": (fm.selection_rate, lambda t, p: np.ones(len(t), bool)),
    "accuracy_score": (skm.accuracy_score, lambda t, p: np.ones(len(t), bool)),
    "true_positive_rate": (fm.true_positive_rate, lambda t, p: t == 1),
    "true_negative_rate": (fm.true_negative_rate, lambda t, p: t == 0),
    "false_positive_rate": (fm.false_positive_rate, lambda t, p: t == 0),
    "false_negative_rate": (fm.false_negative_rate, lambda t, p: t == 1),
    "precision_score": (partial(skm.precision_score, zero_division=0), lambda t, p: p == 1),
}
# name of a comparison -> the rate whose largest gap or smallest ratio it is
COMPARISONS = {
    "demographic_parity": "selection_rate",
    "equal_opportunity": "true_positive_rate",
    "false_positive_rate": "false_positive_rate",
    "true_negative_rate": "true_negative_rate",
    "false_negative_rate": "false_negative_rate",
    "accuracy_score": "accuracy_score",
    "precision_score": "precision_score",
}


@st.composite
def data_sets(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, pd.DataFrame, np.ndarray]:
    n = draw(st.integers(12, 150))
    seed = draw(st.integers(0, 2**32 - 1))
    generator = np.random.default_rng(seed)
    y_true = (generator.random(n) < draw(st.floats(0.1, 0.9))).astype(int)
    y_pred = (generator.random(n) < draw(st.floats(0.1, 0.9))).astype(int)
    sensitive = pd.DataFrame(
        {
            "sex": generator.choice(["F", "M"], n),
            "region": generator.choice(["north", "south", "west"][: draw(st.integers(1, 3))], n),
        }
    )
    weights = generator.integers(1, 5, n) / 2
    return y_true, y_pred, sensitive, weights


def masks(sensitive: pd.DataFrame) -> dict[tuple[tuple[str, str], ...], np.ndarray]:
    found = {}
    for columns in (["sex"], ["region"], ["sex", "region"]):
        for labels, rows in sensitive.groupby(columns):
            group = tuple(zip(columns, labels, strict=True))
            found[group] = np.isin(np.arange(len(sensitive)), rows.index)
    return found


@settings(max_examples=60, deadline=None)
@given(data_sets(), st.booleans())
def test_rates_from_counts_equal_rates_on_rows(data, weighted) -> None:
    y_true, y_pred, sensitive, weights = data
    weights = weights if weighted else None
    result = measure_bias(
        y_true=y_true,
        y_pred=y_pred,
        sensitive=sensitive,
        sample_weight=weights,
        min_group_size=1,
        n_resamples=100,
    )
    for group, mask in {(): np.ones(len(y_true), bool), **masks(sensitive)}.items():
        for name, (function, denominator) in RATES.items():
            figure = result.figure(name, dict(group) or None)
            t, p = y_true[mask], y_pred[mask]
            if not denominator(t, p).any():
                assert figure.value is None
                continue
            w = None if weights is None else weights[mask]
            assert figure.value == pytest.approx(function(t, p, sample_weight=w), abs=TOLERANCE)
            assert figure.low <= figure.value <= figure.high
            assert figure.numerator / figure.denominator == pytest.approx(figure.value)
            assert figure.n == denominator(t, p).sum()


@settings(max_examples=60, deadline=None)
@given(data_sets(), st.booleans())
def test_comparisons_from_counts_equal_fairlearn_on_rows(data, weighted) -> None:
    y_true, y_pred, sensitive, weights = data
    weights = weights if weighted else None
    result = measure_bias(
        y_true=y_true,
        y_pred=y_pred,
        sensitive=sensitive,
        sample_weight=weights,
        min_group_size=1,
        n_resamples=100,
    )
    every = masks(sensitive)
    for used, scope in (
        (["sex"], {"sex": "*"}),
        (["region"], {"region": "*"}),
        (["sex", "region"], None),
    ):
        groups = [m for group, m in every.items() if [c for c, _ in group] == used]
        if len(groups) < 2:
            continue
        frame = fm.MetricFrame(
            metrics={name: function for name, (function, _) in RATES.items()},
            y_true=y_true,
            y_pred=y_pred,
            sensitive_features=sensitive[used],
            sample_params=None
            if weights is None
            else {name: {"sample_weight": weights} for name in RATES},
        )
        with np.errstate(all="ignore"):
            gaps, ratios = frame.difference(), frame.ratio()
        complete = {
            rate: all(RATES[rate][1](y_true[m], y_pred[m]).any() for m in groups) for rate in RATES
        }
        for name, rate in COMPARISONS.items():
            if complete[rate]:  # else Fairlearn makes up a rate of 0
                check(result.figure(f"{name}_difference", scope), gaps[rate])
                check(result.figure(f"{name}_ratio", scope), ratios[rate])
        odds = ["true_positive_rate", "false_positive_rate"]
        if all(complete[rate] for rate in odds):
            check(result.figure("equalized_odds_difference", scope), max(gaps[odds]))
            worst = np.nan if ratios[odds].isna().any() else min(ratios[odds])
            check(result.figure("equalized_odds_ratio", scope), worst)


def check(figure: Figure, expected: float) -> None:
    if np.isnan(expected):  # a ratio of rates that are all 0
        assert figure.value is None
        return
    assert figure.value == pytest.approx(expected, abs=TOLERANCE)
    assert 0 <= figure.low <= figure.value <= figure.high


@pytest.mark.parametrize(
    "name",
    [
        "demographic_parity_difference",
        "demographic_parity_ratio",
        "equal_opportunity_difference",
        "equal_opportunity_ratio",
        "equalized_odds_difference",
        "equalized_odds_ratio",
        "true_negative_rate_difference",
        "false_positive_rate_ratio",
        "false_negative_rate_difference",
        "accuracy_score_ratio",
    ],
)
def test_a_comparison_equals_the_function_of_fairlearn_whose_name_it_has(name) -> None:
    generator = np.random.default_rng(9)
    y_true, y_pred = generator.integers(0, 2, (2, 400))
    sensitive = generator.choice(["F", "M", "X"], 400)
    figure = measure_bias(y_true=y_true, y_pred=y_pred, sensitive=sensitive).figure(name)
    expected = getattr(fm, name)(y_true, y_pred, sensitive_features=sensitive)
    assert figure.value == pytest.approx(expected, abs=TOLERANCE)
    assert figure.source.endswith(f": {name}")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(30, 200))
def test_each_class_of_several_equals_fairlearn_on_rows_made_binary(seed, n) -> None:
    generator = np.random.default_rng(seed)
    y_true, y_pred = generator.choice(["x", "y", "z"], (2, n))
    sensitive = generator.choice(["F", "M"], n)
    result = measure_bias(
        y_true=y_true,
        y_pred=y_pred,
        sensitive=sensitive,
        labels=["x", "y", "z"],
        min_group_size=1,
        n_resamples=100,
    )
    gaps = []
    for label in "xyz":
        gap = fm.demographic_parity_difference(
            y_true == label, y_pred == label, sensitive_features=sensitive
        )
        found = result.figure(f"demographic_parity_difference[{label}]").value
        assert found == pytest.approx(gap, abs=TOLERANCE)
        gaps.append(gap)
    worst = result.figure("demographic_parity_difference").value
    assert worst == pytest.approx(max(gaps), abs=TOLERANCE)
    right = (y_true == y_pred)[sensitive == "F"].mean()
    assert result.figure("accuracy_score", {"sensitive": "F"}).value == pytest.approx(right)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(20, 200), st.booleans())
def test_regression_means_and_differences_equal_fairlearn_on_rows(seed, n, weighted) -> None:
    generator = np.random.default_rng(seed)
    y_true = generator.normal(100, 20, n)
    y_pred = y_true + generator.normal(1, 5, n)
    sensitive = generator.choice(["F", "M", "X"], n)
    weights = generator.random(n) + 0.1 if weighted else None
    metrics = {
        "mean_prediction": fm.mean_prediction,
        "mean_absolute_error": skm.mean_absolute_error,
        "mean_squared_error": skm.mean_squared_error,
    }
    frame = fm.MetricFrame(
        metrics=metrics,
        y_true=y_true,
        y_pred=y_pred,
        sensitive_features=sensitive,
        sample_params={name: {"sample_weight": weights} for name in metrics} if weighted else None,
    )
    result = measure_bias(
        y_true=y_true,
        y_pred=y_pred,
        sensitive=sensitive,
        sample_weight=weights,
        min_group_size=2,
        n_resamples=100,
    )
    for name in metrics:
        assert result.figure(name).value == pytest.approx(frame.overall[name], rel=TOLERANCE)
        for label, value in frame.by_group[name].items():
            figure = result.figure(name, {"sensitive": label})
            assert figure.value == pytest.approx(value, rel=1e-11)
        if (pd.Series(sensitive).value_counts() > 1).all():
            gap = result.figure(f"{name}_difference").value
            assert gap == pytest.approx(frame.difference()[name], rel=1e-9, abs=1e-9)
