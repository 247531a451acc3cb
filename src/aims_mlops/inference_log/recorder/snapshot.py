"""What a call was given and what it gave, as it was at that moment, for next to nothing.

The writer converts later, on its own thread; until then a caller may change what it passed. So
arrays and lists are copied, rows of mappings one level deep; polars and Arrow share what cannot be
changed in place; pandas copies on write, where this version does (3.0 and later), else at once.
What lies deeper, such as a list in a mapping in a list, is not copied.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from aims_mlops.inference_log.columns.scoring_protocol import Body

_SCALARS = (str, bytes, int, float, bool, type(None))


def snapshot(value: Any) -> Any:
    """A copy of a table, an array, rows or a scalar that later changes do not reach."""
    kind: Any = type(value)
    return _copier(kind)(value)


def count_rows(output: Any) -> int:
    """How many predictions an output holds: its rows, or 1 if it is none of a table's forms."""
    kind = type(output)
    if kind is list or hasattr(kind, "to_numpy"):  # pandas, polars
        return len(output)
    shape = getattr(output, "shape", None)
    if shape is not None:
        return int(shape[0]) if shape else 1
    if kind is dict:
        first: Any = next(iter(output.values()), None)
        return len(first) if _is_column(first) else 1
    if kind is tuple and output and _is_column(output[0]):
        return len(output[0])
    if hasattr(kind, "num_rows"):
        return int(output.num_rows)
    return 1


def size_of(value: Any) -> int:
    """About how many bytes are held for a snapshot; a bound of memory needs no more than that.

    Text is counted as 64 bytes, whatever its length, but for a request's body.
    """
    kind: Any = type(value)
    return _sizer(kind)(value)


def _is_column(value: Any) -> bool:
    return isinstance(value, list | tuple) or (
        hasattr(value, "__len__") and not isinstance(value, str | bytes | dict)
    )


@cache
def _copier(kind: Any) -> Callable[[Any], Any]:
    if issubclass(kind, _SCALARS):
        return _same
    if issubclass(kind, dict):
        return _copy_mapping
    if issubclass(kind, list | tuple):
        return _copy_rows
    library = kind.__module__.partition(".")[0]
    if library == "pandas" and hasattr(kind, "iloc"):
        return _pandas()
    if library == "polars" and hasattr(kind, "clone"):
        return _clone
    if library == "numpy" and hasattr(kind, "copy"):
        return _copy
    return _same  # of Arrow, or not a table


@cache
def _sizer(kind: Any) -> Callable[[Any], int]:
    if kind is Body:
        return lambda value: len(value.content)
    if issubclass(kind, dict):
        return lambda value: 64 + sum(64 * _length(one) for one in value.values())
    if issubclass(kind, list | tuple):
        return lambda value: 64 + len(value) * (64 * _length(value[0]) if value else 0)
    library = kind.__module__.partition(".")[0]
    if library in ("numpy", "pyarrow") and hasattr(kind, "nbytes"):
        return lambda value: int(value.nbytes)
    if library == "polars" and hasattr(kind, "estimated_size"):
        return lambda value: int(value.estimated_size())
    if library == "pandas" and hasattr(kind, "columns"):
        # `size` would cost a quarter of the whole call.
        return lambda value: 256 + 16 * len(value.index) * len(value.columns)
    if library == "pandas" and hasattr(kind, "index"):
        return lambda value: 256 + 16 * len(value)
    return lambda value: 64


def _length(value: Any) -> int:
    return len(value) if isinstance(value, dict | list | tuple) else 1


def _same(value: Any) -> Any:
    return value


def _copy(value: Any) -> Any:
    return value.copy()


def _clone(value: Any) -> Any:
    return value.clone()


def _copy_mapping(value: dict[Any, Any]) -> dict[Any, Any]:
    return {key: one if isinstance(one, _SCALARS) else snapshot(one) for key, one in value.items()}


def _copy_rows(value: Any) -> list[Any]:
    if value and type(value[0]) is dict:
        return [row.copy() if type(row) is dict else row for row in value]
    return [one if isinstance(one, _SCALARS) else snapshot(one) for one in value]


def _pandas() -> Callable[[Any], Any]:
    import pandas as pd

    on_write = int(pd.__version__.partition(".")[0]) >= 3
    return (lambda value: value.copy(deep=False)) if on_write else _copy
