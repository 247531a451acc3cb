"""Text from evidence as a reader may trust it: nothing that hides, reorders or steers."""

from __future__ import annotations

# Control characters, zero-width characters and bidirectional overrides; tab and line ends stay.
_HIDING = dict.fromkeys(
    (
        *(c for c in range(32) if c not in (9, 10, 13)),
        *range(127, 160),
        173,
        *range(8203, 8208),
        *range(8232, 8239),
        *range(8288, 8304),
        65279,
    ),
    "�",
)


def visible(text: str) -> str:
    """The text with each hiding character shown as a replacement mark."""
    return text.translate(_HIDING)


def one_line(text: str) -> str:
    """The same on one line, white space folded."""
    return " ".join(visible(text).split())
