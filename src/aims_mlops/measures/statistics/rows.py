"""Rows in memory, for the figures that counts cannot give: arrays and group codes, no labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from aims_mlops.errors import InputError
from aims_mlops.measures.result.result import LeftOut
from aims_mlops.measures.statistics.cells import MOST_GROUPS, label_text, plain_label
from aims_mlops.measures.statistics.rates import MOST_CROSSED
from aims_mlops.measures.table.columns import Columns


@dataclass(frozen=True, slots=True)
class Rows:
    """Columns of numbers by row, with a group code per grouping column.

    columns : {role: (n,) finite floats}.  weight : (n,) or None.
    codes : {grouping column: (n,) int32}.  labels : {grouping column: label of each code}.
    """

    columns: Mapping[str, Any]
    weight: Any | None
    codes: Mapping[str, Any]
    labels: Mapping[str, list[str]]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def size(self) -> int:
        """How many rows there are."""
        return len(next(iter(self.columns.values())))

    def take(self, mask: Any) -> Rows:
        """The rows where a mask is true."""
        return Rows(
            {role: values[mask] for role, values in self.columns.items()},
            None if self.weight is None else self.weight[mask],
            {column: codes[mask] for column, codes in self.codes.items()},
            self.labels,
        )

    def parts(self) -> Iterator[tuple[dict[str, str] | None, Rows]]:
        """The whole, each group of each column, and (of several columns) all crossed.

        More than `MOST_CROSSED` crossed groups are left out.
        """
        yield None, self
        names = sorted(self.codes)
        for column in self.codes:
            for code, label in sorted(enumerate(self.labels[column]), key=lambda pair: pair[1]):
                mask = self.codes[column] == code
                if mask.any():
                    yield {column: label}, self.take(mask)
        if len(names) < 2:
            return
        columns = list(self.codes)
        sizes = [len(self.labels[c]) for c in columns]
        crossed = np.ravel_multi_index([self.codes[c] for c in columns], sizes)
        found = np.unique(crossed)
        for code in found if len(found) <= MOST_CROSSED else ():
            place = np.unravel_index(code, sizes)
            group = {c: self.labels[c][i] for c, i in zip(columns, place, strict=True)}
            yield group, self.take(crossed == code)


def read_rows(columns: Columns, *roles: str, positive_label: Any = None) -> Rows:
    """Read the named roles; rows that lack one, or hold infinity, are left out and counted.

    positive_label : when given, `y_true` becomes 1.0 where it equals the label and 0.0 elsewhere.
    """
    import narwhals as nw

    weight = columns.roles.get("sample_weight")
    numbers = {role: _Growing() for role in roles}
    if weight is not None:
        numbers["sample_weight"] = _Growing()
    codes = {name: _Growing() for name in columns.groups}
    labels: dict[str, dict[str, int]] = {name: {} for name in columns.groups}
    for frame in columns.frames():
        eager = frame.collect(backend="pyarrow") if isinstance(frame, nw.LazyFrame) else frame
        for role, grown in numbers.items():
            series = eager.get_column(columns.roles[role])
            binary = role == "y_true" and positive_label is not None
            grown.append(_is_positive(series, positive_label) if binary else _numbers(role, series))
        for name, column in columns.groups.items():
            codes[name].append(_encode(eager.get_column(column), labels[name], name))
    arrays = {role: grown.array for role, grown in numbers.items()}
    if any(array is None for array in arrays.values()):
        raise InputError("there is no row to measure", got="a file without rows")
    weights = arrays.pop("sample_weight", None)
    _check_weights(weights)
    rows = Rows(
        arrays,
        weights,
        {name: grown.array for name, grown in codes.items()},
        {name: list(found) for name, found in labels.items()},
    )
    return _finite(rows)


def read_labels(columns: Columns, *roles: str) -> tuple[dict[str, Any], list[Any], list[LeftOut]]:
    """({role: (n,) codes}, labels by code, sorted, what was left out) of columns of labels.

    Rows that lack one of the labels are left out and counted. Raises InputError when none is left.
    """
    import narwhals as nw

    chunks: dict[str, list[Any]] = {role: [] for role in roles}
    known: dict[Any, int] = {}
    for frame in columns.frames():
        eager = frame.collect(backend="pyarrow") if isinstance(frame, nw.LazyFrame) else frame
        for role in roles:
            chunks[role].append(_label_codes(eager.get_column(columns.roles[role]), known))
    codes = {role: np.concatenate(found) for role, found in chunks.items()}
    usable = np.ones(len(codes[roles[0]]), dtype=bool)
    left_out = []
    for role, found in codes.items():
        if (found < 0).any():
            why = "a missing label counts for nothing"
            left_out.append(LeftOut(what=f"rows without {role}", why=why, n=int((found < 0).sum())))
            usable &= found >= 0
    if not usable.any():
        raise InputError("no row has every label", got=f"{len(usable)} rows")
    order = sorted(known, key=lambda label: (str(type(label)), label))
    rank = np.empty(len(order), dtype=np.int64)
    rank[[known[label] for label in order]] = np.arange(len(order))
    return {role: rank[found[usable]] for role, found in codes.items()}, order, left_out


def _label_codes(series: Any, known: dict[Any, int]) -> Any:
    """(n,) codes, -1 where missing; `known` grows as new labels come."""
    array = _dictionary(series)
    values = [plain_label(value) for value in array.dictionary.to_pylist()]
    if len(values) > MOST_GROUPS:
        raise InputError("too many distinct labels for classes", got=f"{len(values)}")
    mapping = np.array(
        [-1 if v is None else known.setdefault(v, len(known)) for v in values] + [-1]
    )
    indices = array.indices.fill_null(len(values))
    return mapping[indices.to_numpy(zero_copy_only=False).astype(np.int64)]


def _dictionary(series: Any) -> Any:
    """A narwhals series as one Arrow dictionary array."""
    import pyarrow as pa

    array = series.to_arrow()
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_dictionary(array.type):
        return array
    return array.dictionary_encode()


class _Growing:
    """An array that grows batch by batch where it is, so that rows are held once."""

    def __init__(self) -> None:
        self.array: Any = None

    def append(self, part: Any) -> None:
        if self.array is None:
            self.array = np.array(part)
            return
        end = len(self.array)
        self.array.resize(end + len(part), refcheck=False)
        self.array[end:] = part


def _finite(rows: Rows) -> Rows:
    left_out = []
    usable = np.ones(rows.size, dtype=bool)
    for role, values in rows.columns.items():
        known = np.isfinite(values)
        if not known.all():
            usable &= known
            why = "missing, or not a finite number"
            left_out.append(LeftOut(what=f"rows without {role}", why=why, n=int((~known).sum())))
    if not usable.any():
        raise InputError("no row has every value", got=f"{rows.size} rows, each lacks one")
    if left_out:
        rows = rows.take(usable)
    return Rows(rows.columns, rows.weight, rows.codes, rows.labels, tuple(left_out))


def _numbers(role: str, series: Any) -> Any:
    import narwhals as nw

    if not (series.dtype.is_numeric() or series.dtype == nw.Boolean):
        raise InputError(f"{role} is not a column of numbers", got=str(series.dtype))
    return series.cast(nw.Float64).to_numpy().astype(np.float64, copy=False)


def _is_positive(series: Any, positive: Any) -> Any:
    distinct = [v for v in series.unique().to_list() if plain_label(v) is not None]
    same = [v for v in distinct if plain_label(v) == positive]
    truth = np.zeros(len(series), dtype=np.float32)
    for value in same:
        truth[(series == value).fill_null(value=False).to_numpy()] = 1.0
    truth[series.is_null().to_numpy()] = np.nan
    if series.dtype.is_float():
        truth[np.isnan(series.to_numpy())] = np.nan
    return truth


def _encode(series: Any, known: dict[str, int], name: str) -> Any:
    """Codes of text labels, growing `known` as new labels come."""
    array = _dictionary(series)
    found = [label_text(plain_label(value)) for value in array.dictionary.to_pylist()]
    if len(found) > MOST_GROUPS:
        raise InputError(
            f"column {name!r} has too many labels to be groups",
            got=f"more than {MOST_GROUPS}",
            expected=f"at most {MOST_GROUPS}",
            next_step="cut numbers into bands, such as ages into ten-year groups",
        )
    indices = array.indices
    if indices.null_count:
        found.append(label_text(None))
        indices = indices.fill_null(len(found) - 1)
    mapping = np.array([known.setdefault(label, len(known)) for label in found], dtype=np.int32)

    return mapping[indices.to_numpy(zero_copy_only=False).astype(np.int64)]


def _check_weights(weights: Any | None) -> None:
    if weights is None:
        return
    if (weights < 0).any():
        raise InputError("sample_weight has negative weights", expected="weights of 0 and more")
    if not np.isfinite(weights).all():
        raise InputError(
            "sample_weight has missing or infinite weights", expected="a finite weight per row"
        )
