"""Which files of a window make one table together, and what keeps the others out of it.

Asked for when a window of several files cannot be measured as it is, because every file is read
for it once more. Names of columns may be told, values never.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

_INDEX = "__index_level_"  # what pandas keeps of an index; no column of the data
_SHOWN = 5  # names of columns that a sentence lists


@dataclass(frozen=True, slots=True)
class Fitting:
    """What came of it, by the place of each file among those given.

    paths : of the files that make one table; a copy where types were put alike.
    odd : why each of the others does not belong to it.
    """

    paths: dict[int, Path]
    odd: dict[int, str]


def fitting(files: Sequence[Path], folder: Path) -> Fitting:
    """The most files that have the same columns, with types put alike where no value changes.

    folder : where copies may be written.  Numbers of several types become 64-bit floats, texts of
    several types plain text, columns in another order are put in order.
    """
    odd: dict[int, str] = {}
    schemas: dict[int, pa.Schema] = {}
    for place, path in enumerate(files):
        try:
            schemas[place] = _whole(path)
        except InputError as error:
            odd[place] = "it cannot be read" + (f" ({error.got})" if error.got else "")
    if not schemas:
        return Fitting({}, odd)
    counts = Counter(frozenset(_columns(schema)) for schema in schemas.values())
    wanted = counts.most_common(1)[0][0]
    for place in [p for p, s in schemas.items() if frozenset(_columns(s)) != wanted]:
        odd[place] = _other_columns(set(_columns(schemas.pop(place))), wanted)
    target = _target(list(schemas.values()))
    paths: dict[int, Path] = {}
    for place, schema in schemas.items():
        try:
            paths[place] = _alike(files[place], schema, target, folder / f"{place:06}.parquet")
        except InputError as error:
            odd[place] = error.thing
    return Fitting(paths, odd)


def _whole(path: Path) -> pa.Schema:
    """The schema of a file that can be read to its end. Raises InputError."""
    from aims_mlops.measures.table.files import schema_of
    from aims_mlops.measures.table.opening import open_table

    for batch in open_table(path, index="count").batches():
        for column in batch.columns:
            column()
    return schema_of(path)


def _columns(schema: pa.Schema) -> list[str]:
    return [name for name in schema.names if not name.startswith(_INDEX)]


def _other_columns(have: set[str], wanted: frozenset[str]) -> str:
    told = []
    for words, names in (("without", sorted(wanted - have)), ("new", sorted(have - wanted))):
        if names:
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            told.append(f"{words} {', '.join(names[:_SHOWN])}{more}")
    return f"it has other columns than most: {'; '.join(told)}"


def _target(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The type of each column that most files can take."""
    import pyarrow as pa

    fields = []
    for name in _columns(schemas[0]):
        kinds = Counter(schema.field(name).type for schema in schemas)
        kinds.pop(pa.null(), None)
        family = Counter[str]()
        for kind, count in kinds.items():
            family[_family(kind)] += count
        if not family:
            fields.append(pa.field(name, pa.null()))
            continue
        most = family.most_common(1)[0][0]
        alike = [kind for kind, _ in kinds.most_common() if _family(kind) == most]
        wide = {"number": pa.float64(), "text": pa.large_string()}.get(most, alike[0])
        fields.append(pa.field(name, alike[0] if len(alike) == 1 else wide))
    return pa.schema(fields)


def _family(kind: pa.DataType) -> str:
    import pyarrow as pa

    types = pa.types
    if types.is_integer(kind) or types.is_floating(kind):
        return "number"
    if types.is_dictionary(kind):
        return _family(kind.value_type)
    if types.is_string(kind) or types.is_large_string(kind):
        return "text"
    return f"timestamp {kind.tz}" if types.is_timestamp(kind) else str(kind)


def _alike(path: Path, schema: pa.Schema, target: pa.Schema, copy: Path) -> Path:
    """The file, or a copy in the types wanted. Raises InputError where a value would change."""
    if schema.names == target.names and schema.types == target.types:
        return path
    import pyarrow as pa
    import pyarrow.parquet as pq

    copy.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(copy, target) as writer:
        for columns in _batches(path, schema, target):
            writer.write_table(pa.table(columns, schema=target))
    return copy


def _batches(path: Path, schema: pa.Schema, target: pa.Schema) -> Iterator[list[Any]]:
    from aims_mlops.measures.table.opening import open_table

    for batch in open_table(path, index="count").select(target.names).batches():
        yield [
            _cast(column(), schema.field(field.name).type, field)
            for column, field in zip(batch.columns, target, strict=True)
        ]


def _cast(values: Any, kind: pa.DataType, field: pa.Field) -> Any:
    import pyarrow as pa

    fits = pa.types.is_null(kind) or kind == field.type or _family(kind) == _family(field.type)
    if fits:
        try:
            return values.cast(field.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            fits = False
    raise InputError(
        f"column {field.name!r} is {kind} where most files have {field.type}",
    )
