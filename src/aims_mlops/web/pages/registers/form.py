"""The form of an entry, made from the fields of its register, and what comes back from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aims_mlops.management.registers.entry import content_of
from aims_mlops.management.registers.grammar import EntryField, fields_of
from aims_mlops.web.pages.reading import Reading
from aims_mlops.web.pages.registers.lists import entry_of_page, spec_of_page
from aims_mlops.web.render.environment import address

_MOST_ROWS = 100
_KEPT = ("file", "mapping")  # not asked for here; what stands there stays


def add(reading: Reading) -> dict[str, Any]:
    """An empty form of a register."""
    return form(reading, {})


def change(reading: Reading) -> dict[str, Any]:
    """The form of an entry as it stands."""
    found = entry_of_page(reading)
    return form(reading, content_of(found.latest.evidence.body, found.kind))


def form(
    reading: Reading, content: Mapping[str, Any], *, problems: Iterable[str] = ()
) -> dict[str, Any]:
    """The form with a content in it."""
    spec = spec_of_page(reading)
    entry = entry_of_page(reading) if "entry" in reading.path else None
    return {
        "register": spec.name,
        "id": entry.id if entry else None,
        "title": entry.title if entry else None,
        "is_open": entry.is_open if entry else True,
        "on": entry.latest.id if entry else "",
        "fields": [
            _asked(field, field.name, content.get(field.name))
            for field in fields_of(spec)
            if not (entry and field.name == "id")
        ],
        "problems": list(problems),
        "people": [person.id for person in reading.project.people],
        "systems": [system.id for system in reading.systems],
        "page": address("registers", spec.name, "entries", entry.id)
        if entry
        else address("registers", spec.name),
    }


def _asked(field: EntryField, path: str, value: Any) -> dict[str, Any]:
    """One question of the form with what stands there."""
    asked: dict[str, Any] = {
        "path": path,
        "name": field.name,
        "required": field.required,
        "holds": field.holds,
        "many": field.many,
        "choices": list(field.choices),
    }
    if field.holds == "part" and field.many:
        rows = value if isinstance(value, list) else []
        asked["rows"] = [
            [_asked(p, f"{path}.{n}.{p.name}", row.get(p.name)) for p in field.parts]
            for n, row in enumerate(rows)
            if isinstance(row, Mapping)
        ]
    elif field.holds == "part":
        inner = value if isinstance(value, Mapping) else {}
        asked["parts"] = [_asked(p, f"{path}.{p.name}", inner.get(p.name)) for p in field.parts]
    elif field.many:
        asked["values"] = [str(one) for one in value] if isinstance(value, list) else []
    else:
        asked["value"] = "" if value is None else value
    return asked


def read_form(
    said: Mapping[str, list[str]], fields: Iterable[EntryField], before: Mapping[str, Any]
) -> dict[str, Any]:
    """The content that a form says. What was left empty is left out.

    said : name -> texts, as they were sent.  before : the entry, for what the form does not ask.
    """
    do = (said.get("do") or [""])[0]
    found: dict[str, Any] = {}
    for field in fields:
        if field.holds in _KEPT:
            if before.get(field.name) is not None:
                found[field.name] = before[field.name]
            continue
        value = _value(said, field, field.name, do)
        if value not in (None, "", [], {}):
            found[field.name] = value
    return found


def _value(said: Mapping[str, list[str]], field: EntryField, path: str, do: str) -> Any:
    texts = [text.replace("\r\n", "\n").strip() for text in said.get(path, ())]
    text = texts[0] if texts else ""
    if field.holds == "part" and field.many:
        count = (said.get(f"{path}.rows") or ["0"])[0]
        rows = min(int(count), _MOST_ROWS) if count.isascii() and count.isdigit() else 0
        found = [
            _part(said, field, f"{path}.{n}", do) for n in range(rows) if do != f"less:{path}:{n}"
        ]
        return [*found, {}] if do == f"more:{path}" else [row for row in found if row]
    if field.holds == "part":
        return _part(said, field, path, do)
    if field.many:
        return [line.strip() for one in texts for line in one.split("\n") if line.strip()]
    if not text:
        return None
    if field.holds == "yes-no":
        return {"yes": True, "no": False}.get(text)
    if field.holds in ("count", "number"):
        return _number(text)
    return text


def _part(said: Mapping[str, list[str]], field: EntryField, path: str, do: str) -> dict[str, Any]:
    asked = {part.name: _value(said, part, f"{path}.{part.name}", do) for part in field.parts}
    return {name: value for name, value in asked.items() if value not in (None, "", [], {})}


def _number(text: str) -> Any:
    """A number where it is one; the text itself where not, which the check then names."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text
