"""Text that can not steer a terminal, nor pass for lines of ours."""

from __future__ import annotations

import unicodedata


def plain(text: str) -> str:
    """One line without control, format and line-breaking characters.

    Names in evidence and texts in documents come from others.
    """
    return "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") else c for c in text)


def plain_lines(text: str) -> str:
    """The same for a text of several lines, whose line breaks stay."""
    return "\n".join(plain(line) for line in text.split("\n"))
