"""Inputs of many calls as columns: tables, arrays, rows of mappings, one call or a thousand.

Features of an input without names are called by their place, "0" and on, as in
`measures.table.table`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aims_mlops.inference_log.columns.scoring_protocol import Body

MISSING = object()


@dataclass(frozen=True, slots=True)
class Columns:
    """Inputs of some calls, of one form.

    calls : their places in what was asked.  rows : of all of them together.  names : of features.
    column : values of a feature, Arrow or a list; MISSING in it where a row lacks the feature.
    """

    calls: tuple[int, ...]
    rows: int
    names: tuple[str, ...]
    column: Callable[[str], Any]


def columns_of(inputs: Sequence[tuple[Any, int]]) -> Iterator[Columns]:
    """Inputs, each with its number of rows, grouped by form; unread if the rows do not match.

    An input of another number of rows, or of no known form, comes back without names.
    """
    inputs = [(_unwrapped(value), rows) for value, rows in inputs]
    groups: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place, (value, rows) in enumerate(inputs):
        groups[_form(value, rows)].append(place)
    for form, places in groups.items():
        values = [inputs[place][0] for place in places]
        rows = sum(inputs[place][1] for place in places)
        yield from _group(str(form[0]) if isinstance(form, tuple) else "", places, values, rows)


def _unwrapped(value: Any) -> Any:
    """The features of a request's body; None if they cannot be read."""
    if not isinstance(value, Body):
        return value
    try:
        return value.read()
    except Exception:  # noqa: BLE001  told as unread
        return None


def _group(form: str, places: Sequence[int], values: Sequence[Any], rows: int) -> Iterator[Columns]:
    try:
        names, column, found = _READERS[form](values)
    except Exception:  # noqa: BLE001  an odd input must not take the others with it
        found, names, column = -1, (), _nothing
    if found == rows:
        yield Columns(tuple(places), rows, names, column)
    else:
        yield Columns(tuple(places), rows, (), _nothing)


def _form(value: Any, rows: int) -> Hashable:
    """What inputs have to have in common to be put below each other."""
    if value is None:
        return ("none",)
    kind = type(value)
    library = kind.__module__.partition(".")[0]
    if library == "pandas" and hasattr(value, "columns"):
        names = tuple(map(str, value.columns))
        return ("pandas", len(value) == rows, names, tuple(value.dtypes))
    if library == "polars" and hasattr(value, "get_columns"):
        return ("polars", value.height == rows, tuple(value.schema.items()))
    if library == "numpy":
        if value.ndim == 2:
            return ("matrix", len(value) == rows, value.shape[1], value.dtype.str)
        if value.ndim == 1:
            return _vector(value, rows)
    if library == "pyarrow" and hasattr(value, "schema"):
        return ("arrow", value.num_rows == rows, str(value.schema))
    if isinstance(value, Mapping):
        lists = bool(value) and all(_is_column(one) for one in value.values())
        return ("columns", tuple(map(str, value))) if lists else ("mappings", rows == 1)
    if isinstance(value, list | tuple) and value:
        if isinstance(value[0], Mapping):
            return ("lists of mappings", len(value) == rows)
        if _is_column(value[0]):
            return ("lists of lists", len(value) == rows)
        return _vector(value, rows)
    return ("scalar", rows == 1)


def _vector(value: Any, rows: int) -> Hashable:
    """One row of several features, or several rows of one."""
    if rows == 1:
        return ("row", len(value))
    return ("feature", len(value) == rows)


def _is_column(value: Any) -> bool:
    return isinstance(value, list | tuple) or getattr(value, "ndim", 0) == 1


_Read = tuple[tuple[str, ...], Callable[[str], Any], int]


def _pandas(values: Sequence[Any]) -> _Read:
    import pandas as pd

    frame = values[0] if len(values) == 1 else pd.concat(values, ignore_index=True)
    frame.columns = list(map(str, frame.columns)) if len(values) > 1 else frame.columns
    places = {str(name): place for place, name in enumerate(frame.columns)}
    return tuple(places), lambda name: frame.iloc[:, places[name]], len(frame)


def _polars(values: Sequence[Any]) -> _Read:
    import polars as pl

    frame = values[0] if len(values) == 1 else pl.concat(values)
    return tuple(frame.columns), lambda name: frame[name].to_arrow(), frame.height


def _arrow(values: Sequence[Any]) -> _Read:
    import pyarrow as pa

    batches = [v if isinstance(v, pa.Table) else pa.Table.from_batches([v]) for v in values]
    table = pa.concat_tables(batches)
    return tuple(table.column_names), lambda name: table[name], table.num_rows


def _matrix(values: Sequence[Any]) -> _Read:
    import numpy as np

    matrix = values[0] if len(values) == 1 else np.concatenate(values)
    names = tuple(map(str, range(matrix.shape[1])))
    return names, lambda name: matrix[:, int(name)], len(matrix)


def _row(values: Sequence[Any]) -> _Read:
    return _lists([list(value) for value in values])


def _feature(values: Sequence[Any]) -> _Read:
    together = [one for value in values for one in value]
    return ("0",), lambda name: together, len(together)


def _mappings(values: Sequence[Any]) -> _Read:
    return _rows(list(values))


def _lists_of_mappings(values: Sequence[Any]) -> _Read:
    return _rows([row for value in values for row in value])


def _columns(values: Sequence[Any]) -> _Read:
    names = tuple(map(str, values[0]))
    together: dict[str, list[Any]] = {name: [] for name in names}
    for value in values:
        for name, column in value.items():
            together[str(name)].extend(column)
    lengths = {len(column) for column in together.values()}
    return names, together.__getitem__, lengths.pop() if len(lengths) == 1 else -1


def _rows(rows: list[Mapping[Any, Any]]) -> _Read:
    keys = {str(key): key for row in rows for key in row}  # raises for what is no mapping
    columns = {name: [row.get(key, MISSING) for row in rows] for name, key in keys.items()}
    return tuple(columns), columns.__getitem__, len(rows)


def _lists_of_lists(values: Sequence[Any]) -> _Read:
    return _lists([list(row) for value in values for row in value])


def _lists(rows: list[list[Any]]) -> _Read:
    names = tuple(map(str, range(max(map(len, rows), default=0))))

    def column(name: str) -> list[Any]:
        place = int(name)
        return [row[place] if place < len(row) else MISSING for row in rows]

    return names, column, len(rows)


def _scalars(values: Sequence[Any]) -> _Read:
    return ("0",), lambda name: list(values), len(values)


def _none(values: Sequence[Any]) -> _Read:
    return (), _nothing, -1


def _nothing(name: str) -> Any:
    raise KeyError(name)


_READERS: dict[str, Callable[[Sequence[Any]], _Read]] = {
    "none": _none,
    "pandas": _pandas,
    "polars": _polars,
    "arrow": _arrow,
    "matrix": _matrix,
    "row": _row,
    "feature": _feature,
    "mappings": _mappings,
    "columns": _columns,
    "lists of mappings": _lists_of_mappings,
    "lists of lists": _lists_of_lists,
    "scalar": _scalars,
}
