"""Weighted points: nothing is lost but where it is said."""

from __future__ import annotations

import numpy as np
import pytest

from aims_mlops.measures.drift_points import compress, merge, points_of


def test_few_values_are_kept_exactly() -> None:
    points = compress(points_of(np.array([3.0, 1.0, 3.0, 2.0])), 10)
    assert points.values.tolist() == [1.0, 2.0, 3.0]
    assert points.counts.tolist() == [1, 1, 2]
    assert points.error == 0.0


def test_many_values_keep_rows_mean_and_ends() -> None:
    values = np.random.default_rng(0).normal(size=10_000)
    points = compress(points_of(values), 100)
    assert points.values.size <= 110
    assert points.counts.sum() == 10_000
    assert np.average(points.values, weights=points.counts) == pytest.approx(values.mean())
    assert (points.values[0], points.values[-1]) == (values.min(), values.max())
    assert points.error == pytest.approx(0.01, abs=0.002)


def test_spike_among_many_values_stays_exact() -> None:
    random = np.random.default_rng(0)
    values = np.concatenate((np.zeros(5_000), random.normal(size=5_000)))
    points = compress(points_of(values), 100)
    assert points.counts[points.values == 0.0].tolist() == [5_000]


def test_merged_halves_are_the_whole() -> None:
    values = np.random.default_rng(0).integers(0, 50, 1000).astype(float)
    whole = points_of(values)
    halves = merge(points_of(values[:300]), points_of(values[300:]))
    assert halves.values.tolist() == whole.values.tolist()
    assert halves.counts.tolist() == whole.counts.tolist()
