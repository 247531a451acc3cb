"""Weighted points: nothing is lost but where it is said."""

from __future__ import annotations

import numpy as np
import pytest

from aims_mlops.measures.drift.samples.points import compress, merge, points_of, pool


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


def test_stored_points_never_stand_for_fewer_than_five_rows() -> None:
    rng = np.random.default_rng(4)
    for n in (1, 4, 5, 9, 11, 200):
        points = pool(points_of(rng.normal(size=n)), 5)
        assert int(points.counts.sum()) == n
        assert int(points.counts.min()) >= min(5, n)
        assert (np.diff(points.values) > 0).all()


def test_values_of_many_rows_stay_as_they_are_when_pooled() -> None:
    points = points_of(np.repeat([1.0, 2.0, 7.0], [5, 9, 6]))
    assert pool(points, 5) is points


def test_lone_extremes_are_put_together_with_their_neighbours() -> None:
    pooled = pool(points_of(np.array([0.0, *[10.0] * 6, *[20.0] * 6, 500.0])), 5)
    assert pooled.values.tolist() == [60 / 7, 620 / 7]
    assert pooled.counts.tolist() == [7, 7]
    assert pooled.error == 0.5
