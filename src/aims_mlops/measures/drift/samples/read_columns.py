"""Columns of a table as samples: what is read, in which form, and what cannot be measured.

One pass over the table. Columns of a batch are read on several threads (NumPy and Arrow let go
of the interpreter lock). Of a table that comes in many batches, at most about `_HELD` numbers are
in memory; then each column is put together to at most `_POINTS` weighted points.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from aims_mlops.errors import InputError
from aims_mlops.measures.drift.samples.arrow_numbers import (
    EXACT_INTEGERS,
    beyond_floats,
    family_of,
    numbers,
    seconds,
    vectors,
)
from aims_mlops.measures.drift.samples.label_counts import MOST_LABELS, LabelCounts
from aims_mlops.measures.drift.samples.points import Points, compress, merge, points_of
from aims_mlops.measures.drift.samples.sample import (
    KINDS,
    CategorySample,
    EmbeddingSample,
    Floats,
    Kind,
    NumericSample,
    Sample,
)
from aims_mlops.measures.table.opening import open_table
from aims_mlops.measures.table.table import Batch
from aims_mlops.measures.threads import threads

# Evidently's infer_column_type (evidently.core.datasets), applied to the reference alone.
FEW_INTEGERS = 10  # whole numbers with at most so many different values are categories
TEXT_SHARE = 0.5  # strings of which more than this share is different are texts

_HELD = 32_000_000  # numbers, 256 MB
_POINTS = 1 << 16
_LARGEST = 1e150
_SLICE = 1 << 21  # numbers sorted at once
_KINDS_BY_FAMILY: dict[str, tuple[Kind, ...]] = {
    "number": ("numeric", "categorical"),
    "boolean": ("categorical",),
    "text": ("categorical", "text"),
    "time": ("datetime",),
    "zoned time": ("datetime",),
    "vector": ("embedding",),
}


@dataclass(frozen=True, slots=True)
class ColumnRead:
    """One column as it was read.

    family : number, boolean, text, time, zoned time, vector or empty; a column of another family
        than the reference's counts as retyped.
    kind : how it is measured.  sample : None if it cannot be; `problem` then says why.
    """

    name: str
    family: str
    kind: Kind | None
    sample: Sample | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class TableRead:
    """All columns of a table, in order, and its rows."""

    rows: int
    columns: Mapping[str, ColumnRead]


def read_columns(
    data: Any,
    *,
    columns: Sequence[str] | None = None,
    only: Collection[str] | None = None,
    kinds: Mapping[str, Kind] | None = None,
) -> TableRead:
    """Every column of a table, or of a list of tables taken as one, as a sample.

    columns : which ones; all by default.  only : leave out others, whether these are there or not.
    kinds : how to measure some of them.
    Raises InputError for a name in `columns` that is not there and for an unknown kind.
    """
    kinds = dict(kinds or {})
    for name, kind in kinds.items():
        if kind not in KINDS:
            raise InputError(
                f"unknown kind for column {name!r}", got=repr(kind), expected=", ".join(KINDS)
            )
    parts = data if isinstance(data, list | tuple) else [data]
    tables = [open_table(part, dictionaries=True) for part in parts]
    if not tables:
        raise InputError("no table to measure", expected="at least one")
    names = tables[0].names if columns is None else tuple(columns)
    if only is not None:
        names = tuple(name for name in names if name in only)
    collectors = [_Collector(name, kinds.get(name)) for name in names]
    rows = 0
    # The one that reads ahead mostly waits for the reader's own threads.
    with ThreadPoolExecutor(max_workers=threads() + (threads() > 1)) as pool:
        for table in tables:
            for collector in collectors:
                collector.text = collector.name in table.texts
            for batch in _read_ahead(table.select(names).batches(), pool):
                rows += batch.rows
                list(pool.map(_Collector.add, collectors, batch.columns))
                if sum(collector.held for collector in collectors) > _HELD:
                    list(pool.map(_Collector.shrink, collectors))
        read = list(pool.map(_Collector.finish, collectors))
    return TableRead(rows, {column.name: column for column in read})


def _read_ahead(batches: Iterator[Batch], pool: ThreadPoolExecutor) -> Iterator[Batch]:
    """The batches, the next one being read while this one is looked at."""
    coming = pool.submit(next, batches, None)
    while (batch := coming.result()) is not None:
        coming = pool.submit(next, batches, None)
        yield batch


@dataclass
class _Collector:
    """What has been read of one column so far."""

    name: str
    kind: Kind | None
    text: bool = False  # a dictionary is how the file keeps its texts, and no category
    family: str = "empty"
    problem: str | None = None
    whole: bool = True  # integers, none missing
    single: bool = True  # 32-bit floats
    enumerated: bool = False  # an Arrow dictionary, which pandas calls a category
    missing: int = 0
    numbers: _Numbers = field(default_factory=lambda: _Numbers())
    labels: LabelCounts = field(default_factory=LabelCounts)
    components: list[_Numbers] = field(default_factory=list)

    @property
    def held(self) -> int:
        return self.numbers.held + sum(component.held for component in self.components)

    def add(self, convert: Callable[[], pa.Array | pa.ChunkedArray]) -> None:
        if self.problem is not None:
            return
        try:
            array = convert()
        except InputError as error:
            self.problem = str(error)  # one column must not hide the others
            return
        family = family_of(array.type)
        self.missing += array.null_count
        if family == "empty":
            return
        if self.family not in ("empty", family):
            self.problem = "its type changes between batches"
        elif family not in _KINDS_BY_FAMILY:
            self.problem = f"values of type {array.type} cannot be compared"
        elif self.kind is not None and self.kind not in _KINDS_BY_FAMILY[family]:
            self.problem = f"a column of {family}s cannot be measured as {self.kind}"
        self.family = family
        if self.problem is None:
            self._add(array)

    def _add(self, array: pa.Array | pa.ChunkedArray) -> None:
        if self.family == "number":
            self.whole &= bool(pa.types.is_integer(array.type)) and not array.null_count
            self.single &= bool(pa.types.is_float32(array.type))
            self.numbers.add(numbers(array))
            beyond = beyond_floats(array)
            if beyond is not None:
                self.labels.add(beyond)
        elif self.family in ("time", "zoned time"):
            self.whole = False
            self.numbers.add(seconds(array))
        elif self.family == "vector":
            matrix, problem = vectors(array, width=len(self.components) or None)
            if problem is not None:
                self.problem = problem
                return
            if not self.components:
                self.components = [_Numbers() for _ in range(matrix.shape[1])]
            for place, component in enumerate(self.components):
                component.add(np.ascontiguousarray(matrix[:, place]))
        else:
            self.enumerated |= pa.types.is_dictionary(array.type) and not self.text
            if self.kind == "text" and not self.labels.pieces:
                self.labels.keep_labels = False
            self.labels.add(array)

    def shrink(self) -> None:
        self.numbers.shrink()
        for component in self.components:
            component.shrink()

    def finish(self) -> ColumnRead:
        kind: Kind | None = self.kind
        sample: Sample | None = None
        if self.problem is None and self.family != "empty":
            kind, sample = self._sample()
            if any(part.n and max(map(abs, part.range)) > _LARGEST for part in _numeric(sample)):
                self.problem = f"it has values beyond ±{_LARGEST:g}, too large to square"
        if self.problem is not None:
            return ColumnRead(self.name, self.family, kind, None, self.problem)
        return ColumnRead(self.name, self.family, kind, sample)

    def _sample(self) -> tuple[Kind | None, Sample | None]:
        if self.family == "number":
            sample = self.numbers.sample(self.missing, whole=self.whole, single=self.single)
            few = self.whole and sample.n > 0 and not sample.more_distinct_than(FEW_INTEGERS)
            if self.kind == "categorical" or (self.kind is None and few):
                labels = self._number_labels(sample)
                if self.kind == "categorical" or len(labels.counts) <= FEW_INTEGERS:
                    return "categorical", labels
            return "numeric", sample
        if self.family in ("time", "zoned time"):
            return "datetime", self.numbers.sample(self.missing)
        if self.family == "vector":
            parts = tuple(part.sample(0) for part in self.components)
            return "embedding", EmbeddingSample(components=parts, missing=self.missing)
        if not self.labels.pieces:
            return self.kind, None
        free = self.kind is None and self.family == "text" and not self.enumerated
        if self.kind == "text" or (free and self.labels.share_different > TEXT_SHARE):
            return "text", self.labels.lengths(self.missing)
        self.labels.merge()
        if not self.labels.keep_labels:
            self.problem = f"more than {MOST_LABELS:,} different labels"
            return "categorical", None
        return "categorical", self.labels.categories(self.missing)

    def _number_labels(self, sample: NumericSample) -> CategorySample:
        """Numbers as labels; integers that floats cannot tell apart as they came."""
        if not self.labels.pieces:
            return _as_categories(sample)
        found = self.labels.categories(0).counts
        if not self.labels.keep_labels:
            self.problem = f"more than {MOST_LABELS:,} different labels"
        small = _as_categories(sample, most=EXACT_INTEGERS)
        return CategorySample(
            counts={**small.counts, **found}, missing=small.missing, infinite=small.infinite
        )


@dataclass
class _Numbers:
    """Finite numbers of a column, as arrays or, once there were too many, as points."""

    parts: list[Floats] = field(default_factory=list)
    points: Points | None = None
    missing: int = 0
    infinite: int = 0
    moments: tuple[int, float, float] = (0, 0.0, 0.0)  # rows, mean, sum of squares around it

    @property
    def held(self) -> int:
        return sum(part.size for part in self.parts) if len(self.parts) > 1 else 0

    def add(self, values: Floats) -> None:
        finite = np.isfinite(values)
        rows = int(np.count_nonzero(finite))
        if rows < values.size:
            strange = values[~finite] if rows else values
            infinite = int(np.count_nonzero(np.isinf(strange)))
            self.infinite += infinite
            self.missing += strange.size - infinite
            values = values[finite]
        self.parts.append(values)

    def _take(self) -> Floats:
        values = self.parts[0] if len(self.parts) == 1 else np.concatenate(self.parts)
        self.parts = []
        return values

    def shrink(self) -> None:
        if not self.parts:
            return
        values = self._take()
        if not values.size:
            return
        mean = float(values.mean())
        self.moments = _combined(
            self.moments, (values.size, mean, float(np.square(values - mean).sum()))
        )
        for start in range(0, values.size, _SLICE):
            points = compress(points_of(values[start : start + _SLICE]), _POINTS)
            if self.points is not None:
                points = compress(merge(self.points, points), _POINTS)
            self.points = points

    def sample(self, missing: int, *, whole: bool = False, single: bool = False) -> NumericSample:
        missing += self.missing
        if self.points is not None:
            self.shrink()
            rows, _, squares = self.moments
            return NumericSample(
                values=self.points.values,
                counts=self.points.counts,
                missing=missing,
                infinite=self.infinite,
                integer=whole,
                single=single,
                sorted=True,
                error=self.points.error,
                deviation=float(np.sqrt(squares / rows)),
            )
        values = self._take() if self.parts else np.empty(0)
        return NumericSample(
            values=values,
            missing=missing,
            infinite=self.infinite,
            integer=whole,
            single=single,
        )


def _combined(
    first: tuple[int, float, float], second: tuple[int, float, float]
) -> tuple[int, float, float]:
    """Moments of two samples together (Chan, Golub and LeVeque 1983)."""
    if not first[0]:
        return second
    rows = first[0] + second[0]
    step = second[1] - first[1]
    mean = first[1] + step * second[0] / rows
    return rows, mean, first[2] + second[2] + step * step * first[0] * second[0] / rows


def _numeric(sample: Sample | None) -> tuple[NumericSample, ...]:
    if isinstance(sample, NumericSample):
        return (sample,)
    return sample.components if isinstance(sample, EmbeddingSample) else ()


def _as_categories(sample: NumericSample, most: float = math.inf) -> CategorySample:
    values, counts = sample.value_counts()
    within = np.abs(values) <= most
    values, counts = values[within], counts[within]
    labels = (number_label(value) for value in values.tolist())
    return CategorySample(
        counts=dict(zip(labels, counts.tolist(), strict=True)),
        missing=sample.missing,
        infinite=sample.infinite,
    )


def number_label(value: float) -> str:
    """The shortest text of a number: 1.0 and 1 are the same label."""
    return str(int(value)) if value.is_integer() else repr(value)
