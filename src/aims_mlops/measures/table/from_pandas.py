"""pandas frames and series, and loose Python values, as Arrow arrays."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import InputError
from aims_mlops.measures.table.table import Batch, IndexRule, Table

if TYPE_CHECKING:
    import pyarrow as pa

_PLAIN_KINDS = "iufbmM"  # NumPy dtype kinds that Arrow takes as they are


def open_pandas(data: Any, index: IndexRule) -> Table:
    """A frame or a series with its index, as the index rule of `open_table` has it."""
    import pandas as pd

    if isinstance(data, pd.Series):
        data = data.to_frame(name="0" if data.name is None else data.name)
    elif isinstance(data, pd.Index):
        data, index = data.to_frame(index=False), "ignore"
    if not isinstance(data, pd.DataFrame):
        raise InputError(
            "data that is not a table",
            got=f"pandas {type(data).__name__}",
            expected="a DataFrame or a Series",
        )
    names = [str(name) for name in data.columns]
    columns = [_column(data.iloc[:, place], name) for place, name in enumerate(names)]
    for name, level in _index_columns(data.index, index):
        names.append(name)
        columns.append(_column(level, name))
    batch = Batch(len(data), tuple(columns))
    return Table("pandas", tuple(names), lambda: iter((batch,)))


def _index_columns(index: Any, rule: IndexRule) -> list[tuple[str, Any]]:
    """The index as trailing columns, named as pyarrow and Parquet name them."""
    import pandas as pd

    if rule == "ignore" or isinstance(index, pd.RangeIndex):
        return []
    alone = index.nlevels == 1 and index.names[0] is None
    if alone and rule == "auto" and pd.api.types.is_integer_dtype(index.dtype):
        return []
    return [
        (
            f"__index_level_{level}__" if name is None else str(name),
            index.get_level_values(level).to_series(index=range(len(index))),
        )
        for level, name in enumerate(index.names)
    ]


def _column(series: Any, name: str) -> Callable[[], pa.Array | pa.ChunkedArray]:
    return lambda: arrow_of_series(series, name)


def arrow_of_series(series: Any, name: str) -> pa.Array | pa.ChunkedArray:
    """A pandas series as Arrow; InputError naming the column for values without a common type."""
    import pandas as pd

    dtype = series.dtype
    if isinstance(dtype, pd.SparseDtype):
        series = series.sparse.to_dense()
        dtype = series.dtype
    if isinstance(dtype, pd.PeriodDtype):
        raise InputError(
            f"column {name!r} holds periods, which only pandas knows",
            next_step="convert it with .dt.to_timestamp()",
        )
    if not pd.api.types.is_extension_array_dtype(dtype):
        return arrow_of_values(series.to_numpy(), name)
    return _convert(series, name)


def arrow_of_values(values: Any, name: str) -> pa.Array | pa.ChunkedArray:
    """A NumPy array or a sequence of Python values as Arrow."""
    import numpy as np

    if not isinstance(values, np.ndarray):
        if hasattr(values, "__arrow_c_array__") or hasattr(values, "__arrow_c_stream__"):
            return _convert(values, name)
        return _arrow_of_objects(values, name)
    if values.ndim > 1:
        values = list(values)
        return _convert(values, name)
    if values.dtype.kind == "O":
        return _arrow_of_objects(values, name)
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    if values.dtype.kind not in _PLAIN_KINDS + "US":
        raise InputError(
            f"column {name!r} has a type that tables do not have",
            got=f"NumPy {values.dtype}",
            expected="numbers, text, booleans or times",
        )
    return _convert(values, name, from_pandas=values.dtype.kind in "mM")


def _arrow_of_objects(values: Any, name: str) -> pa.Array | pa.ChunkedArray:
    import pandas as pd
    import pyarrow as pa

    series = values if isinstance(values, pd.Series) else pd.Series(list(values), dtype=object)
    kind = pd.api.types.infer_dtype(series, skipna=True)
    if kind in ("mixed", "mixed-integer", "datetime"):
        present = series[series.notna()]
        types = {type(value) for value in present}
        if not (_one_shape(types) and (kind != "datetime" or _one_awareness(present))):
            found = ", ".join(sorted(kind.__name__ for kind in types)[:5])
            raise InputError(
                f"column {name!r} holds values that make no column",
                got=found if kind != "datetime" else "times with and without a time zone",
                expected="one type in each column",
                next_step="convert the column, such as with .astype(str)",
            )
    found = _convert(series, name)
    if pa.types.is_nested(found.type) and any(map(_holds_set, series)):
        raise InputError(
            f"column {name!r} holds sets, which have no order",
            next_step="convert them to sorted lists",
        )
    return found


def _holds_set(value: Any) -> bool:
    if isinstance(value, set | frozenset):
        return True
    if isinstance(value, dict):
        return any(map(_holds_set, value.values()))
    return isinstance(value, list | tuple) and any(map(_holds_set, value))


def _one_shape(types: set[type]) -> bool:
    if len(types) <= 1:
        return True
    return all(kind.__name__ in ("list", "tuple", "ndarray") for kind in types) or all(
        kind.__name__ in ("datetime", "Timestamp") for kind in types
    )


def _one_awareness(times: Any) -> bool:
    return len({time.tzinfo is None for time in times}) <= 1


def _convert(values: Any, name: str, *, from_pandas: bool = True) -> pa.Array | pa.ChunkedArray:
    import pyarrow as pa

    try:
        return pa.array(values, from_pandas=from_pandas)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        # The library's own message quotes a value of the data; it must not travel on.
        dtype = getattr(values, "dtype", type(values).__name__)
        problem = type(sys.exc_info()[1]).__name__
    raise InputError(
        f"column {name!r} cannot be read as one Arrow type",
        got=f"{dtype} ({problem})",
        expected="one type in each column",
        next_step="convert the column to numbers, text, times or lists",
    )
