"""What is handed over: an export's bytes and where they come from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PublishedReport:
    """An export. format, version, media_type : of its content.  subject : what it is about.

    log_id, size : the position of the log that it was made from.
    """

    format: str
    version: str
    media_type: str
    content: bytes
    subject: str
    log_id: str
    size: int

    @property
    def sha256(self) -> str:
        """Of the content, in hex."""
        return hashlib.sha256(self.content).hexdigest()
