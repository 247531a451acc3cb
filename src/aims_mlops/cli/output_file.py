"""A file that a command writes: the whole of it or nothing."""

from __future__ import annotations

import contextlib
from pathlib import Path

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
