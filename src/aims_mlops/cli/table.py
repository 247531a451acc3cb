"""Plain, aligned tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from aims_mlops.cli.plain import plain


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows as left-aligned columns two spaces apart, under a head line."""
    lines = [[plain(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
