"""What counts as a table, told by its class so that no data library is imported to find out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_INSIDE_LIMIT = 20  # items of a tuple, list or dict that are looked at for tables

_TABLES = {
    ("pandas", "DataFrame"),
    ("pandas", "Series"),
    ("polars", "DataFrame"),
    ("polars", "Series"),
    ("pyarrow", "Table"),
    ("pyarrow", "RecordBatch"),
    ("numpy", "ndarray"),
}


def is_table(value: object) -> bool:
    """Whether a value is a table, series or array of pandas, polars, pyarrow or NumPy."""
    return table_library(value) is not None


def table_library(value: object) -> str | None:
    """The library of a table; subclasses (such as a GeoDataFrame) count as what they extend."""
    for kind in type(value).__mro__:
        library = kind.__module__.partition(".")[0]
        if (library, kind.__name__) in _TABLES:
            if library == "numpy" and getattr(value, "ndim", 0) not in (1, 2):
                return None
            return library
    return None


def tables_in(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """(name, table) of every table among arguments, also inside a tuple, list or dict of them."""
    for name, value in arguments.items():
        inside: list[tuple[Any, Any]] = []
        if is_table(value):
            yield name, value
        elif type(value) is dict:
            inside = list(value.items())
        elif type(value) in (tuple, list):
            inside = list(enumerate(value))
        for key, item in inside[:_INSIDE_LIMIT]:
            if is_table(item):
                yield f"{name}.{key}", item
