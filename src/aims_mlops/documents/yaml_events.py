"""YAML 1.2 as plain data with line numbers, from the parser's events.

So no object is ever constructed from a tag, an alias cannot blow up, a duplicate key is refused
instead of lost, and depth is checked before it is reached.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from aims_mlops.documents.document import Document, Place
from aims_mlops.errors import DocumentError

LIMIT_BYTES = 1_000_000
LIMIT_DEPTH = 32
LIMIT_INTEGER = 2**53 - 1  # larger integers do not survive canonical JSON
_SURROGATE = re.compile("[\ud800-\udfff]")
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE = frozenset(("true", "True", "TRUE"))
_FALSE = frozenset(("false", "False", "FALSE"))
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_A_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")


def parse_yaml(text: str, *, path: str, first_line: int = 1) -> Document:
    """YAML text as a Document; `first_line` is the line on which the text starts in its file."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    if len(text.encode()) > LIMIT_BYTES:
        raise DocumentError("document is too large", path=path, expected=f"{LIMIT_BYTES:,} bytes")
    builder = _Builder(path, first_line)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            builder.take(event)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise DocumentError(
            f"not valid YAML: {error.problem or error.context}",
            path=path,
            line=first_line + mark.line if mark else None,
            next_step=f"correct it, then: aims lint {path}",
        ) from error
    except YAMLError as error:
        raise DocumentError(
            f"not valid YAML: {str(error).splitlines()[0]}", path=path, line=first_line
        ) from error
    return Document(path, builder.result, builder.lines, text)


@dataclass(slots=True)
class _Frame:
    """A container that is still open; `key` waits for its value."""

    container: Any
    place: Place
    key: str | None = None


class _Builder:
    """Turns parse events into plain data; keeps a stack instead of recursing."""

    def __init__(self, path: str, first_line: int) -> None:
        self.path = path
        self.first_line = first_line
        self.result: Any = None
        self.lines: dict[Place, int] = {}
        self._open: list[_Frame] = []
        self._documents = 0

    def take(self, event: Any) -> None:
        from ruamel.yaml import events

        line = self.first_line + event.start_mark.line
        if isinstance(event, events.AliasEvent):
            raise self._refusal(line, "aliases are not allowed", f"*{event.anchor}")
        if isinstance(event, events.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._refusal(line, "a second document begins", "---", "one document a file")
        elif isinstance(event, events.ScalarEvent):
            self._take_scalar(event, line)
        elif isinstance(event, (events.MappingStartEvent, events.SequenceStartEvent)):
            self._refuse_tag(event, line)
            if len(self._open) >= LIMIT_DEPTH:
                raise self._refusal(line, "nested too deep", None, f"at most {LIMIT_DEPTH} levels")
            container: Any = {} if isinstance(event, events.MappingStartEvent) else []
            self._open.append(_Frame(container, self._put(container, line)))
        elif isinstance(event, (events.MappingEndEvent, events.SequenceEndEvent)):
            self._open.pop()

    def _take_scalar(self, event: Any, line: int) -> None:
        self._refuse_tag(event, line)
        frame = self._open[-1] if self._open else None
        text = self._text(str(event.value), line)
        if frame is not None and isinstance(frame.container, dict) and frame.key is None:
            key = text
            place = (*frame.place, key)
            if key in frame.container:
                raise self._refusal(
                    line,
                    f"key {key!r} is written twice",
                    None,
                    f"once, as in line {self.lines[place]}",
                )
            frame.key = key
            self.lines[place] = line
        else:
            plain = event.style in (None, "")
            self._put(self._scalar(text, line) if plain else text, line)

    def _text(self, text: str, line: int) -> str:
        """The text, with the two halves in which JSON escapes a character made one again."""
        if not _SURROGATE.search(text):
            return text
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise self._refusal(
                line, "half of a character is escaped", None, "both halves"
            ) from None

    def _scalar(self, text: str, line: int) -> Any:
        if text in _NULL:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        if _INTEGER.match(text):
            if len(text) > 20 or abs(int(text)) > LIMIT_INTEGER:
                raise self._refusal(line, "integer is too large", None, "less than 2**53")
            return int(text)
        if _FLOAT.match(text) and not math.isinf(float(text)):
            return float(text)
        if _NOT_A_NUMBER.match(text) or _FLOAT.match(text):
            raise self._refusal(line, "not a finite number", text[:40])
        return text

    def _put(self, value: Any, line: int) -> Place:
        """Store a value in the innermost open container and return its place."""
        if not self._open:
            self.result = value
            self.lines[()] = line
            return ()
        frame = self._open[-1]
        if isinstance(frame.container, list):
            place: Place = (*frame.place, len(frame.container))
            self.lines[place] = line
            frame.container.append(value)
            return place
        if frame.key is None:
            raise self._refusal(line, "a key must be a word", "a list or mapping as key")
        place = (*frame.place, frame.key)
        frame.container[frame.key] = value
        frame.key = None
        return place

    def _refuse_tag(self, event: Any, line: int) -> None:
        if event.tag is not None:
            raise self._refusal(line, "tags are not allowed", str(event.tag)[:60])

    def _refusal(
        self, line: int, thing: str, got: str | None, expected: str | None = None
    ) -> DocumentError:
        next_step = f"correct it, then: aims lint {self.path}"
        return DocumentError(
            thing, path=self.path, line=line, got=got, expected=expected, next_step=next_step
        )
