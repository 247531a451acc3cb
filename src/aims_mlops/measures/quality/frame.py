"""The pandas frames that Great Expectations looks at, and what their columns are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import InputError
from aims_mlops.measures.fingerprint.arrays import plain
from aims_mlops.measures.quality.suite import TYPE_LISTS
from aims_mlops.measures.table.opening import open_table
from aims_mlops.measures.table.table import Table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class Frames:
    """A table that gives pandas frames of the columns that are asked for, without its index.

    A Parquet or Arrow file is read column by column, as often as a column is asked for; anything
    else is held in memory as it came. Integers and booleans with gaps keep their type, as pandas'
    nullable ones. Raises InputError for a table without columns.
    """

    def __init__(self, data: Any) -> None:
        import pandas as pd

        table = open_table(data, index="ignore")
        if not table.names:
            raise InputError("a table without columns has no quality to measure")
        self.names = table.names
        self._pandas = data if isinstance(data, pd.DataFrame) else None
        self._table = table if self._pandas is not None or _can_be_reread(table) else _held(table)

    @cached_property
    def rows(self) -> int:
        """How many rows the table has; read through once."""
        if self._pandas is not None:
            return len(self._pandas)
        return sum(batch.rows for batch in self._table.select(self.names[:1]).batches())

    @cached_property
    def comparable(self) -> tuple[str, ...]:
        """Columns whose values pandas can tell apart: no lists, no records."""
        import pyarrow as pa

        first = next(iter(self._table.batches()), None)
        if self._pandas is None and first is not None:
            types = [column().type for column in first.columns]
            nested = [pa.types.is_nested(kind) for kind in types]
            return tuple(n for n, inner in zip(self.names, nested, strict=True) if not inner)
        return tuple(name for name in self.names if _hashable(self.of([name])[name]))

    def of(self, columns: Sequence[str]) -> pd.DataFrame:
        """A frame of these columns, in this order; a view of a pandas frame where it can be."""
        import pandas as pd

        if self._pandas is None:
            series = _series(self._table.select(columns))
            return pd.DataFrame(dict(zip(columns, series, strict=True)))
        if list(columns) == list(self._pandas.columns):
            return self._pandas
        places = [self.names.index(name) for name in columns]
        return self._pandas.iloc[:, places].set_axis(list(columns), axis=1)

    def outline(self) -> pd.DataFrame:
        """A frame with the names and the number of rows alone, for expectations on these."""
        import numpy as np
        import pandas as pd

        # One byte is shared by all cells.
        cells = np.broadcast_to(np.zeros(1, np.int8), (self.rows, len(self.names)))
        return pd.DataFrame(cells, columns=list(self.names), copy=False)


def _can_be_reread(table: Table) -> bool:
    return table.source in ("parquet", "arrow", "feather", "numpy")


def _held(table: Table) -> Table:
    """The table with every column in memory as Arrow, read once."""
    import pyarrow as pa

    batches = list(table.batches())
    columns: dict[str, Any] = {}
    for place, name in enumerate(table.names):
        chunks: list[Any] = []
        for batch in batches:
            found = batch.columns[place]()
            chunks.extend(found.chunks if isinstance(found, pa.ChunkedArray) else [found])
        columns[name] = pa.chunked_array(chunks) if chunks else pa.chunked_array([pa.nulls(0)])
    return open_table(pa.table(columns), index="count")


def _hashable(series: pd.Series[Any]) -> bool:
    import pandas as pd

    inferred = pd.api.types.infer_dtype(series) if series.dtype == object else ""
    return inferred not in ("mixed", "mixed-integer")


def _series(table: Table) -> list[Any]:
    import pyarrow as pa

    parts: list[list[pa.Array]] = [[] for _ in table.names]
    for batch in table.batches():
        for place, column in enumerate(batch.columns):
            found = column()
            chunks = found.chunks if isinstance(found, pa.ChunkedArray) else [found]
            parts[place].extend(plain(chunk) for chunk in chunks)
    return [
        _pandas_of(pa.chunked_array(chunks) if chunks else pa.chunked_array([pa.nulls(0)]))
        for chunks in parts
    ]


def _pandas_of(column: pa.ChunkedArray) -> Any:
    import pandas as pd
    import pyarrow as pa

    kind = column.type
    if column.null_count and (pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        name = "boolean" if pa.types.is_boolean(kind) else str(kind).replace("int", "Int")
        dtype = pd.api.types.pandas_dtype(name.replace("uI", "UI"))
        return column.to_pandas(types_mapper=lambda _: dtype)
    return column.to_pandas()


def type_names(series: pd.Series[Any]) -> frozenset[str]:
    """Every name under which a suite may reasonably expect this column's type.

    Great Expectations 1.24 knows NumPy's own types only: it says no to the nullable types of
    pandas and, in a type list, to text.
    """
    import pandas as pd

    dtype = series.dtype
    names = {str(dtype), type(dtype).__name__, getattr(dtype, "name", "")}
    checks = pd.api.types
    if checks.is_bool_dtype(dtype):
        names |= {*TYPE_LISTS["boolean"]}
    elif checks.is_integer_dtype(dtype):
        width = str(getattr(dtype, "numpy_dtype", dtype))
        names |= {"int", width, width.replace("int", "Int").replace("uI", "UI")}
    elif checks.is_float_dtype(dtype):
        width = str(getattr(dtype, "numpy_dtype", dtype))
        names |= {"float", width, width.replace("float", "Float")}
    elif checks.is_datetime64_any_dtype(dtype):
        names |= {*TYPE_LISTS["time"], "datetime"}
    elif isinstance(dtype, pd.CategoricalDtype):
        names |= {"category"}
        if checks.is_string_dtype(dtype.categories.dtype):
            names |= {"str", "string", "object"}
    elif checks.is_string_dtype(dtype):
        names |= {"str", "string", "object", "StringDtype"}
    return frozenset(names)
