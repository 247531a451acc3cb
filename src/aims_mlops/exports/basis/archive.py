"""ZIP files whose bytes do not tell when they were made."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

_THEN = (1980, 1, 1, 0, 0, 0)  # the first moment that a ZIP file can tell


def without_times(content: bytes, replaced: Mapping[str, bytes] | None = None) -> bytes:
    """The same archive with entries in their order, each of 1980; some with other content."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, _THEN)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            new.writestr(entry, (replaced or {}).get(name, old.read(name)))
    return made.getvalue()
