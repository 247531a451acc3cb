"""What counts as a table, told by its class so that no data library is imported to find out."""

from __future__ import annotations

_TABLES = {
    ("pandas", "DataFrame"),
    ("pandas", "Series"),
    ("pandas", "Index"),
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
