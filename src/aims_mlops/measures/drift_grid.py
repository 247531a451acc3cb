"""The area between two distribution functions without sorting a million rows.

Values are counted into a fine grid. F(t) - G(t) is known at every edge, and the integral of F - G
over a bin follows from the counts and the sums of values in it: each value x of a bin [a, b]
adds (b - x)/n. Where the sign cannot change inside a bin, |integral| is the bin's share of
the Wasserstein distance, exactly. It can change only where |F - G| at the left edge is no larger
than what the bin holds; the values of those few bins are sorted. So the result is exact, at a fifth
of the cost of sorting everything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aims_mlops.measures.drift_samples import Floats, NumericSample

_BINS = 1 << 15
_SAMPLE = 4096  # values looked at to lay the grid; where it lies changes the speed, not the result
_MOST_SORTED = 0.4  # share of rows above which sorting everything is cheaper
_LONG_TAIL = 30.0  # range over interquartile range; a normal sample has about 4.6


@dataclass(frozen=True, slots=True)
class GridGap:
    """What the grid says of two samples.

    area : integral of |F - G|, exact.  gap : largest |F - G| at an edge, a lower bound of the
        Kolmogorov-Smirnov distance.  gap_error : how much larger that distance can be.
    """

    area: float
    gap: float
    gap_error: float


def wasserstein_by_grid(reference: NumericSample, current: NumericSample) -> float | None:
    """The first Wasserstein distance, not normed; None where sorting would be cheaper."""
    gap = grid_gap(reference, current)
    return None if gap is None else gap.area


def grid_gap(reference: NumericSample, current: NumericSample) -> GridGap | None:
    """Both distances of two samples of finite values; None where sorting is cheaper."""
    grid = _lay(reference)
    if grid is None:
        return None
    edges = np.empty(_BINS + 3)
    edges[1:-1] = grid.edges()
    edges[0] = min(edges[1], reference.range[0], current.range[0])
    edges[-1] = max(edges[-2], reference.range[1], current.range[1])
    left_places, left, left_inside = _count(reference, grid, edges)
    right_places, right, right_inside = _count(current, grid, edges)

    before = np.concatenate(([0.0], np.cumsum(left - right)))[:-1]  # F - G at each left edge
    unsure = np.abs(before) <= np.maximum(left, right) * (1 + 1e-9) + 1e-15
    unsure &= (left > 0) | (right > 0)
    unsure[[0, -1]] = True
    # A bin without rows holds sums of nothing: its integral is before * width.
    integral = before * np.diff(edges) + left_inside - right_inside
    area = float(np.abs(integral[~unsure]).sum())
    first = _gather(reference, left_places, unsure, edges)
    second = _gather(current, right_places, unsure, edges)
    if first is None or second is None:
        return None
    area += _sorted_area(unsure, edges, before, first, second)
    error = float(np.maximum(left, right).max()) + max(reference.error, current.error)
    return GridGap(area, float(np.abs(before).max()), error)


@dataclass(frozen=True, slots=True)
class _Grid:
    """Bins of equal width in x, or in t = (x - centre) / (|x - centre| + spread) for long tails."""

    low: float
    scale: float
    centre: float = 0.0
    spread: float | None = None

    def edges(self) -> Floats:
        edges = self.low + np.arange(_BINS + 1) / self.scale
        if self.spread is None:
            return edges
        return self.centre + self.spread * edges / (1.0 - np.abs(edges))

    def places(self, values: Floats) -> np.ndarray:
        """Bin of each value: 0 below the grid, 1 to _BINS in it, _BINS + 1 above."""
        if self.spread is None:
            places = values - self.low
        else:
            places = values - self.centre
            places /= np.abs(places) + self.spread
            places -= self.low
        places *= self.scale
        places += 1.0
        np.clip(places, 0.0, _BINS + 1.0, out=places)
        return places.astype(np.intp)


def _lay(sample: NumericSample) -> _Grid | None:
    step = max(1, sample.values.size // _SAMPLE)
    shares = (0.001, 0.25, 0.5, 0.75, 0.999)
    low, lower, middle, upper, high = map(float, np.quantile(sample.values[::step], shares))
    margin = 0.02 * (high - low)
    if not np.isfinite(margin) or not _BINS / (high - low + 2 * margin or np.inf) > 0:
        return None
    spread = upper - lower
    if high - low > _LONG_TAIL * spread > 0:
        span = 1.0 - 1.0 / _BINS
        return _Grid(-span, _BINS / (2 * span), middle, spread)
    return _Grid(low - margin, _BINS / (high - low + 2 * margin))


def _count(sample: NumericSample, grid: _Grid, edges: Floats) -> tuple[np.ndarray, Floats, Floats]:
    """Bin of each value; share of rows by bin; integral over each bin of the rows in it."""
    places = grid.places(sample.values)
    counts = np.bincount(places, sample.counts, minlength=_BINS + 2)
    weights = sample.values if sample.counts is None else sample.values * sample.counts
    sums = np.bincount(places, weights, minlength=_BINS + 2)
    return places, counts / sample.n, (counts * edges[1:] - sums) / sample.n


def _gather(
    sample: NumericSample, places: np.ndarray, unsure: np.ndarray, edges: Floats
) -> tuple[Floats, Floats] | None:
    """Values in unsure bins and the share of rows each stands for; None if there are too many.

    One value of each bin is taken with all its repetitions, so that columns of few different
    values, or with one spike, have hardly anything to sort.
    """
    chosen = unsure[places]
    here = places[chosen]
    values = sample.values[chosen]
    counts = None if sample.counts is None else sample.counts[chosen]
    typical = np.zeros(_BINS + 2)
    typical[here] = values
    same = values == typical[here]
    repeated = np.bincount(here[same], None if counts is None else counts[same], _BINS + 2)
    bins = np.flatnonzero(repeated)
    other = ~same
    values, here = values[other], here[other]
    if values.size > _MOST_SORTED * sample.values.size:
        return None
    # One ulp inside its bin, a value sorts after the bin's own edge and before the next one.
    points = np.concatenate((values, typical[bins]))
    owner = np.concatenate((here, bins))
    points = np.maximum(points, np.nextafter(edges[owner], np.inf))
    points = np.minimum(points, np.nextafter(edges[owner + 1], -np.inf))
    alone = np.ones(values.size) if counts is None else counts[other]
    return points, np.concatenate((alone, repeated[bins])) / sample.n


def _sorted_area(
    unsure: np.ndarray,
    edges: Floats,
    before: Floats,
    reference: tuple[Floats, Floats],
    current: tuple[Floats, Floats],
) -> float:
    """Integral of |F - G| over the unsure bins, from the values in them."""
    bins = np.flatnonzero(unsure)
    points = np.concatenate((edges[bins], reference[0], current[0]))
    steps = np.concatenate((np.zeros(bins.size), reference[1], -current[1]))
    order = np.argsort(points)
    points = points[order]
    walked = np.cumsum(steps[order])
    starts = np.flatnonzero(order < bins.size)  # where each bin begins, in order
    lengths = np.diff(np.append(starts, points.size))
    gaps = np.repeat(before[bins] - walked[starts], lengths) + walked
    ends = np.append(points[1:], 0.0)
    ends[np.append(starts[1:], points.size) - 1] = edges[bins + 1]
    return float(np.dot(np.abs(gaps), ends - points))
