"""A file that people edit, as data that knows its lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Place = tuple[str | int, ...]  # keys and indices from the top of the document


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says.

    path : as people should read it in a message.  data : JSON values only.
    lines : 1-based line of every key and item.  text : the file as it was read.
    """

    path: str
    data: Any
    lines: Mapping[Place, int]
    text: str

    def line(self, place: Place) -> int:
        """The line of a place; of its nearest parent if the place itself is not written."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)
