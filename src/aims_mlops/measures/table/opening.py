"""Any supported input as a `Table`.

Supported: pandas, polars (eager and lazy), pyarrow, a DuckDB relation, whatever else has
`__arrow_c_stream__`, NumPy arrays, a mapping of columns, and paths to Parquet, CSV or Arrow files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import InputError, MissingExtraError
from aims_mlops.measures.table.table import (
    BATCH_ROWS,
    Batch,
    IndexRule,
    Table,
    arrow_batch,
    of_schema,
)

if TYPE_CHECKING:
    import pyarrow as pa

_UNNAMED_INDEX = "__index_level_0__"


def open_table(
    data: Any,
    *,
    index: IndexRule = "auto",
    dictionaries: bool = False,
    repeated_names: bool = False,
) -> Table:
    """A readable table from any supported input.

    index : what counts of a pandas index, in a frame or as Parquet keeps it. "auto": a lone
        unnamed integer index is left out, any other is appended as columns; "ignore": none
        counts; "count": also the unnamed integer one.
    dictionaries : texts that a Parquet file keeps as a dictionary come as one, which is read in
        half the time.
    repeated_names : take a table with several columns of one name; the caller minds them.
    Raises InputError for input of another kind, duplicate column names, and a file that cannot
    be read; MissingExtraError without pyarrow.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("reading a table", library="pyarrow", extra="data") from error
    if isinstance(data, Table):
        return data
    table = _by_library(data, index, dictionaries)
    repeated = [name for name, count in Counter(table.names).items() if count > 1]
    if repeated and not repeated_names:
        raise InputError(
            f"column name {repeated[0]!r} occurs more than once",
            got=f"{len(repeated)} repeated name(s)",
            expected="each column name once",
            next_step="rename the columns, or select one of them",
        )
    return table


def _by_library(data: Any, index: IndexRule, dictionaries: bool) -> Table:
    library = type(data).__module__.partition(".")[0]
    if isinstance(data, str | Path):
        from aims_mlops.measures.table.files import open_table_file

        table = open_table_file(Path(data), dictionaries=dictionaries)
    elif library == "pandas":
        from aims_mlops.measures.table.from_pandas import open_pandas

        return open_pandas(data, index)
    elif library == "polars":
        table = _open_polars(data)
    elif library == "duckdb":
        table = _open_stream(lambda: data.to_arrow_reader(BATCH_ROWS), "duckdb")
    elif library == "pyarrow":
        table = _open_arrow(data)
    elif hasattr(data, "__arrow_c_stream__"):
        import pyarrow as pa

        table = _open_stream(lambda: pa.RecordBatchReader.from_stream(data), library)
    else:
        table = _open_arrays(data)
    return _without_index(table, index)


def _open_polars(data: Any) -> Table:
    if hasattr(data, "collect_batches"):  # lazy

        def batches() -> Iterator[Batch]:
            for frame in data.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True):
                yield from _polars_batches(frame)

        schema = data.collect_schema()
    else:
        frame = data.to_frame() if hasattr(data, "to_frame") else data
        if not hasattr(frame, "get_columns"):
            raise _unsupported(data)
        schema = frame.schema

        def batches() -> Iterator[Batch]:
            return _polars_batches(frame)

    integers = frozenset(name for name, kind in schema.items() if kind.is_integer())
    return Table("polars", tuple(schema), batches, integers)


def _polars_batches(frame: Any) -> Iterator[Batch]:
    yield Batch(frame.height, tuple(_polars_column(series) for series in frame.get_columns()))


def _polars_column(series: Any) -> Callable[[], pa.Array]:
    if not str(series.dtype).startswith("Object"):
        return series.to_arrow  # type: ignore[no-any-return]

    def refused() -> pa.Array:
        raise InputError(
            f"column {series.name!r} holds Python objects",
            expected="values of one Arrow type",
            next_step="cast the column to text, numbers or lists",
        )

    return refused


def _open_arrow(data: Any) -> Table:
    import pyarrow as pa

    if isinstance(data, pa.RecordBatchReader):
        return _open_stream(lambda: data, "pyarrow")
    if isinstance(data, pa.Table | pa.RecordBatch):
        return of_schema("pyarrow", data.schema, lambda: iter((arrow_batch(data),)))
    if isinstance(data, pa.Array | pa.ChunkedArray):
        return Table("pyarrow", ("0",), lambda: iter((Batch(len(data), (lambda: data,)),)))
    if hasattr(data, "to_batches") and hasattr(data, "schema"):  # pyarrow.dataset.Dataset
        return of_schema("pyarrow", data.schema, lambda: map(arrow_batch, data.to_batches()))
    raise _unsupported(data)


def _open_stream(reader: Callable[[], pa.RecordBatchReader], source: str) -> Table:
    first = reader()
    unread: list[pa.RecordBatchReader] = [first]

    def batches() -> Iterator[Batch]:
        opened = unread.pop() if unread else reader()
        yield from map(arrow_batch, opened)

    return of_schema(source, first.schema, batches)


def _open_arrays(data: Any) -> Table:
    import numpy as np

    if isinstance(data, np.ndarray) and data.dtype.names is None and data.ndim in (1, 2):
        matrix = data.reshape(len(data), -1) if data.ndim == 1 else data
        columns = {str(place): matrix[:, place] for place in range(matrix.shape[1])}
    elif isinstance(data, Mapping):
        columns = {str(name): values for name, values in data.items()}
        if len(columns) < len(data):
            raise InputError("two column names read the same as text", expected="distinct names")
    else:
        raise _unsupported(data)
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise InputError(
            "columns differ in length", got=f"{len(lengths)} lengths", expected="one length"
        )
    from aims_mlops.measures.table.from_pandas import arrow_of_values

    def column(name: str) -> Callable[[], pa.Array]:
        return lambda: arrow_of_values(columns[name], name)

    batch = Batch(lengths.pop() if lengths else 0, tuple(column(name) for name in columns))
    return Table("numpy", tuple(columns), lambda: iter((batch,)))


def _without_index(table: Table, index: IndexRule) -> Table:
    """Apply the index rule to columns that pandas stored in Arrow or Parquet."""
    levels = [name for name in table.names if name.startswith("__index_level_")]
    if index == "count" or not levels:
        return table
    if index == "auto" and (levels != [_UNNAMED_INDEX] or _UNNAMED_INDEX not in table.integers):
        return table
    return table.select([name for name in table.names if name not in levels])


def _unsupported(data: Any) -> InputError:
    return InputError(
        "data that is not a table",
        got=f"{type(data).__module__}.{type(data).__qualname__}",
        expected="pandas, polars, pyarrow, a DuckDB relation, a NumPy array, "
        "a mapping of columns, or a path to Parquet, CSV or Arrow",
        next_step="convert it to one of these, such as pandas.DataFrame(data)",
    )
