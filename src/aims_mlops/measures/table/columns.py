"""The arguments of a measure as named columns, whatever library they come in.

Arrays, lists, series and frames become one Arrow table; a frame, relation or file with column
names stays where it is and is read through narwhals, so that its own engine does the work.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aims_mlops.errors import InputError, OrderWarning
from aims_mlops.measures.table.opening import open_table

# Rows of one batch of a file: large enough to group fast, small enough for 100 MB of strings.
_BATCH_ROWS = 1_000_000
_SENSITIVE = "sensitive"


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the columns of a measure are.

    roles : {role: column}, such as {"y_true": "income"}; the absent ones are not in it.
    groups : {name of a grouping column as figures show it: column}.
    """

    source: Any
    roles: Mapping[str, str]
    groups: Mapping[str, str]

    def frames(self) -> Iterator[Any]:
        """Narwhals frames, eager or lazy, that together hold every row once."""
        import narwhals as nw

        wanted = list(dict.fromkeys((*self.roles.values(), *self.groups.values())))
        if isinstance(self.source, Path):
            for batch in _batches(self.source, wanted):
                yield nw.from_native(batch)
            return
        frame = nw.from_native(self.source)
        yield frame.select(wanted)


def columns_of(
    data: Any, *, groups: Any = None, groups_argument: str = "sensitive", **roles: Any
) -> Columns:
    """Say where each column is.

    data : None, or a pandas, polars or pyarrow frame, a DuckDB relation, anything else narwhals
        reads, or the path of a Parquet or CSV file; the other arguments then name its columns.
    groups : without `data` a mapping, frame, series, array or list of one label per row; with
        `data` a column name or a list of them.
    Raises InputError for lengths that differ, names that are not there, types that mix.
    """
    given = {role: value for role, value in roles.items() if value is not None}
    if data is None:
        return _from_arrays(given, groups, groups_argument)
    source = _source(data)
    names = _column_names(source)
    for role, name in given.items():
        _require_name(role, name, names)
    wanted = [] if groups is None else [groups] if isinstance(groups, str) else list(groups)
    for name in wanted:
        _require_name(groups_argument, name, names)
    return Columns(source, given, {name: name for name in wanted})


def _source(data: Any) -> Any:
    if isinstance(data, str | os.PathLike):
        path = Path(data)
        if not path.exists():
            raise InputError(
                f"no file at {path}", expected="the path of a Parquet or CSV file or folder"
            )
        return path
    import narwhals as nw

    if not isinstance(_narwhals("data", data), nw.DataFrame | nw.LazyFrame):
        raise InputError(
            "data is of a type that cannot be read",
            got=type(data).__qualname__,
            expected="a pandas, polars or pyarrow frame, a DuckDB relation, or a path",
        )
    return data


def _column_names(source: Any) -> list[str]:
    if isinstance(source, Path):
        return list(_names_in(source) or _dataset(source).schema.names)
    return list(_narwhals("data", source).collect_schema().names())


def _require_name(argument: str, name: Any, names: Sequence[str]) -> None:
    if not isinstance(name, str):
        raise InputError(
            f"{argument} must name a column when data is given",
            got=type(name).__qualname__,
            expected="a column name; or leave data out and pass the values",
        )
    if name not in names:
        raise InputError(
            f"{argument} names no column of data",
            got=repr(name),
            expected=f"one of {', '.join(map(repr, list(names)[:30]))}",
        )


def _dataset(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.dataset as ds

    try:
        return ds.dataset(path, format="parquet")
    except (pa.ArrowException, OSError):  # the message may quote what it read
        raise InputError(
            f"{path.name} cannot be read",
            expected="a whole Parquet file, or a folder of them with one schema",
        ) from None


def _is_parquet(path: Path) -> bool:
    """A Parquet file, or a folder that holds no file of the other endings of `files`."""
    from aims_mlops.measures.table.files import is_table_file

    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return not any(is_table_file(file) and ".parquet" not in file.suffixes for file in files)


def _names_in(path: Path) -> tuple[str, ...] | None:
    """The column names of a file that `files` reads; None for Parquet."""
    return None if _is_parquet(path) else open_table(path, index="ignore").names


def _batches(path: Path, wanted: Sequence[str]) -> Iterator[Any]:
    """Tables of up to a million rows; read when asked for, never ahead of who measures."""
    import pyarrow as pa

    if _is_parquet(path):
        for batch in _parquet(_dataset(path), wanted):
            if batch.num_rows:
                yield pa.Table.from_batches([batch])
        return
    for rows in open_table(path, index="ignore").select(list(wanted)).batches():
        if rows.rows:
            columns = [_simple(column()) for column in rows.columns]
            yield pa.table(dict(zip(wanted, columns, strict=True)))


def _parquet(dataset: Any, wanted: Sequence[str]) -> Iterator[Any]:
    # Not the scanner: it reads a file of many row groups ahead of a measure that is slower.
    import pyarrow.parquet as pq

    schema = dataset.schema
    for name in dataset.files:
        with pq.ParquetFile(name, pre_buffer=False) as file:
            for batch in file.iter_batches(_BATCH_ROWS, columns=list(wanted)):
                yield batch.select(list(wanted)).cast(_only(schema, wanted))


def _only(schema: Any, wanted: Sequence[str]) -> Any:
    import pyarrow as pa

    return pa.schema([schema.field(name) for name in wanted])


def _from_arrays(roles: Mapping[str, Any], groups: Any, groups_argument: str) -> Columns:
    import pyarrow as pa

    arrays: dict[str, Any] = {role: _arrow(role, value) for role, value in roles.items()}
    named = _groups(groups, groups_argument)
    _warn_of_other_order({**roles, groups_argument: groups})
    columns = {name: f"group:{name}" for name in named}
    for name, values in named.items():
        arrays[columns[name]] = _arrow(f"{groups_argument}[{name!r}]", values)
    if not arrays:
        raise InputError("a measure needs data", expected="at least one of its columns")
    lengths = {name.removeprefix("group:"): len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(
            "columns differ in length",
            got=", ".join(f"{name}: {length}" for name, length in lengths.items()),
            expected="one value per row in each",
        )
    return Columns(pa.table(arrays), {role: role for role in roles}, columns)


def _warn_of_other_order(given: Mapping[str, Any]) -> None:
    """Values go together by position; say so where pandas would put them together otherwise."""
    indexed = {
        name: value.index
        for name, value in given.items()
        if type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "index")
    }
    names = list(indexed)
    for name in names[1:]:
        first, other = indexed[names[0]], indexed[name]
        if len(first) == len(other) and not first.equals(other) and _same_rows(first, other):
            warnings.warn(
                f"{name} has the rows of {names[0]} in another order by its pandas index; values "
                f"go together by position. Next: {name} = {name}.loc[{names[0]}.index]",
                OrderWarning,
                stacklevel=5,
            )


def _same_rows(first: Any, other: Any) -> bool:
    try:
        return bool(first.sort_values().equals(other.sort_values()))
    except TypeError:  # labels without an order
        return False


def _groups(groups: Any, argument: str) -> dict[str, Any]:
    """{name: values} from every form in which grouping columns come."""
    if groups is None:
        return {}
    if isinstance(groups, Mapping):
        return {str(name): values for name, values in groups.items()}
    if isinstance(groups, str):
        raise InputError(
            f"{argument} is one word, which can only name a column",
            got=repr(groups),
            next_step="pass data=, or the values themselves",
        )
    import narwhals as nw

    frame = _narwhals(argument, groups)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect(backend="pyarrow")
    if isinstance(frame, nw.DataFrame):
        return {str(name): frame.get_column(name).to_native() for name in frame.columns}
    if isinstance(frame, nw.Series):
        return {str(frame.name or _SENSITIVE): groups}
    if getattr(groups, "ndim", 1) == 2:
        return {f"{_SENSITIVE}_{i}": groups[:, i] for i in range(groups.shape[1])}
    return {_SENSITIVE: groups}


def _arrow(name: str, values: Any) -> Any:
    """One Arrow array; NaN of a NumPy or pandas column becomes null."""
    import numpy as np
    import pyarrow as pa

    values = _only_column(name, values)
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return _simple(values)
    library = type(values).__module__.partition(".")[0]
    if library == "polars":
        return _simple(values.to_arrow())
    if library == "pandas":
        values = _with_text_intervals(_dense(values))
    elif not isinstance(values, list | tuple | np.ndarray):
        values = np.asarray(values)  # tensors, ranges and the like
    if getattr(values, "ndim", 1) != 1:
        if values.ndim == 2 and values.shape[1] == 1:
            values = np.asarray(values)[:, 0]
        else:
            raise InputError(
                f"{name} is not one column",
                got=f"shape {tuple(values.shape)}",
                expected="one value per row",
            )
    try:
        array = pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError) as error:  # the message quotes a value
        raise InputError(
            f"{name} mixes types or has one that Arrow cannot hold",
            got=type(error).__name__,
            expected="one type in the whole column",
            next_step="convert the column, such as to strings",
        ) from None
    return _simple(array)


def _only_column(name: str, values: Any) -> Any:
    """The column of a frame that has just one; anything else as it is."""
    import narwhals as nw

    frame = _narwhals(name, values)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect(backend="pyarrow")
    if not isinstance(frame, nw.DataFrame):
        return values
    if frame.shape[1] != 1:
        raise InputError(
            f"{name} is not one column",
            got=f"a frame of {frame.shape[1]} columns",
            expected="one value per row",
        )
    return frame.get_column(frame.columns[0]).to_native()


def _dense(values: Any) -> Any:
    """A pandas column that Arrow can hold: sparse ones filled, periods and intervals as text."""
    dtype = getattr(values, "dtype", None)
    if hasattr(values, "sparse") and type(dtype).__name__ == "SparseDtype":
        return values.sparse.to_dense()
    if type(dtype).__name__ in ("PeriodDtype", "IntervalDtype"):
        return values.astype(str).where(values.notna())
    return values


def _with_text_intervals(values: Any) -> Any:
    """A pandas column whose categories are intervals (of pandas.cut) with text for them."""
    categories = getattr(getattr(values, "cat", values), "categories", None)
    if categories is None or getattr(categories.dtype, "name", "").split("[")[0] != "interval":
        return values
    return getattr(values, "cat", values).rename_categories(categories.map(str))


def _narwhals(name: str, values: Any) -> Any:
    """Values as narwhals, or as they are if narwhals does not know them."""
    import narwhals as nw
    from narwhals.exceptions import DuplicateError

    try:
        return nw.from_native(values, pass_through=True, allow_series=True)
    except DuplicateError as error:
        raise InputError(
            f"{name} has several columns of one name",
            expected="a name of its own for each column",
        ) from error


def _simple(array: Any) -> Any:
    """Without dictionaries (whose codes differ between chunks) and decimals."""
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        return array.cast(array.type.value_type)
    if pa.types.is_decimal(array.type):
        return array.cast(pa.float64())
    if pa.types.is_nested(array.type):
        raise InputError(
            "a column holds lists or records, which are no labels and no numbers",
            got=str(array.type)[:80],
            expected="one label or number in each row",
        )
    if pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type):
        return _text(array)
    return array


def _text(array: Any) -> Any:
    """Bytes as the text that they are, as a CSV file of another encoding gives them."""
    import pyarrow as pa

    try:
        return array.cast(pa.string())
    except pa.ArrowInvalid:  # the message quotes the bytes
        raise InputError(
            "a column of text is not UTF-8",
            got="bytes that are no text in that encoding",
            next_step="write the file anew as UTF-8, or pass the columns themselves",
        ) from None
