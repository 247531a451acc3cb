"""Numbers put together as weighted points: what keeps streams and compact profiles small."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aims_mlops.measures.drift.samples.sample import Counts, Floats


@dataclass(frozen=True, slots=True)
class Points:
    """Ascending values, how many rows each stands for, and the largest share of rows that was
    put together into one point (0: every value is its own)."""

    values: Floats
    counts: Counts
    error: float = 0.0


def points_of(values: Floats) -> Points:
    """Every different value with its rows; values need not be sorted."""
    different, counts = np.unique(values, return_counts=True)
    return Points(different, counts.astype(np.int64))


def merge(first: Points, second: Points) -> Points:
    """Both sets of points as one, equal values added up."""
    values = np.concatenate((first.values, second.values))
    counts = np.concatenate((first.counts, second.counts))
    different, place = np.unique(values, return_inverse=True)
    rows = np.bincount(place, counts, different.size).astype(np.int64)
    total = int(first.counts.sum()) + int(second.counts.sum())
    # A block of one side keeps its rows; its share of the whole only gets smaller.
    largest = max(first.error * first.counts.sum(), second.error * second.counts.sum())
    return Points(different, rows, float(largest / total) if total else 0.0)


def compress(points: Points, limit: int) -> Points:
    """At most about `limit` points: neighbours are put together at their mean, ends are kept.

    Blocks hold equal numbers of rows. A point that alone holds more keeps a block of its own, so
    spikes stay exact. `error` grows by the largest block that was put together.
    """
    if points.values.size <= limit:
        return points
    total = int(points.counts.sum())
    after = np.cumsum(points.counts)
    block = ((after - 1) * (limit - 2) // total).astype(np.int64)
    heavy = points.counts * (limit - 2) > total
    edge = np.zeros(block.size, bool)
    edge[0] = edge[1] = edge[-1] = True  # smallest and largest value stand alone
    starts = edge.copy()
    starts[1:] |= block[1:] != block[:-1]
    starts |= heavy
    starts[1:] |= heavy[:-1]
    first = np.flatnonzero(starts)
    counts = np.add.reduceat(points.counts, first)
    weighted = np.add.reduceat(points.values * points.counts, first)
    together = np.diff(np.append(first, points.values.size)) > 1
    values = np.where(together, weighted / counts, points.values[first])
    largest = float(counts[together].max() / total) if together.any() else 0.0
    return Points(values, counts.astype(np.int64), points.error + largest)


def pool(points: Points, fewest: int) -> Points:
    """Neighbours put together at their mean until each point stands for `fewest` rows or more.

    What is stored must not tell the value of a single row, the smallest and largest included. Fewer
    rows than that in all become one point.
    """
    if not points.values.size or int(points.counts.min()) >= fewest:
        return points
    starts: list[int] = []
    rows = fewest
    for place, count in enumerate(points.counts.tolist()):
        if rows >= fewest:
            starts.append(place)
            rows = 0
        rows += count
    if rows < fewest and len(starts) > 1:
        starts.pop()  # what is left over at the end goes to the block before it
    first = np.array(starts)
    counts = np.add.reduceat(points.counts, first)
    weighted = np.add.reduceat(points.values * points.counts, first)
    together = np.diff(np.append(first, points.values.size)) > 1
    values = np.where(together, weighted / counts, points.values[first])
    largest = float(counts[together].max() / points.counts.sum()) if together.any() else 0.0
    return Points(values, counts.astype(np.int64), points.error + largest)
