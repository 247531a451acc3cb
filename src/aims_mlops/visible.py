"""The one answer to what text from others may look like where people read it.

Names in evidence, texts in documents and answers of servers come from others. Nothing of theirs may
hide, reorder text or steer a terminal, nor pass for lines of ours. Every command, page, message and
text that is signed comes through here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TextIO

# Control characters but tab and line ends; format characters, with them the bidirectional ones;
# line and paragraph separators; surrogates; and letters that draw nothing. Variation selectors
# stay: they choose a form of the character before them, which remains in sight.
_RANGES = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891"
    "\u08e2\u115f-\u1160\u17b4-\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff"
    "\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bcaf"
    "\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
_HIDING = re.compile(f"[{_RANGES}]")
_HIDING_OR_RETURN = re.compile(f"[{_RANGES}\r]")
MARK = "\N{REPLACEMENT CHARACTER}"


def visible(text: str) -> str:
    """The text with each hiding character shown as a replacement mark; tab and line ends stay."""
    return text if text.isascii() and text.isprintable() else _HIDING.sub(MARK, text)


def one_line(text: str) -> str:
    """The same on one line, white space folded."""
    return " ".join(visible(text).split())


def plain(text: str) -> str:
    """The same on one line, each tab and line end a space: for a cell or the middle of a line."""
    return re.sub(r"[\t\n\r]", " ", visible(text))


def plain_lines(text: str) -> str:
    """The same for a text of several lines, whose line breaks stay."""
    return "\n".join(map(plain, text.splitlines() if "\r" in text else text.split("\n")))


def escaped(text: str) -> str:
    """The text with each hiding character written as JSON escapes it, such as `\\u202e`.

    A carriage return is one of them, for on a terminal it writes over what stands there; before a
    line feed it goes. JSON stays the same JSON.
    """
    if text.isascii() and text.isprintable():
        return text
    return _HIDING_OR_RETURN.sub(_escape, text.replace("\r\n", "\n"))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


class VisibleStream:
    """A text stream to which nothing hiding is written; bytes go to its `buffer` as they are."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text with everything made visible; how many characters it had."""
        if not isinstance(text, str):
            raise TypeError("a text stream takes text")
        self._stream.write(escaped(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each line with everything made visible."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)
