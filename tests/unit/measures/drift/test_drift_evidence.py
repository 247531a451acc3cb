"""Tests keep their level, and chance levels are what chance gives."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from aims_mlops.measures.drift.methods.catalogue import METHODS
from aims_mlops.measures.drift.methods.grid import grid_gap
from aims_mlops.measures.drift.methods.significance import (
    chance_level,
    label_test,
    numeric_test,
    rows_needed,
)
from aims_mlops.measures.drift.performance import RowScores, performance_drift
from aims_mlops.measures.drift.samples.sample import CategorySample, NumericSample
from aims_mlops.measures.drift.verdict import Rules


def labels(values: np.ndarray) -> CategorySample:
    different, rows = np.unique(values, return_counts=True)
    return CategorySample(counts=dict(zip(map(str, different), map(int, rows), strict=True)))


def test_many_rows_of_few_labels_give_pearsons_p_value() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        first, second = random.integers(0, 5, 4000), random.integers(0, 5, 3000)
        tables = [np.bincount(side, minlength=5) for side in (first, second)]
        theirs = stats.chi2_contingency(np.array(tables), correction=False).pvalue
        assert label_test(labels(first), labels(second)).p_value == pytest.approx(theirs, abs=0.003)


def test_moments_are_those_of_every_permutation() -> None:
    # All 12-choose-5 ways to split twelve rows of four labels.
    rows = np.array([0] * 5 + [1] * 4 + [2] * 2 + [3])
    statistics = []
    for chosen in combinations(range(12), 5):
        inside = np.zeros(12, bool)
        inside[list(chosen)] = True
        observed = np.array([np.bincount(rows[side], minlength=4) for side in (inside, ~inside)])
        statistics.append(stats.chi2_contingency(observed, correction=False).statistic)
    mean, variance = np.mean(statistics), np.var(statistics)
    # The p-value of a statistic is the gamma's with this mean and variance.
    first, second = rows[:5], rows[5:]
    observed = np.array([np.bincount(side, minlength=4) for side in (first, second)])
    statistic = stats.chi2_contingency(observed, correction=False).statistic
    expected = stats.gamma.sf(statistic, mean**2 / variance, scale=variance / mean)
    assert label_test(labels(first), labels(second)).p_value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("different", [2, 20, 400])
def test_labels_without_drift_are_rejected_as_often_as_said(different: int) -> None:
    random = np.random.default_rng(different)
    weights = 1 / np.arange(1, different + 1)
    weights /= weights.sum()
    draws = [random.choice(different, 300, p=weights) for _ in range(2000)]
    p_values = [
        label_test(labels(a), labels(b)).p_value
        for a, b in zip(draws[::2], draws[1::2], strict=True)
    ]
    # 1000 runs at 5 %: standard deviation 0.7 %.
    assert np.mean(np.array(p_values) <= 0.05) <= 0.05 + 3 * 0.007


def test_p_value_from_the_grid_is_never_below_the_exact_one() -> None:
    random = np.random.default_rng(0)
    for shift in (0.0, 0.01, 0.02):
        sides = [NumericSample(values=random.normal(s, 1, 60_000)) for s in (0.0, shift)]
        gap = grid_gap(*sides)
        assert gap is not None
        exact, upper = numeric_test(*sides), numeric_test(*sides, gap)
        assert exact.p_value <= upper.p_value <= exact.p_value * 1.1 + 1e-6


@pytest.mark.parametrize("method", ["wasserstein", "jensenshannon", "psi"])
def test_chance_level_is_the_mean_of_distances_without_drift(method: str) -> None:
    random = np.random.default_rng(0)
    found, said = [], []
    for _ in range(300):
        if method == "wasserstein":
            sides = [NumericSample(values=random.normal(size=n)) for n in (800, 500)]
        else:
            sides = [labels(random.integers(0, 8, n)) for n in (800, 500)]
        found.append(METHODS[method].compute(*sides))
        said.append(chance_level(method, *sides))
    assert np.mean(found) == pytest.approx(np.mean(said), rel=0.08)


def test_rows_needed_halve_the_threshold() -> None:
    # 0.08 at 500 and 500 rows; half of 0.1 takes (0.08 / 0.05)^2 = 2.56 times the rows.
    assert rows_needed(0.08, 0.1, 500, 500, root=True) == 1280
    assert rows_needed(0.08, 0.1, 500, 500, root=False) == 800


@pytest.mark.parametrize("measure", ["accuracy", "mean_absolute_error"])
def test_interval_of_a_performance_difference_covers_the_truth(measure: str) -> None:
    random = np.random.default_rng(0)
    rules = Rules(false_discovery_rate=0.05)
    covered = 0
    for _ in range(2000):
        sides = []
        for n, level in ((400, 0.85), (250, 0.8)):
            scores = (
                (random.random(n) < level).astype(float)
                if measure == "accuracy"
                else random.gamma(2, level / 2, n)
            )
            sides.append(RowScores(measure, n, scores.sum(), np.square(scores).sum(), n))
        found = performance_drift(*sides, rules, 0.05)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.8 - 0.85 <= found.high
    assert 0.93 <= covered / 2000 <= 0.97
