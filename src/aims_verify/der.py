"""Just enough of DER to read a time-stamp token: tag, content, next.

Source: ITU-T X.690, section 8 and 10. Lengths are definite; tags are one byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

INTEGER, OCTETS, OID, SEQUENCE, SET, TIME = 0x02, 0x04, 0x06, 0x30, 0x31, 0x18


@dataclass(frozen=True, slots=True)
class Value:
    """One value: its tag, its content, and all of its bytes."""

    tag: int
    content: bytes
    whole: bytes

    def parts(self) -> list[Value]:
        """The values inside, one after another; raises ValueError."""
        return list(_read_all(self.content))

    def expect(self, tag: int) -> Value:
        """The value itself, if it has this tag; raises ValueError."""
        if self.tag != tag:
            raise ValueError(f"a value of type {self.tag:#04x} where {tag:#04x} belongs")
        return self

    def oid(self) -> str:
        """An object identifier as digits with dots."""
        content = self.expect(OID).content
        if not content:
            raise ValueError("an empty object identifier")
        numbers, number = [], 0
        for byte in content:
            number = number << 7 | byte & 0x7F
            if not byte & 0x80:
                numbers.append(number)
                number = 0
        first = min(numbers[0] // 40, 2)
        return ".".join(str(n) for n in (first, numbers[0] - 40 * first, *numbers[1:]))

    def integer(self) -> int:
        """A whole number."""
        return int.from_bytes(self.expect(INTEGER).content, "big", signed=True)


def read(content: bytes) -> Value:
    """The one value that the bytes are; raises ValueError."""
    found = list(_read_all(content))
    if len(found) != 1:
        raise ValueError("not one value")
    return found[0]


def _read_all(content: bytes) -> Iterator[Value]:
    at = 0
    while at < len(content):
        start = at
        if len(content) - at < 2 or content[at] & 0x1F == 0x1F:
            raise ValueError("a value is cut off")
        tag, length = content[at], content[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4 or len(content) - at < size:
                raise ValueError("a length is malformed")
            length = int.from_bytes(content[at : at + size], "big")
            at += size
        if len(content) - at < length:
            raise ValueError("a value is cut off")
        yield Value(tag, content[at : at + length], content[start : at + length])
        at += length
