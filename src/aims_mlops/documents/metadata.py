"""Who a file says wrote it: in the properties of office documents and PDF files."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator

_LIMIT = 1_000_000  # bytes of the part of an office document that holds its properties
_CREATOR = re.compile(
    rb"<(?:dc:creator|cp:lastModifiedBy|meta:initial-creator)(?:\s[^>]*)?>([^<]+)<", re.IGNORECASE
)
_PDF = re.compile(rb"/Author\s*(\((?:[^()\\]|\\.)+\)|<[0-9A-Fa-f\s]+>)")
_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
_XMP = re.compile(rb"<dc:creator>.{0,200}?<rdf:li[^>]*>([^<]+)<", re.DOTALL)


def author_of(content: bytes) -> str | None:
    """The author whom a file names in its properties; None if it names nobody.

    DOCX, XLSX, PPTX, ODT and PDF are looked into.
    """
    if content.startswith(b"PK"):
        return _of_office(content)
    if content.startswith(b"%PDF"):
        found = next(
            (hit for part in _parts(content) if (hit := _PDF.search(part) or _XMP.search(part))),
            None,
        )
        return None if found is None else found[1].decode("utf-8", "replace").strip()
    return None


def _parts(content: bytes) -> Iterator[bytes]:
    """A PDF as it is, and what its compressed streams unpack to."""
    yield content
    for found in _STREAM.finditer(content):
        try:
            yield zlib.decompressobj().decompress(found[1], _LIMIT)
        except zlib.error:
            continue


def _of_office(content: bytes) -> str | None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            for name in ("docProps/core.xml", "meta.xml"):
                if name in parts.namelist():
                    with parts.open(name) as part:
                        found = _CREATOR.search(part.read(_LIMIT))
                    if found is not None and found[1].strip():
                        return found[1].decode("utf-8", "replace").strip()
    except (zipfile.BadZipFile, OSError, RuntimeError):
        return None
    return None
