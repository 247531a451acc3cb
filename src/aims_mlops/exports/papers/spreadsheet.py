"""A document or a table as a spreadsheet (XLSX), by openpyxl. The one place that imports it.

Every cell is text or a number, and none is a formula, whatever it begins with.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any

from aims_mlops.errors import MissingExtraError
from aims_mlops.exports.basis.archive import without_times
from aims_mlops.exports.basis.identity import xml_text
from aims_mlops.exports.papers.paper import Paper
from aims_mlops.exports.papers.word import said, source_of

CELL = 32_767  # characters that a cell may hold
_CORE = "docProps/core.xml"
_TIME = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*(</dcterms:\2>)")


def as_xlsx(paper: Paper) -> bytes:
    """A sheet of lines, and one that says where they come from. MissingExtraError."""
    rows = [
        (f"{point.number}. {point.title}", line.label, "\n".join(said(line)), source_of(line))
        for point in paper.points
        for line in point.lines
    ]
    head = ("point", "what is asked", "what is recorded", "source")
    about = [("document", paper.title), ("about", paper.subject), ("draft", paper.draft)]
    about += paper.position.named().items()
    return workbook(
        {"lines": (head, rows), "source": (("what", "value"), about)}, at=paper.position.at
    )


def workbook(sheets: dict[str, tuple[Sequence[str], Iterable[Sequence[Any]]]], *, at: str) -> bytes:
    """An XLSX file. sheets : {name: (head, rows)}.  at : RFC 3339 time that the file says."""
    try:
        import openpyxl
    except ImportError as error:
        raise MissingExtraError(
            "writing a spreadsheet", library="openpyxl", extra="documents"
        ) from error
    book = openpyxl.Workbook(write_only=True)
    book.properties.creator = "aims-mlops"
    for name, (head, rows) in sheets.items():
        sheet = book.create_sheet(name)
        sheet.freeze_panes = "A2"
        for row in (head, *rows):
            sheet.append([_cell(sheet, value) for value in row])
    made = io.BytesIO()
    book.save(made)
    with zipfile.ZipFile(io.BytesIO(made.getvalue())) as archive:
        core = archive.read(_CORE)
    moment = at[:19].encode() + b"Z"
    core = _TIME.sub(lambda m: m[1] + moment + m[3], core)
    return without_times(made.getvalue(), {_CORE: core})


def _cell(sheet: Any, value: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell

    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    text = xml_text("" if value is None else str(value)).replace("\x00", "")[:CELL]
    cell = WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"  # openpyxl takes a text that begins with '=' for a formula
    return cell
