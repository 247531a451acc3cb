"""The pandas frame that Great Expectations looks at, and what its columns are."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import InputError
from aims_mlops.measures.fingerprint_columns import plain
from aims_mlops.measures.quality_suite import TYPE_LISTS
from aims_mlops.measures.tables import Table, open_table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def frame_of(data: Any, columns: Collection[str] | None = None) -> pd.DataFrame:
    """A pandas frame of the columns that matter, without its index; None means all of them.

    A pandas frame is passed on as it is where it can be. Integers and booleans with gaps keep
    their type, as pandas' nullable ones. InputError for a table without columns.
    """
    import pandas as pd

    table = open_table(data, index="ignore")
    if not table.names:
        raise InputError("a table without columns has no quality to measure")
    kept = [name for name in table.names if columns is None or name in columns]
    if isinstance(data, pd.DataFrame):
        places = [table.names.index(name) for name in kept]
        frame = data if len(kept) == data.shape[1] else data.iloc[:, places]
        names_are_text = all(isinstance(name, str) for name in frame.columns)
        return frame if names_are_text else frame.set_axis(kept, axis=1)
    return pd.DataFrame(dict(zip(kept, _series(table.select(kept)), strict=True)))


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


def hashable_columns(frame: pd.DataFrame) -> list[str]:
    """Columns whose values can be told apart by pandas: no lists, no records."""
    import pandas as pd

    kept = []
    for place, name in enumerate(frame.columns):
        series = frame.iloc[:, place]
        inferred = pd.api.types.infer_dtype(series) if series.dtype == object else ""
        if inferred not in ("mixed", "mixed-integer"):
            kept.append(str(name))
    return kept
