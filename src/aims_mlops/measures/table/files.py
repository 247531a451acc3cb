"""Parquet, CSV and Arrow files, and folders of them, as a streamed table."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from aims_mlops.errors import InputError
from aims_mlops.measures.table.csv_header import assert_header
from aims_mlops.measures.table.table import BATCH_ROWS, Batch, Table, arrow_batch, of_schema

if TYPE_CHECKING:
    import pyarrow as pa

# what reads the rows, all columns or some, texts as dictionaries or not; the schema and that
_Reader: TypeAlias = "Callable[[tuple[str, ...] | None, bool], Iterator[pa.RecordBatch]]"
_Opened: TypeAlias = "tuple[pa.Schema, _Reader]"

_PLAIN_TEXT_BYTES = 4  # of a text's length, before the text itself
# a folder's name that gives a column to the files below it, as Spark, Hive and pandas write them;
# the log of predictions has such folders too, whose names say when its rows came
_PARTITION = re.compile(r"([^=/]+)=[^/]*")
_OF_INFERENCE_LOG = re.compile(r"/system=[^/]+/day=\d{4}-\d\d-\d\d/part-[^/]+\Z")
_CSV_BLOCK_BYTES = 16 * 2**20  # the column types of a CSV file come from its first block


def open_table_file(path: Path, *, dictionaries: bool = False) -> Table:
    """A file by its ending, or every such file below a folder, in order of path.

    Endings: .parquet, .csv, .tsv (each also .gz, .bz2, .zst), .arrow, .feather.
    dictionaries : texts that Parquet keeps as a dictionary come as one.
    Raises InputError for another ending, an absent or unreadable file, files whose columns
    differ, and folders whose names hold a column (`region=north/`).
    """
    if not path.exists():
        raise InputError(
            f"no file or folder at {str(path)!r}", next_step="check the path; it is read as given"
        )
    files = [path] if path.is_file() else _files_below(path)
    if not files:
        raise InputError(
            f"folder {str(path)!r} holds no table", expected="Parquet, CSV or Arrow files"
        )
    schema = _schema_of_all(files)
    _refuse_partitions(path, files, schema.names)

    def narrow(columns: tuple[str, ...] | None) -> Callable[[], Iterator[Batch]]:
        def batches() -> Iterator[Batch]:
            for file in files:
                _, read = _open(file)
                yield from _guarded(file, partial(read, columns, dictionaries), schema)

        return batches

    table = of_schema(_ending(files[0]).lstrip("."), schema, narrow(None), narrow)
    texts = frozenset(field.name for field in schema if _is_text(field.type))
    return replace(table, texts=texts) if dictionaries else table


def _schema_of_all(files: list[Path]) -> pa.Schema:
    """One schema for all files; a column without values takes the type that it has elsewhere."""
    import pyarrow as pa

    schema, _ = _open(files[0])
    for file in files[1:]:
        found, _ = _open(file)
        if found.names != schema.names:
            raise InputError(
                f"{file.name} has other columns than {files[0].name}",
                got=f"{len(found.names)} columns",
                expected=f"the same {len(schema.names)} columns in the same order",
            )
        fields = []
        for known, field in zip(schema, found, strict=True):
            types = {known.type, field.type} - {pa.null()}
            if len(types) > 1:
                raise InputError(
                    f"column {field.name!r} of {file.name} has another type than before",
                    got=str(field.type),
                    expected=str(known.type),
                    next_step="write all files with one schema",
                )
            fields.append(pa.field(field.name, types.pop() if types else pa.null()))
        schema = pa.schema(fields)
    return schema


def schema_of(path: Path) -> pa.Schema:
    """The columns of one file and their types. Raises InputError for one that cannot be read."""
    return _open(path)[0]


def is_table_file(path: Path) -> bool:
    """Whether the ending is one of those that are read here."""
    return _ending(path) in _READERS


def _files_below(folder: Path) -> list[Path]:
    found = (
        file
        for file in folder.rglob("*")
        if file.is_file()
        and _ending(file) in _READERS
        and not any(part.startswith(("_", ".")) for part in file.relative_to(folder).parts)
    )
    return sorted(found, key=lambda file: file.relative_to(folder).as_posix())


def _refuse_partitions(folder: Path, files: list[Path], names: Iterable[str]) -> None:
    """A column that only the names of folders hold would be in no digest and no figure."""
    told = set(names)
    for file in files:
        if file == folder or _OF_INFERENCE_LOG.search(file.absolute().as_posix()):
            continue
        for part in file.relative_to(folder).parts[:-1]:
            found = _PARTITION.fullmatch(part)
            if found is not None and found[1] not in told:
                raise InputError(
                    f"the folders below {folder.name!r} hold a column that its files do not",
                    got=f"folders named {found[1]}=…",
                    expected="files with all their columns",
                    next_step="pass what reads it whole, such as pyarrow.dataset.dataset("
                    'folder, partitioning="hive")',
                )


def _ending(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in (".gz", ".bz2", ".zst"):
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _open(path: Path) -> _Opened:
    reader = _READERS.get(_ending(path))
    if reader is None:
        raise InputError(
            f"{path.name} is not a table file",
            got=_ending(path) or "no ending",
            expected=", ".join(_READERS),
            next_step="for the bytes of any file use fingerprint_files",
        )
    try:
        return reader(path)
    except InputError:
        raise
    except (OSError, ValueError):
        problem = type(sys.exc_info()[1]).__name__
    raise _unreadable(path, problem)


def _guarded(
    path: Path, read: Callable[[], Iterator[pa.RecordBatch]], schema: pa.Schema
) -> Iterator[Batch]:
    # Messages of the readers quote the cell that failed, so only their type travels on.
    batches = read()
    while True:
        try:
            batch = next(batches, None)
        except (OSError, ValueError):
            problem = type(sys.exc_info()[1]).__name__
        else:
            if batch is None:
                return
            yield arrow_batch(_with_types(batch, schema))
            continue
        raise _unreadable(path, problem)


def _with_types(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with columns of the null type turned into those of the other files."""
    import pyarrow as pa

    wanted = [schema.field(name).type for name in batch.schema.names]
    if wanted == batch.schema.types:
        return batch
    columns = [
        pa.nulls(len(column), kind) if pa.types.is_null(column.type) else column
        for column, kind in zip(batch.columns, wanted, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _unreadable(path: Path, problem: str) -> InputError:
    csv = _ending(path) in (".csv", ".tsv")
    return InputError(
        f"{path.name} cannot be read",
        got=problem,
        expected="UTF-8, as many cells in each line as there are names in the first, and one type "
        "in each column, the same in every block"
        if csv
        else "a whole file",
        next_step="write the data as Parquet, which keeps its types, and use that" if csv else None,
    )


def _selected(
    batches: Iterable[pa.RecordBatch], columns: tuple[str, ...]
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch.select(list(columns))


def _parquet(path: Path) -> _Opened:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        schema, metadata = file.schema_arrow, file.metadata

    def read(columns: tuple[str, ...] | None, dictionaries: bool) -> Iterator[pa.RecordBatch]:
        # A dot could be the path of a field, so such names are read with all the others.
        some = columns if columns and not any("." in name for name in columns) else None
        coded = _coded_texts(schema, metadata) if dictionaries else []
        with pq.ParquetFile(path, read_dictionary=coded) as file:
            for group in range(file.num_row_groups):  # asked for all at once, it keeps them all
                batches = file.iter_batches(
                    batch_size=BATCH_ROWS, row_groups=[group], columns=list(some) if some else None
                )
                yield from batches if columns is None else _selected(batches, columns)

    return schema, read


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _coded_texts(schema: pa.Schema, metadata: Any) -> list[str]:
    """Columns of text that are dictionaries, or hardly filled, in every row group: they take fewer
    bytes than texts one by one would for their lengths alone."""
    texts = {field.name for field in schema if _is_text(field.type)}
    found = []
    for place in range(metadata.num_columns):
        name = metadata.schema.column(place).path
        groups = [metadata.row_group(g).column(place) for g in range(metadata.num_row_groups)]
        bytes_each = (g.total_uncompressed_size / max(1, g.num_values) for g in groups)
        if name in texts and all(each < _PLAIN_TEXT_BYTES for each in bytes_each):
            found.append(name)
    return found


def _csv(path: Path) -> _Opened:
    from pyarrow import csv

    separator = "\t" if _ending(path) == ".tsv" else ","

    def opened() -> Any:
        return csv.open_csv(
            path,
            read_options=csv.ReadOptions(block_size=_CSV_BLOCK_BYTES),
            parse_options=csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                strings_can_be_null=True, quoted_strings_can_be_null=False
            ),
        )

    with opened() as reader:
        schema = reader.schema
    assert_header(path.name, schema, separator)

    def read(columns: tuple[str, ...] | None, _: bool) -> Iterator[pa.RecordBatch]:
        with opened() as reader:
            yield from reader if columns is None else _selected(reader, columns)

    return schema, read


def _arrow(path: Path) -> _Opened:
    import pyarrow as pa

    def read(columns: tuple[str, ...] | None, _: bool) -> Iterator[pa.RecordBatch]:
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
            batches = map(file.get_batch, range(file.num_record_batches))
            yield from batches if columns is None else _selected(batches, columns)

    with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
        return file.schema, read


_READERS: dict[str, Callable[[Path], _Opened]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".tsv": _csv,
    ".arrow": _arrow,
    ".feather": _arrow,
}
