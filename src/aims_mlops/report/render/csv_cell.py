"""A value as a cell of a CSV file that a spreadsheet takes for text."""

from __future__ import annotations


def cell(value: object) -> str:
    """One cell; an apostrophe before what a spreadsheet would calculate."""
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    text = "" if value is None else str(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return text
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") or text[:1] in "\t\r\n" else text
