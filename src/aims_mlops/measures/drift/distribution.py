"""The shape of a column on both sides, coarse enough to be kept and to be drawn.

Bounds are round numbers and labels go without their names, so that no value of a row is kept.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from aims_mlops.measures.drift.samples.sample import (
    CategorySample,
    NumericSample,
    Sample,
    aligned_counts,
)

Array = npt.NDArray[Any]

_BINS = 12  # about as many between the bounds
_LABELS = 10
_OUTER = 0.01  # share of each side beyond the bounds
_MOST_ROWS = 1 << 16  # looked at; of more, rows at equal distances


def distribution(reference: Sample, current: Sample) -> dict[str, Any] | None:
    """Shares of rows with a value: `reference` and `current`, of one length.

    `edges` : (k,) ascending, of numbers; then there are k + 1 shares, the first below edges[0],
    the last from edges[-1] on. Without it they are shares of labels, the most frequent of the
    reference first, all others together at the end. None for embeddings, a side without values
    and numbers without spread.
    """
    if not (reference.n and current.n):
        return None
    if isinstance(reference, NumericSample) and isinstance(current, NumericSample):
        reference, current = _some(reference), _some(current)
        edges = _edges(reference, current)
        if edges is None:
            return None
        return {
            "edges": [float(edge) for edge in edges],
            "reference": _shares(_between(reference, edges)),
            "current": _shares(_between(current, edges)),
        }
    if isinstance(reference, CategorySample) and isinstance(current, CategorySample):
        first, second = (counts[::-1] for counts in aligned_counts(reference, current))
        return {
            "reference": _shares(_most(first)),
            "current": _shares(_most(second)),
        }
    return None


def _some(sample: NumericSample) -> NumericSample:
    """The sample, or as many of its rows as show its shape: sorting millions takes long."""
    if sample.counts is not None or sample.sorted or sample.values.size <= _MOST_ROWS:
        return sample
    return NumericSample(values=sample.values[:: sample.values.size // _MOST_ROWS])


def _edges(reference: NumericSample, current: NumericSample) -> Array | None:
    """Multiples of a round step that cover most of both sides."""
    sides = [_quantiles(sample) for sample in (reference, current)]
    low, high = min(low for low, _ in sides), max(high for _, high in sides)
    width = high - low
    if not math.isfinite(width) or width <= 0 or width < 1e-9 * max(abs(low), abs(high)):
        return None
    rough = width / _BINS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return np.array([float(f"{place * step:.12g}") for place in range(first, last + 1)])


def _quantiles(sample: NumericSample) -> tuple[float, float]:
    values, cumulative = sample.ordered, sample.cumulative[1:]
    low, high = (
        min(int(np.searchsorted(cumulative, share * sample.n)), values.size - 1)
        for share in (_OUTER, 1 - _OUTER)
    )
    return float(values[low]), float(values[high])


def _between(sample: NumericSample, edges: Array) -> Array:
    below = np.concatenate(([0], sample.below(edges), [sample.n]))
    return np.diff(below)


def _most(counts: Array) -> Array:
    if counts.size <= _LABELS:
        return counts
    return np.append(counts[: _LABELS - 1], counts[_LABELS - 1 :].sum())


def _shares(counts: Array) -> list[float]:
    total = int(counts.sum())
    return [round(int(count) / total, 4) for count in counts]
