"""Intervals against SciPy and published values, and their coverage of a known truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aims_mlops.measures.bias.measure import measure_bias
from aims_mlops.measures.statistics.intervals import (
    Estimates,
    clopper_pearson,
    compare_groups,
    wilson,
)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (10, 10), (3, 17), (500, 1000), (1, 1), (1, 10**6)])
def test_clopper_pearson_equals_scipy(k, n) -> None:
    from scipy.stats import binomtest

    expected = binomtest(k, n).proportion_ci(0.95, method="exact")
    low, high = clopper_pearson(k, n, 0.95)
    assert (low, high) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-12)


def test_clopper_pearson_of_nothing_says_nothing() -> None:
    low, high = clopper_pearson(0, 0, 0.95)
    assert math.isnan(low)
    assert math.isnan(high)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (10, 10), (81, 263), (15, 148)])
def test_wilson_equals_scipy(k, n) -> None:
    from scipy.stats import binomtest, norm

    expected = binomtest(k, n).proportion_ci(0.95, method="wilson")
    low, high = wilson(k / n, n, norm.ppf(0.975))
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def two_groups(k1: int, n1: int, k2: int, n2: int) -> Estimates:
    counts, n = np.array([k1, k2], float), np.array([n1, n2], float)
    draws = np.random.default_rng(0).binomial(n.astype(int), counts / n, (2000, 2)) / n
    return Estimates.of_proportions(counts, n, draws)


def test_gap_of_two_groups_is_newcombes_hybrid_score_interval() -> None:
    # Newcombe 1998, Statistics in Medicine 17:873, example (a), method 10:
    # 56/70 - 48/80 = 0.2, interval 0.0524 to 0.3339.
    interval = compare_groups([two_groups(56, 70, 48, 80)], ratio=False, confidence=0.95)
    assert interval.value == pytest.approx(0.2)
    assert interval.low == pytest.approx(0.0524, abs=5e-5)
    assert interval.high == pytest.approx(0.3339, abs=5e-5)


def test_gap_that_chance_explains_reaches_down_to_zero() -> None:
    interval = compare_groups([two_groups(50, 100, 55, 100)], ratio=False, confidence=0.95)
    assert interval.low == 0


def test_ratio_that_chance_explains_reaches_up_to_one() -> None:
    interval = compare_groups([two_groups(50, 100, 55, 100)], ratio=True, confidence=0.95)
    assert interval.value == pytest.approx(50 / 55)
    assert interval.high == 1


def test_ratio_with_an_empty_group_rate_is_zero_with_an_interval() -> None:
    interval = compare_groups([two_groups(0, 50, 25, 50)], ratio=True, confidence=0.95)
    assert interval.value == 0
    assert interval.low == 0
    assert 0 < interval.high < 0.3


def test_ratio_of_rates_that_are_all_zero_is_not_known() -> None:
    interval = compare_groups([two_groups(0, 50, 0, 50)], ratio=True, confidence=0.95)
    assert interval.value is None


RUNS = 500
CASES = {
    "two groups that differ": ((0.3, 0.5), (200, 200)),
    "five groups that differ": ((0.1, 0.2, 0.3, 0.4, 0.5), (300,) * 5),
    "three groups, small samples": ((0.5, 0.7, 0.6), (100, 100, 100)),
    "two equal groups": ((0.2, 0.2), (400, 400)),
    "five equal groups": ((0.3,) * 5, (300,) * 5),
    "two equal groups of very unequal size": ((0.2, 0.2), (2000, 30)),
}


@pytest.mark.parametrize("case", CASES)
def test_comparison_intervals_cover_the_truth_in_93_to_97_percent(case) -> None:
    runs = 1500
    rates, sizes = np.array(CASES[case][0]), np.array(CASES[case][1])
    generator = np.random.default_rng(5)
    covered = {False: 0, True: 0}
    truth = {False: rates.max() - rates.min(), True: rates.min() / rates.max()}
    for _ in range(runs):
        hits = generator.binomial(sizes, rates)
        draws = generator.binomial(sizes, hits / sizes, (300, len(sizes))) / sizes
        estimates = Estimates.of_proportions(hits.astype(float), sizes.astype(float), draws)
        for ratio in covered:
            found = compare_groups([estimates], ratio=ratio, confidence=0.95)
            covered[ratio] += found.low <= truth[ratio] <= found.high
    print(f"{case}: difference {covered[False] / runs:.1%}, ratio {covered[True] / runs:.1%}")
    for count in covered.values():
        assert 0.93 <= count / runs <= 0.97


@pytest.mark.slow
def test_intervals_of_the_whole_measure_cover_the_truth_in_93_to_97_percent() -> None:
    generator = np.random.default_rng(20)
    group = np.repeat(["a", "b"], 400)
    truth = (generator.random(800) < 0.5).astype(int)
    # True positive rates 0.8 and 0.6, false positive rates 0.2 and 0.3.
    chance = np.where(group == "a", np.where(truth, 0.8, 0.2), np.where(truth, 0.6, 0.3))
    names = {"equal_opportunity_difference": 0.2, "equalized_odds_difference": 0.2}
    covered = dict.fromkeys(names, 0)
    for run in range(RUNS):
        flagged = (generator.random(800) < chance).astype(int)
        result = measure_bias(
            y_true=truth, y_pred=flagged, sensitive=group, seed=run, n_resamples=300
        )
        for name, gap in names.items():
            figure = result.figure(name)
            covered[name] += figure.low <= gap <= figure.high
    for name, count in covered.items():
        print(f"{name}: covered {count / RUNS:.1%} of {RUNS}")
        assert 0.93 <= count / RUNS <= 0.97


def test_rate_intervals_cover_the_truth_in_93_to_97_percent() -> None:
    generator = np.random.default_rng(3)
    for rate, n in ((0.1, 500), (0.3, 1000), (0.5, 300), (0.8, 2000)):
        hits = generator.binomial(n, rate, 4000)
        low, high = clopper_pearson(hits, np.full(4000, n), 0.95)
        covered = ((low <= rate) & (rate <= high)).mean()
        assert 0.93 <= covered <= 0.97, (rate, n, covered)


def test_weighted_rate_intervals_cover_the_truth_in_93_to_97_percent() -> None:
    generator = np.random.default_rng(2)
    covered = 0
    runs = 600
    for _ in range(runs):
        weights = generator.gamma(2, 1, 400)
        selected = (generator.random(400) < 0.3).astype(int)
        figure = measure_bias(
            y_pred=selected, sensitive=["a"] * 400, sample_weight=weights, n_resamples=100
        ).figure("selection_rate")
        covered += figure.low <= 0.3 <= figure.high
    print(f"weighted rate: covered {covered / runs:.1%} of {runs}")
    assert 0.93 <= covered / runs <= 0.97


def test_regression_gaps_cover_the_truth_in_93_to_97_percent() -> None:
    generator = np.random.default_rng(2)
    sensitive = np.repeat(["a", "b", "c"], [400, 60, 200])
    covered = 0
    for run in range(RUNS):
        truth = generator.normal(0, 5, 660)
        predicted = truth + generator.normal(0, 2, 660) + np.where(sensitive == "b", 1.0, 0.0)
        figure = measure_bias(
            y_true=truth, y_pred=predicted, sensitive=sensitive, seed=run, n_resamples=300
        ).figure("mean_error_difference")
        covered += figure.low <= 1.0 <= figure.high
    print(f"mean_error_difference: covered {covered / RUNS:.1%} of {RUNS}")
    assert 0.93 <= covered / RUNS <= 0.97


def test_equal_rates_in_groups_of_2000_and_30_never_fail_a_rule() -> None:
    generator = np.random.default_rng(7)
    group = np.repeat(["large", "small"], [2000, 30])
    failed = naive = 0
    for run in range(RUNS):
        selected = (generator.random(2030) < 0.2).astype(int)
        result = measure_bias(
            y_pred=selected, sensitive=group, seed=run, n_resamples=200, smallest_share=0
        )
        ratio = result.figure("four_fifths_ratio")
        failed += ratio.high < 0.8
        naive += ratio.value < 0.8
    print(f"four-fifths: {naive} of {RUNS} below on the estimate, {failed} on the interval")
    assert naive > 0.4 * RUNS  # what a rule on the estimate would do
    assert failed <= 0.05 * RUNS


def test_the_same_seed_gives_the_same_interval_and_another_a_close_one() -> None:
    generator = np.random.default_rng(1)
    data = {
        "y_pred": generator.integers(0, 2, 900),
        "sensitive": generator.choice(list("abc"), 900),
    }
    name = "demographic_parity_difference"
    first, again = (measure_bias(**data, seed=5).figure(name) for _ in range(2))
    other = measure_bias(**data, seed=6).figure(name)
    assert first == again
    assert other.high == pytest.approx(first.high, abs=0.02)
