"""Markdown with YAML front matter: the front matter's keys, and the text below each heading.

A heading `## Intended uses` below the front matter gives the key `intended_uses`; a heading one
level deeper gives a key inside it. So a person can write prose where YAML would be in the way.
"""

from __future__ import annotations

import re
from typing import Any

from aims_mlops.documents.document import Document, Place
from aims_mlops.documents.yaml_events import parse_yaml
from aims_mlops.errors import DocumentError

_HEADING = re.compile(r"(#{2,3})[ \t]+(.+?)[ \t]*#*[ \t]*\Z")
_FENCE = re.compile(r"[ \t]{0,3}(```+|~~~+)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def parse_markdown(text: str, *, path: str) -> Document:
    """Front matter and headings as one Document; raises DocumentError with the line.

    A key that the front matter and a heading both give is refused: nobody could tell which counts.
    """
    rows = text.splitlines()
    if not rows or rows[0].rstrip() != "---":
        raise DocumentError(
            "no front matter", path=path, line=1, expected="a first line of three dashes"
        )
    end = next((i for i, row in enumerate(rows[1:], 1) if row.rstrip() == "---"), None)
    if end is None:
        raise DocumentError("front matter does not end", path=path, line=1, expected="---")
    front = parse_yaml("\n".join(rows[1:end]) + "\n", path=path, first_line=2)
    data: dict[str, Any] = {} if front.data is None else front.data
    if not isinstance(data, dict):
        raise DocumentError("front matter is not keys and values", path=path, line=2)
    lines = dict(front.lines)
    for place, line, body in _sections(rows, end + 1):
        _place_text(data, lines, place, line, body, path)
    return Document(path, data, lines, text)


def _sections(rows: list[str], start: int) -> list[tuple[tuple[str, ...], int, str]]:
    """(key path, 1-based line of the heading, text below it) for every heading."""
    found: list[tuple[tuple[str, ...], int, list[str]]] = []
    top = ""
    fence = ""
    for number, row in enumerate(rows[start:], start + 1):
        mark = _FENCE.match(row)
        if mark:
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
        heading = None if fence or mark else _HEADING.match(row)
        if heading is None:
            if found:
                found[-1][2].append(row)
            continue
        key = re.sub(r"[^a-z0-9]+", "_", heading[2].casefold()).strip("_")
        if len(heading[1]) == 2:
            top = key
            found.append(((key,), number, []))
        else:
            found.append(((top, key) if top else (key,), number, []))
    return [(place, line, _COMMENT.sub("", "\n".join(body)).strip()) for place, line, body in found]


def _place_text(
    data: dict[str, Any], lines: dict[Place, int], place: Place, line: int, body: str, path: str
) -> None:
    here: Any = data
    for part in place[:-1]:
        here = here.setdefault(part, {})
        if here == "":  # a heading without text of its own, before its sub-headings
            here = data[str(place[0])] = {}
    if not isinstance(here, dict) or here.get(str(place[-1]), "") not in ("", None):
        raise DocumentError(
            f"{'.'.join(map(str, place))} is given twice",
            path=path,
            line=line,
            expected=f"once, as in line {lines.get(place, lines.get(place[:1], 1))}",
        )
    here[str(place[-1])] = body
    lines.setdefault(place, line)
