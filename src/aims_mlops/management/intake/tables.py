"""Lists that people keep as CSV or XLSX, read as rows that know their line."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from aims_mlops.documents.problems import did_you_mean
from aims_mlops.errors import DocumentError, MissingExtraError

LIMIT_BYTES = 100_000_000  # of a file, and of what an XLSX unpacks to
SEPARATORS = (",", ";", "\t", "|")
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


@dataclass(frozen=True, slots=True)
class Table:
    """Column names and rows; each row is its 1-based line, and a cell for each column.

    A cell is text, or what a spreadsheet holds: a number, yes or no, a day (as YYYY-MM-DD).
    """

    path: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[Any, ...]], ...]
    read_as: str


def read_table(
    path: Path,
    *,
    wanted: Sequence[str],
    header: int = 1,
    sheet: str | None = None,
    separator: str | None = None,
    encoding: str | None = None,
) -> Table:
    """A list as a table; raises DocumentError with the line, and what to say in the mapping.

    wanted : columns that have to be there; by them the separator of a CSV is found.
    header : the line with the names of the columns.
    """
    try:
        content = path.read_bytes() if path.stat().st_size <= LIMIT_BYTES else None
    except OSError as error:
        raise DocumentError(f"cannot read the file: {error.strerror}", path=path) from error
    if content is None:
        raise DocumentError(
            "the file is too large", path=path, expected=f"at most {LIMIT_BYTES:,} bytes"
        )
    if content.startswith(b"PK"):
        found = _of_workbook(path, content, header, sheet)
    elif content.startswith(b"\xd0\xcf\x11\xe0"):
        raise DocumentError(
            "an old Excel file (XLS)",
            path=path,
            expected="XLSX or CSV",
            next_step="save it as XLSX",
        )
    else:
        found = _of_text(path, content, wanted, header, separator, encoding)
    missing = [name for name in wanted if name not in found.columns]
    if missing:
        near = did_you_mean(missing[0], found.columns)
        raise DocumentError(
            f"no column {missing[0]!r}",
            path=path,
            line=header,
            got=f"{found.read_as}: " + ", ".join(map(repr, found.columns[:20])),
            expected=f"{near!r}?" if near else "the columns that the mapping names",
            next_step="name the columns in the mapping, or its separator or header",
        )
    twice = [name for name in wanted if found.columns.count(name) > 1]
    if twice:
        raise DocumentError(f"column {twice[0]!r} is there twice", path=path, line=header)
    return found


def _of_text(
    path: Path,
    content: bytes,
    wanted: Sequence[str],
    header: int,
    separator: str | None,
    encoding: str | None,
) -> Table:
    text, read_as = _decoded(path, content, encoding)
    chosen = separator or max(SEPARATORS, key=lambda one: _fit(text, one, wanted, header))
    rows_read: list[tuple[int, tuple[Any, ...]]] = []
    columns: tuple[str, ...] = ()
    reader = csv.reader(io.StringIO(text), delimiter=chosen, strict=True)
    line, number = 1, 0
    try:
        for row in reader:
            number += 1
            if number == header:
                columns = tuple(cell.strip() for cell in row)
            elif number > header and any(cell.strip() for cell in row):
                if len(row) != len(columns):
                    raise DocumentError(
                        "a row has another number of cells than the header",
                        path=path,
                        line=line,
                        got=str(len(row)),
                        expected=f"{len(columns)}, separated by {_NAMES.get(chosen, chosen)}",
                        next_step="put a cell that holds the separator in quotes",
                    )
                rows_read.append((line, tuple(row)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise DocumentError(f"not a CSV file: {error}", path=path, line=line) from error
    return Table(str(path), columns, tuple(rows_read), f"{read_as}, {_NAMES.get(chosen, chosen)}")


def _fit(text: str, separator: str, wanted: Sequence[str], header: int) -> tuple[int, int]:
    """How well a separator cuts the header: columns that are asked for, then columns at all."""
    rows = csv.reader(io.StringIO(text), delimiter=separator)
    names = [cell.strip() for cell in next(itertools.islice(rows, header - 1, None), [])]
    return sum(name in names for name in wanted), len(names)


def _decoded(path: Path, content: bytes, encoding: str | None) -> tuple[str, str]:
    marks = {codecs.BOM_UTF8: "utf-8-sig"}
    marks |= dict.fromkeys((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "utf-16")
    found = encoding or next(
        (name for mark, name in marks.items() if content.startswith(mark)), "utf-8"
    )
    try:
        return content.decode(found), found.removesuffix("-sig")
    except LookupError as error:
        raise DocumentError(
            "no such encoding", path=path, got=found, expected="such as utf-8, utf-16, cp1252"
        ) from error
    except UnicodeDecodeError as error:
        raise DocumentError(
            f"the file is not {found} text",
            path=path,
            line=content.count(b"\n", 0, error.start) + 1,
            got=f"an invalid byte at offset {error.start}",
            expected="another encoding; files of Excel on Windows are often cp1252",
            next_step="say it in the mapping (encoding: cp1252), or save the file as UTF-8",
        ) from error


def _of_workbook(path: Path, content: bytes, header: int, sheet: str | None) -> Table:
    try:
        import openpyxl
    except ImportError as error:
        raise MissingExtraError(
            "reading XLSX", library="openpyxl", extra="documents", next_step=_INSTEAD
        ) from error
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            unpacked = sum(part.file_size for part in parts.infolist())
        if unpacked > LIMIT_BYTES:
            raise DocumentError(
                "the workbook unpacks to too much", path=path, expected=f"at most {LIMIT_BYTES:,}"
            )
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise DocumentError("not an XLSX workbook", path=path, next_step=_INSTEAD) from error
    names = book.sheetnames
    if sheet is not None and sheet not in names:
        raise DocumentError(
            f"no sheet {sheet!r}", path=path, expected="one of " + ", ".join(map(repr, names))
        )
    if sheet is None and len(names) > 1:
        raise DocumentError(
            "the workbook has several sheets",
            path=path,
            expected="one of " + ", ".join(map(repr, names)),
            next_step="say which in the mapping (sheet: NAME), or with --sheet",
        )
    name = sheet or names[0]
    columns: tuple[str, ...] = ()
    rows: list[tuple[int, tuple[Any, ...]]] = []
    for line, row in enumerate(book[name].iter_rows(values_only=True), 1):
        if line == header:
            columns = tuple(_cell_text(cell) for cell in row)
        elif line > header and any(cell not in (None, "") for cell in row):
            cells = tuple(map(_cell, row[: len(columns)]))
            rows.append((line, cells + ("",) * (len(columns) - len(cells))))
    book.close()
    return Table(str(path), columns, tuple(rows), f"sheet {name!r}")


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, (str, bool, int, float)) else str(value)


def _cell_text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def numbered(table: Table) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each row as its line and {column: cell}."""
    for line, cells in table.rows:
        yield line, dict(zip(table.columns, cells, strict=False))


_INSTEAD = "save the sheet as CSV"
