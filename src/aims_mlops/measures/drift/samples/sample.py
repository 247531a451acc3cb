"""What drift is measured on: one column of one dataset, reduced to values or counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from aims_mlops.errors import InputError

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Kind = Literal["numeric", "categorical", "datetime", "text", "embedding"]
_PIECE = 1 << 15
KINDS: tuple[Kind, ...] = ("numeric", "categorical", "datetime", "text", "embedding")


@dataclass(kw_only=True)
class NumericSample:
    """Finite numbers of one column.

    values : (k,) floats, in any order unless `sorted`; datetimes are seconds since 1970 UTC, texts
        are lengths in characters.
    counts : (k,) how often each value stands, sorted; None means once each.
    missing, infinite : rows left out.  integer : whole numbers by type, with nothing missing.
    single : the column is of 32-bit floats, in which Evidently lays its bins.
    error : largest share of rows that one value stands for, when values were put together in a
        compact profile; 0 for exact samples.
    deviation : population standard deviation of the original values; computed when not given.
    """

    values: Floats
    counts: Counts | None = None
    missing: int = 0
    infinite: int = 0
    integer: bool = False
    single: bool = False
    sorted: bool = False
    error: float = 0.0
    deviation: float | None = None
    on_grid: Any = None  # drift_grid keeps a reference's bins here between batches

    @cached_property
    def n(self) -> int:
        """Rows with a finite value."""
        return int(self.values.size if self.counts is None else self.counts.sum())

    @property
    def rows(self) -> int:
        """Rows with, without and with an infinite value."""
        return self.n + self.missing + self.infinite

    @cached_property
    def ordered(self) -> Floats:
        """The values, ascending."""
        return self.values if self.sorted else np.sort(self.values)

    @cached_property
    def cumulative(self) -> Counts:
        """(k + 1,) rows at or below each ordered value, with a leading 0; only with counts."""
        if self.counts is None:
            return np.arange(self.values.size + 1, dtype=np.int64)
        return np.concatenate(([0], np.cumsum(self.counts)))

    @cached_property
    def std(self) -> float:
        """Population standard deviation (ddof=0), as Evidently norms by."""
        if self.deviation is not None:
            return self.deviation
        if self.counts is None:
            return _deviation(self.values, self.mean) if self.n else 0.0
        squares = np.average((self.values - self.mean) ** 2, weights=self.counts)
        return float(np.sqrt(squares))

    @cached_property
    def mean(self) -> float:
        """Mean of the values; NaN without any."""
        if not self.n:
            return float("nan")
        if self.counts is None:
            return float(self.values.mean())
        return float(np.average(self.values, weights=self.counts))

    @cached_property
    def range(self) -> tuple[float, float]:
        """Smallest and largest value."""
        if self.sorted:
            return float(self.values[0]), float(self.values[-1])
        return float(self.values.min()), float(self.values.max())

    def more_distinct_than(self, limit: int) -> bool:
        """Whether there are more than `limit` different values; looks at a slice first."""
        head = self.values[: 64 * limit]
        if np.unique(head).size > limit:
            return True
        return self.value_counts()[0].size > limit

    @cached_property
    def _runs(self) -> tuple[Floats, Counts]:
        ordered = self.ordered
        if self.counts is not None:
            return ordered, self.counts
        if not ordered.size:
            return ordered, np.empty(0, np.int64)
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        return ordered[starts], np.diff(np.append(starts, ordered.size)).astype(np.int64)

    def value_counts(self) -> tuple[Floats, Counts]:
        """Different values, ascending, and how often each stands."""
        return self._runs

    def below(self, edges: Floats, *, right: bool = False) -> Counts:
        """Rows below each edge (`right`: at or below it)."""
        positions = self.ordered.searchsorted(edges, "right" if right else "left")
        return positions if self.counts is None else self.cumulative[positions]


@dataclass(kw_only=True)
class CategorySample:
    """How often each label of one column stands; missing values are no label.

    counts : {label: rows}; labels are texts (numbers in their shortest form, `true`, `false`) or,
        from a profile, digests of them.
    """

    counts: dict[str, int]
    missing: int = 0
    infinite: int = 0
    digested: bool = False

    @cached_property
    def n(self) -> int:
        """Rows that have a label."""
        return sum(self.counts.values())

    @property
    def rows(self) -> int:
        """Rows with and without a label."""
        return self.n + self.missing + self.infinite


@dataclass(kw_only=True)
class EmbeddingSample:
    """Vectors of one column, component by component; each has the same rows."""

    components: tuple[NumericSample, ...]
    missing: int = 0
    infinite: int = 0

    @property
    def n(self) -> int:
        """Rows that have a vector."""
        return self.components[0].n if self.components else 0

    @property
    def rows(self) -> int:
        """Rows with and without a vector."""
        return self.n + self.missing + self.infinite


Sample = NumericSample | CategorySample | EmbeddingSample


def _deviation(values: Floats, mean: float) -> float:
    """Population standard deviation, in pieces that stay in the processor's cache."""
    squares = []
    for start in range(0, values.size, _PIECE):
        gaps = values[start : start + _PIECE] - mean
        gaps *= gaps  # not np.dot: the threads of a BLAS would get in the way of ours
        squares.append(float(gaps.sum()))
    return math.sqrt(math.fsum(squares) / values.size)


def aligned_counts(
    reference: NumericSample | CategorySample, current: NumericSample | CategorySample
) -> tuple[Counts, Counts]:
    """Rows by label in both samples, over the labels that either has; same order in both.

    Raises InputError if one sample has labels and the other numbers.
    """
    if isinstance(reference, NumericSample) and isinstance(current, NumericSample):
        left, left_counts = reference.value_counts()
        right, right_counts = current.value_counts()
        keys = np.union1d(left, right)
        first = np.zeros(keys.size, np.int64)
        second = np.zeros(keys.size, np.int64)
        first[keys.searchsorted(left)] = left_counts
        second[keys.searchsorted(right)] = right_counts
        return first, second
    if isinstance(reference, CategorySample) and isinstance(current, CategorySample):
        labels = reference.counts.keys() | current.counts.keys()
        first = np.array([reference.counts.get(label, 0) for label in labels], np.int64)
        second = np.array([current.counts.get(label, 0) for label in labels], np.int64)
        # By counts, so that neither names nor the order of rows change the last digit of a sum.
        order = np.lexsort((second, first))
        return first[order], second[order]
    raise InputError(
        "a column is numeric on one side and categorical on the other",
        next_step="name its kind with kinds={column: ...} when the profile is built",
    )


def empty_like(sample: Sample, missing: int) -> Sample:
    """A sample of the same form with nothing but missing values."""
    if isinstance(sample, CategorySample):
        return CategorySample(counts={}, missing=missing, digested=sample.digested)
    if isinstance(sample, EmbeddingSample):
        nothing = tuple(NumericSample(values=np.empty(0)) for _ in sample.components)
        return EmbeddingSample(components=nothing, missing=missing)
    return NumericSample(values=np.empty(0), missing=missing)
