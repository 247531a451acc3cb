"""A file that a command writes: the whole of it or nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import click

from aims_mlops.errors import InputError


def write_text(path: Path, text: str) -> None:
    """A text in UTF-8 with line feeds, written beside its place and then moved there."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_bytes(path: Path, content: bytes) -> None:
    """The same for bytes. Raises InputError where the file cannot be written."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise InputError(
            f"cannot write {path}: {error.strerror or type(error).__name__}",
            next_step="give another file",
        ) from error


def write_page(html: Path | None, pdf: Path | None, page: Callable[[], str]) -> None:
    """A page as HTML, as a PDF, as both or as neither; drawn once for each."""
    if html is not None:
        write_text(html, page())
    if pdf is not None:
        from aims_mlops.exports.papers.pdf import as_pdf

        write_bytes(pdf, as_pdf(page()))
        click.echo(f"wrote {pdf}", err=True)


def write_workbook(
    path: Path, sheets: Mapping[str, tuple[Sequence[str], Iterable[Sequence[object]]]], at: str
) -> None:
    """A spreadsheet. sheets : {name: (head, rows)}.  at : RFC 3339 time that the file says."""
    from aims_mlops.exports.papers.spreadsheet import workbook

    write_bytes(path, workbook(dict(sheets), at=at))
