"""A document as a Word file (DOCX), by python-docx. The one place that imports it."""

from __future__ import annotations

import io
from typing import Any

from aims_mlops.errors import MissingExtraError
from aims_mlops.evidence import clock
from aims_mlops.exports.basis.archive import without_times
from aims_mlops.exports.basis.identity import xml_text
from aims_mlops.exports.papers.paper import MISSING, Line, Paper
from aims_mlops.visible import plain


def as_docx(paper: Paper) -> bytes:
    """The file; headings are headings, and each table has a head row. MissingExtraError."""
    try:
        import docx
    except ImportError as error:
        raise MissingExtraError(
            "writing a Word file", library="python-docx", extra="documents"
        ) from error
    document = docx.Document()
    properties = document.core_properties
    moment = clock.parse(paper.position.at).replace(tzinfo=None, microsecond=0)
    properties.title, properties.author = _text(paper.title)[:255], "aims-mlops"
    properties.comments = ""
    properties.created = properties.modified = moment
    properties.language = "en"
    document.add_heading(_text(paper.title), 0)
    document.add_paragraph(_text(paper.subject))
    document.add_paragraph(_text(f"DRAFT. {paper.draft}"))
    filled = len(paper.lines) - paper.missing
    document.add_paragraph(f"{filled} of {len(paper.lines)} lines are filled from records.")
    for point in paper.points:
        document.add_heading(_text(f"{point.number}. {point.title}"), 1)
        document.add_paragraph(_text(point.about))
        table = document.add_table(rows=1, cols=3, style="Table Grid")
        _fill(table.rows[0].cells, "What is asked", "What is recorded", "Source")
        for line in point.lines:
            _fill(table.add_row().cells, line.label, "\n".join(said(line)), source_of(line))
    document.add_heading("Where this comes from", 1)
    for name, value in paper.position.named().items():
        document.add_paragraph(_text(f"{name}: ") + xml_text(value))
    made = io.BytesIO()
    document.save(made)
    return without_times(made.getvalue())


def said(line: Line) -> list[str]:
    """What stands in the middle of a line, value by value."""
    if line.is_missing:
        return [f"{MISSING}. Next: {line.next_step}"]
    return list(line.values)


def source_of(line: Line) -> str:
    """Where a line comes from, in words."""
    if line.is_missing:
        return ""
    parts = [f"declared by {line.declared_by}" if line.declared_by else None]
    parts.append(f"record {line.record}" if line.record else "shown by what is absent")
    return "; ".join(part for part in parts if part)


def _fill(cells: Any, *texts: str) -> None:
    for cell, text in zip(cells, texts, strict=True):
        cell.text = "\n".join(map(_text, text.split("\n")))


def _text(text: str) -> str:
    return xml_text(plain(text))
