"""Benjamini-Hochberg and Simes against SciPy and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aims_mlops.errors import InputError
from aims_mlops.measures.statistics.multiple_testing import adjusted_p_values, simes


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_adjusted_values_are_scipys(p_values: list[float]) -> None:
    theirs = stats.false_discovery_control(p_values, method="bh")
    assert adjusted_p_values(p_values) == pytest.approx(list(theirs), rel=1e-12)


def test_adjusted_values_by_hand() -> None:
    # 0.01 * 4/1, 0.02 * 4/2, 0.03 * 4/3, 0.9 * 4/4; the first three share the smallest, 0.04.
    assert adjusted_p_values([0.03, 0.9, 0.01, 0.02]) == pytest.approx([0.04, 0.9, 0.04, 0.04])


def test_no_tests_give_no_values_and_no_evidence() -> None:
    assert adjusted_p_values([]) == []
    assert simes([]) == 1.0


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_value_that_is_no_p_value_is_refused(value: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        adjusted_p_values([0.5, value])


def test_simes_keeps_its_level_where_nothing_differs() -> None:
    random = np.random.default_rng(1)
    rejected = [simes(list(random.random(20))) <= 0.05 for _ in range(4000)]
    # Exactly 5 % for independent tests; 4000 runs put 99.9 % of such shares within 0.0114.
    assert abs(np.mean(rejected) - 0.05) < 0.0114
