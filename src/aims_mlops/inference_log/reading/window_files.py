"""Reading an inference log back: the files of a window, and predictions joined with their labels.

Whatever is odd about a file is told in `problems` and loses nothing of the others: a copy of
another file is counted once, a file without rows or that cannot be read is left out, one with other
columns or types is brought to those that most rows have, and one that came late is read like any.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from aims_mlops.errors import InputError
from aims_mlops.inference_log.storage.layout import Folder, Part, StoredFile

if TYPE_CHECKING:
    import pyarrow as pa

KEY = ("request_id", "row")
_LATE_SECONDS = 3600.0  # after the end of its day

What = Literal[
    "duplicate file",
    "empty file",
    "unreadable file",
    "late file",
    "missing column",
    "extra column",
    "retyped column",
    "duplicate rows",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something odd: of which file, and in words with counts and names of columns."""

    what: What
    file: str
    words: str

    def to_body(self) -> dict[str, str]:
        """As JSON values."""
        return {"what": self.what, "file": self.file, "words": self.words}


@dataclass(frozen=True, slots=True)
class Window:
    """Files of the days that a window touches, without copies and files that hold no rows."""

    files: tuple[StoredFile, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """Predictions of a window, with what is known about them by now.

    table : Arrow; the columns of the log, then those of the labels, null where none has come.
    rows, labelled : of predictions.  duplicates : rows of predictions that were there twice.
    """

    table: pa.Table
    rows: int
    labelled: int
    duplicates: int
    problems: tuple[Problem, ...]


def window_files(
    folder: Folder | str, system: str, start: datetime, end: datetime, *, root: Path | None = None
) -> list[str]:
    """Paths or URLs of the Parquet files with predictions of the days that [start, end) touches.

    The files hold whole days; rows have their `time`. Raises InputError for a folder that cannot
    be listed. `look` says what was left out and why.
    """
    return [file.path for file in look(folder, system, start, end, root=root).files]


def look(
    folder: Folder | str,
    system: str,
    start: datetime,
    end: datetime,
    *,
    root: Path | None = None,
    part: Part = "predictions",
) -> Window:
    """The files of a window and everything odd about them, from their footers."""
    place = folder if isinstance(folder, Folder) else Folder.of(folder, root or Path.cwd())
    first, last = _days(start, end)
    listed = place.files(part, system, first, last)
    unique, problems = _without_copies(place, listed)
    kept = []
    shapes: dict[str, dict[str, str]] = {}
    for file in unique:
        problems += _lateness(file)
        try:
            rows, shape = _footer(place, file)
        except (OSError, ValueError) as error:
            problems.append(Problem("unreadable file", file.name, type(error).__name__))
            continue
        if rows == 0:
            problems.append(Problem("empty file", file.name, "no rows"))
            continue
        shapes[file.path] = shape
        kept.append(file)
    problems += _differences(kept, shapes)
    return Window(tuple(kept), tuple(problems))


def read_window(
    folder: Folder | str,
    system: str,
    start: datetime,
    end: datetime,
    *,
    root: Path | None = None,
    columns: Sequence[str] | None = None,
    part: Part = "predictions",
) -> tuple[pa.Table, tuple[Problem, ...]]:
    """The rows whose time lies in [start, end) as one Arrow table, and what was odd.

    columns : some of them; all by default. A column that a file lacks is null there.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    place = folder if isinstance(folder, Folder) else Folder.of(folder, root or Path.cwd())
    window = look(place, system, start, end, root=root, part=part)
    wanted = None if columns is None else list(dict.fromkeys([*columns, "time"]))
    tables = []
    for file in window.files:
        table = _read(place, file, wanted)
        inside = pc.and_(
            pc.greater_equal(table["time"], pa.scalar(start.astimezone(UTC), table["time"].type)),
            pc.less(table["time"], pa.scalar(end.astimezone(UTC), table["time"].type)),
        )
        tables.append(table.filter(inside))
    return _together(tables, wanted), window.problems


def joined(
    folder: Folder | str,
    system: str,
    start: datetime,
    end: datetime,
    *,
    root: Path | None = None,
    columns: Sequence[str] | None = None,
) -> Joined:
    """Predictions made in [start, end), each with the newest label that has come for it.

    Labels are looked for from the day of the window on, whenever they came. A prediction that is
    there twice, by request id and row, counts once.
    """
    place = folder if isinstance(folder, Folder) else Folder.of(folder, root or Path.cwd())
    wanted = None if columns is None else [*KEY, *(name for name in columns if name not in KEY)]
    predictions, problems = read_window(place, system, start, end, columns=wanted)
    predictions, repeated = _newest(predictions)
    far = datetime.max.replace(tzinfo=UTC) - timedelta(days=2)
    labels, odd = read_window(place, system, start, far, part="labels")
    if not labels.num_columns or not predictions.num_columns:
        return Joined(predictions, predictions.num_rows, 0, repeated, (*problems, *odd))
    labels, _ = _newest(_given(labels))
    table = _with_labels(predictions, labels)
    if repeated:
        words = f"{repeated} rows of predictions are there twice"
        problems = (*problems, Problem("duplicate rows", "", words))
    labelled = table.num_rows - table["labelled_at"].null_count
    return Joined(table, table.num_rows, labelled, repeated, (*problems, *odd))


def _given(labels: pa.Table) -> pa.Table:
    """Rows that have a label: an empty one, or NaN, is none and takes no other's place."""
    import pyarrow.compute as pc

    names = [name for name in labels.column_names if name not in (*KEY, "time")]
    some = None
    for name in names:
        given = pc.invert(pc.is_null(labels[name], nan_is_null=True))
        some = given if some is None else pc.or_(some, given)
    return labels if some is None else labels.filter(some)


def _with_labels(predictions: pa.Table, labels: pa.Table) -> pa.Table:
    """Predictions by time, each with its label; only keys are joined, as Arrow joins few types."""
    import pyarrow as pa

    predictions = predictions.sort_by([("time", "ascending"), *((key, "ascending") for key in KEY)])
    left = predictions.select(list(KEY))
    left = left.append_column("_place", pa.array(range(left.num_rows), pa.int64()))
    right = labels.select(list(KEY))
    right = right.append_column("_label", pa.array(range(right.num_rows), pa.int64()))
    found = left.join(right, keys=list(KEY), join_type="left outer").sort_by("_place")["_label"]
    for name in labels.column_names:
        if name not in KEY:
            taken = name in predictions.column_names
            as_ = "labelled_at" if name == "time" else f"label_{name}" if taken else name
            predictions = predictions.append_column(as_, labels[name].take(found))
    return predictions


def _days(start: datetime, end: datetime) -> tuple[date, date]:
    if start.tzinfo is None or end.tzinfo is None:
        raise InputError("a window has no time zone", expected="aware datetimes")
    if end <= start:
        raise InputError("a window ends before it begins", got=f"{start} to {end}")
    last = end.astimezone(UTC) - timedelta(microseconds=1)
    return start.astimezone(UTC).date(), last.date()


def _without_copies(
    place: Folder, listed: Sequence[StoredFile]
) -> tuple[list[StoredFile], list[Problem]]:
    """Files of one size may be copies; only those are read for it."""
    sizes: defaultdict[int, list[StoredFile]] = defaultdict(list)
    for file in listed:
        sizes[file.size].append(file)
    copies: dict[str, str] = {}
    problems: list[Problem] = []
    for alike in sizes.values():
        if len(alike) < 2:
            continue
        seen: dict[str, str] = {}
        for file in alike:
            try:
                digest = hashlib.sha256(place.read(file.path)).hexdigest()
            except OSError:
                continue  # told when its footer is read
            if digest in seen:
                copies[file.path] = seen[digest]
            else:
                seen[digest] = file.name
    for file in listed:
        if file.path in copies:
            words = f"the same content as {copies[file.path]}; counted once"
            problems.append(Problem("duplicate file", file.name, words))
    return [file for file in listed if file.path not in copies], problems


def _lateness(file: StoredFile) -> list[Problem]:
    if file.modified is None:
        return []
    end = datetime(file.day.year, file.day.month, file.day.day, tzinfo=UTC) + timedelta(days=1)
    late = file.modified - end.timestamp() - _LATE_SECONDS
    if late <= 0:
        return []
    hours = late / 3600 + 1
    return [Problem("late file", file.name, f"came {hours:.0f} h after the end of its day")]


@contextmanager
def _opened(place: Folder, file: StoredFile) -> Iterator[Any]:
    import pyarrow.parquet as pq

    with place.open(file.path) as source, pq.ParquetFile(source) as opened:
        yield opened


def _footer(place: Folder, file: StoredFile) -> tuple[int, dict[str, str]]:
    with _opened(place, file) as opened:
        schema = opened.schema_arrow
        shape = {field.name: str(field.type) for field in schema}
        for name in (*KEY, "time"):
            if name not in shape:
                raise ValueError(f"no column {name}")
        return opened.metadata.num_rows, shape


def _read(place: Folder, file: StoredFile, wanted: list[str] | None) -> pa.Table:
    with _opened(place, file) as opened:
        known = set(opened.schema_arrow.names)
        # A dot could be the path of a field, so such files are read as a whole.
        if wanted is None or any("." in name for name in known):
            table = opened.read()
            return table if wanted is None else table.select([n for n in wanted if n in known])
        return opened.read(columns=[name for name in wanted if name in known])


def _differences(files: Sequence[StoredFile], shapes: dict[str, dict[str, str]]) -> list[Problem]:
    """Columns that a file has differently from most others."""
    votes: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for shape in shapes.values():
        for name, kind in shape.items():
            if kind != "null":
                votes[name][kind] += 1
    usual = {
        name: max(kinds, key=lambda kind, kinds=kinds: kinds[kind])  # type: ignore[misc]
        for name, kinds in votes.items()
        if 2 * sum(kinds.values()) > len(shapes)
    }
    found: list[Problem] = []
    for file in files:
        shape = shapes[file.path]
        missing = sorted(usual.keys() - shape.keys())
        extra = sorted(name for name in shape.keys() - usual.keys() if shape[name] != "null")
        found += [Problem("missing column", file.name, f"no column {name!r}") for name in missing]
        found += [Problem("extra column", file.name, f"column {name!r}") for name in extra]
        for name in sorted(usual.keys() & shape.keys()):
            if shape[name] not in (usual[name], "null"):
                words = f"column {name!r} is {shape[name]}, elsewhere {usual[name]}"
                found.append(Problem("retyped column", file.name, words))
    return found


def _together(tables: Sequence[pa.Table], wanted: list[str] | None) -> pa.Table:
    """One table; a column of several types becomes the widest one, at last text."""
    import pyarrow as pa

    if not tables:
        return pa.table({})
    names = list(dict.fromkeys(name for table in tables for name in table.column_names))
    if wanted is not None:
        names = [name for name in wanted if name in names]
    columns = {}
    for name in names:
        kinds = {t.schema.field(name).type for t in tables if name in t.column_names}
        kind = _common(kinds - {pa.null()})
        columns[name] = pa.chunked_array(
            [
                chunk
                for table in tables
                for chunk in (
                    table[name].cast(kind).chunks
                    if name in table.column_names
                    else [pa.nulls(table.num_rows, kind)]
                )
            ],
            type=kind,
        )
    return pa.table(columns)


def _common(kinds: set[Any]) -> Any:
    import pyarrow as pa

    if not kinds:
        return pa.null()
    if len(kinds) == 1:
        return next(iter(kinds))
    if all(map(_is_number, kinds)):
        return pa.float64()
    if all(_is_number(kind) or pa.types.is_boolean(kind) for kind in kinds):
        return pa.float64() if any(map(pa.types.is_floating, kinds)) else pa.int64()
    return pa.string()


def _is_number(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _newest(table: pa.Table) -> tuple[pa.Table, int]:
    """One row by request id and row, the newest by time; and how many were too many."""
    import pyarrow as pa

    if not table.num_rows or not set(KEY) <= set(table.column_names):
        return table, 0
    groups = table.select(list(KEY)).group_by(list(KEY)).aggregate([([], "count_all")])
    if groups.num_rows == table.num_rows:
        return table, 0
    ordered = table.sort_by([("time", "ascending")])
    ordered = ordered.append_column("_place", pa.array(range(table.num_rows), pa.int64()))
    last = ordered.group_by(list(KEY)).aggregate([("_place", "max")])["_place_max"]
    kept = ordered.take(last)
    return kept.drop_columns(["_place"]), table.num_rows - groups.num_rows
