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
import numpy.typing as npt

from aims_mlops.measures.drift.methods.bins import Binned, Grid, lay_grid
from aims_mlops.measures.drift.samples.sample import Floats, NumericSample


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
    laid = _on_grid(reference)
    if laid is None:
        return None
    grid, first = laid
    second = Binned(current, grid)
    inner = grid.inner_edges()
    lowest = min(reference.range[0], current.range[0]) - grid.origin
    highest = max(reference.range[1], current.range[1]) - grid.origin
    edges = np.concatenate(([min(inner[0], lowest)], inner, [max(inner[-1], highest)]))

    left, right = first.rows / reference.n, second.rows / current.n
    before = np.concatenate(([0.0], np.cumsum(left - right)))[:-1]  # F - G at each left edge
    unsure = np.abs(before) <= np.maximum(left, right) * (1 + 1e-9) + 1e-15
    unsure &= (left > 0) | (right > 0)
    unsure[[0, -1]] = True
    # A bin without rows holds sums of nothing: its integral is before * width.
    integral = (
        before * np.diff(edges)
        + (first.rows * edges[1:] - first.sums) / reference.n
        - (second.rows * edges[1:] - second.sums) / current.n
    )
    area = float(np.abs(integral[~unsure]).sum())
    ours, theirs = first.held_by(unsure, edges), second.held_by(unsure, edges)
    if ours is None or theirs is None:
        return None
    points = np.concatenate((ours[0], theirs[0]))
    steps = np.concatenate((ours[1] / reference.n, -theirs[1] / current.n))
    area += _sorted_area(np.flatnonzero(unsure), edges, before, points, steps)
    error = float(np.maximum(left, right).max()) + max(reference.error, current.error)
    return GridGap(area, float(np.abs(before).max()), error)


def _on_grid(sample: NumericSample) -> tuple[Grid, Binned] | None:
    """The reference on its own grid; kept for the next batch if it came from a profile."""
    if sample.on_grid is not None:
        return sample.on_grid  # type: ignore[no-any-return]
    grid = lay_grid(sample)
    if grid is None:
        return None
    laid = grid, Binned(sample, grid)
    if sample.sorted:
        sample.on_grid = laid
    return laid


def _sorted_area(
    bins: npt.NDArray[np.intp], edges: Floats, before: Floats, points: Floats, steps: Floats
) -> float:
    """Integral of |F - G| over some bins, from all points in them and the step at each."""
    places = np.concatenate((edges[bins], points))
    order = np.argsort(places)
    places = places[order]
    walked = np.cumsum(np.concatenate((np.zeros(bins.size), steps))[order])
    starts = np.flatnonzero(order < bins.size)  # where each bin begins, in order
    lengths = np.diff(np.append(starts, places.size))
    gaps = np.repeat(before[bins] - walked[starts], lengths) + walked
    ends = np.append(places[1:], 0.0)
    ends[np.append(starts[1:], places.size) - 1] = edges[bins + 1]
    return float((np.abs(gaps) * (ends - places)).sum())
