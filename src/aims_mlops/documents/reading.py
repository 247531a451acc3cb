"""YAML 1.2 and Markdown with front matter, read from a file into plain data with line numbers."""

from __future__ import annotations

from pathlib import Path

from aims_mlops.documents.document import Document
from aims_mlops.documents.front_matter import parse_markdown
from aims_mlops.documents.yaml_events import LIMIT_BYTES, parse_yaml
from aims_mlops.errors import DocumentError


def read_yaml(path: Path | str) -> Document:
    """A YAML file as a Document; raises DocumentError with path and line."""
    return parse_yaml(read_text(path), path=str(path))


def read_text(path: Path | str) -> str:
    """A file's text; DocumentError if it is missing, too large or not UTF-8."""
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > LIMIT_BYTES:
            raise DocumentError(
                "file is too large",
                path=path,
                got=f"{size:,} bytes",
                expected=f"at most {LIMIT_BYTES:,}",
            )
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DocumentError(
            f"cannot read the file: {error.strerror or error}", path=path
        ) from error
    except UnicodeDecodeError as error:
        raise DocumentError(
            "file is not UTF-8 text", path=path, got=f"an invalid byte at offset {error.start}"
        ) from error


def read_document(path: Path | str) -> Document:
    """A `.md` file by its front matter and headings, any other as YAML."""
    if Path(path).suffix.lower() in (".md", ".markdown"):
        return parse_markdown(read_text(path), path=str(path))
    return read_yaml(path)
