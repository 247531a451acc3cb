"""What two people wrote at once, put together field by field. Pure.

A document is flattened to its fields: a text by its path, a list as one field. What only one side
changed is taken from that side; what both changed to something else is a conflict, and both texts
are kept until a person chooses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Merged:
    """document : as it stands now, with theirs in it.  conflicts : field -> (theirs, mine)."""

    document: dict[str, Any]
    conflicts: dict[str, tuple[Any, Any]]


def merge(base: Document, theirs: Document, mine: Document) -> Merged:
    """Put `mine`, which was written on top of `base`, on top of `theirs`."""
    flat_base, flat_theirs, flat_mine = flat(base), flat(theirs), flat(mine)
    out = dict(flat_theirs)
    conflicts: dict[str, tuple[Any, Any]] = {}
    for field in {**flat_theirs, **flat_mine}:
        before, their, my = (side.get(field) for side in (flat_base, flat_theirs, flat_mine))
        if my in (before, their):
            continue
        if their == before:
            out[field] = my
        else:
            conflicts[field] = (their, my)
    return Merged(nested(out), conflicts)


def flat(document: Document, prefix: str = "") -> dict[str, Any]:
    """Every field by its dotted path; a list, and what evidence filled, is one field."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping) and path != "from_evidence":
            found |= flat(value, f"{path}.")
        else:
            found[path] = value
    return found


def nested(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The document of such fields."""
    out: dict[str, Any] = {}
    for path, value in fields.items():
        if path == "from_evidence":
            out[path] = value
            continue
        *sections, name = path.split(".")
        here = out
        for section in sections:
            here = here.setdefault(section, {})
        here[name] = value
    return out
