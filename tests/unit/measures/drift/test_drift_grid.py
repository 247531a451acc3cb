"""The grid gives SciPy's Wasserstein distance, however the values lie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from aims_mlops.measures.drift.methods.grid import grid_gap
from aims_mlops.measures.drift.samples.sample import NumericSample


def sample(values: np.ndarray, form: str) -> NumericSample:
    """The same values unsorted, sorted, or each once with its rows."""
    if form == "sorted":
        return NumericSample(values=np.sort(values), sorted=True)
    if form == "counted":
        different, rows = np.unique(values, return_counts=True)
        return NumericSample(values=different, counts=rows, sorted=True)
    return NumericSample(values=values)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["normal", "cauchy", "lognormal", "rounded", "counts", "spike", "two"]),
    st.integers(1, 3000),
    st.integers(1, 3000),
    st.sampled_from([0.0, 1e-3, 0.7]),
    st.sampled_from([0.0, 1e6, -1.7e9]),
    st.sampled_from(["unsorted", "sorted", "counted"]),
    st.integers(0, 2**32 - 1),
)
def test_any_two_samples_give_scipys_distance(
    shape: str, n: int, m: int, shift: float, offset: float, form: str, seed: int
) -> None:
    random = np.random.default_rng(seed)
    make = {
        "normal": lambda n: random.normal(size=n),
        "cauchy": lambda n: random.standard_cauchy(n),
        "lognormal": lambda n: random.lognormal(0, 3, n),
        "rounded": lambda n: random.normal(size=n).round(1),
        "counts": lambda n: random.poisson(3, n).astype(float),
        "spike": lambda n: np.where(random.random(n) < 0.7, 0.0, random.normal(size=n)),
        "two": lambda n: random.integers(0, 2, n).astype(float),
    }[shape]
    first, second = make(n) + offset, make(m) + offset + shift
    found = grid_gap(sample(first, form), sample(second, "unsorted"))
    if found is None:  # nothing to lay a grid over, or sorting is cheaper
        return
    theirs = stats.wasserstein_distance(first, second)
    # SciPy adds up differences of the values themselves, so an offset costs both sides digits.
    slack = 1e-15 * max(abs(offset), 1.0) + 1e-12
    assert found.area == pytest.approx(theirs, rel=1e-9, abs=slack)
    distance = stats.ks_2samp(first, second, method="asymp").statistic
    assert found.gap <= distance + 1e-12
    assert found.gap + found.gap_error >= distance - 1e-12


def test_grid_is_used_for_ordinary_columns() -> None:
    random = np.random.default_rng(0)
    for values in (random.normal(size=5000), random.integers(0, 80, 5000).astype(float)):
        assert grid_gap(sample(values, "unsorted"), sample(values + 0.1, "unsorted")) is not None


def test_reference_of_one_value_has_no_grid() -> None:
    assert grid_gap(sample(np.ones(100), "unsorted"), sample(np.zeros(9), "unsorted")) is None


@pytest.mark.parametrize("form", ["unsorted", "sorted", "counted"])
def test_largest_value_many_times_over_is_counted_in_full(form: str) -> None:
    # The bins above the largest value are empty; the last full one must not lose a row to them.
    first = np.array([0.0, 1.0, 2.0, 2.5] * 500 + [3.0, 3.00001] * 500)
    second = first + 0.4
    found = grid_gap(sample(first, form), sample(second, "unsorted"))
    assert found is not None
    assert found.area == pytest.approx(0.4, rel=1e-12)
