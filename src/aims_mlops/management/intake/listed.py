"""A list of people's as steps: rows that are new, rows that differ, rows that are as before."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aims_mlops.inventory.declared.people import People
from aims_mlops.management.intake.mapping import (
    changes_of,
    plain_mapping,
    read_mapping,
)
from aims_mlops.management.intake.tables import read_table
from aims_mlops.management.registers.change import Change
from aims_mlops.management.registers.entry import content_of
from aims_mlops.management.registers.register import Register


@dataclass
class Listed:
    """What a list asks for; `read_as` says how the file was read."""

    changes: list[Change] = field(default_factory=list)
    same: int = 0
    read_as: str = ""


def read_list(
    path: Path,
    register: Register,
    *,
    mapping: Path | None,
    register_name: str | None = None,
    sheet: str | None = None,
    update: bool = False,
) -> Listed:
    """A list as steps. Without a mapping file its columns are called like the fields.

    update : a row that differs from its entry changes it; otherwise such a row is refused later.
    Raises DocumentError with the line, InputError for what the mapping does not know.
    """
    said = None if mapping is None else read_mapping(mapping)
    table = read_table(
        path,
        wanted=() if said is None else said.wanted,
        header=1 if said is None else said.header,
        sheet=sheet or (None if said is None else said.sheet),
        separator=None if said is None else said.separator,
        encoding=None if said is None else said.encoding,
    )
    said = said or plain_mapping(str(register_name), table.columns)
    found = Listed(read_as=table.read_as)
    for change in changes_of(table, said):
        entry = register.entry(change.spec.name, str(change.data.get("id")))
        if entry is None:
            found.changes.append(change)
            continue
        before = content_of(entry.latest.evidence.body, entry.kind)
        after = {**before, **change.data}
        if _same(before, change.data, register.duties.people):
            found.same += 1
        elif update:
            source = replace(change.source, data=after)
            found.changes.append(replace(change, step="change", source=source))
        else:
            found.changes.append(change)
    return found


def _same(before: Any, after: Any, people: People) -> bool:
    """Whether a row says what the entry says; a person may be called by any of their names."""
    if isinstance(before, dict) and isinstance(after, dict):
        return all(_same(before.get(name), value, people) for name, value in after.items())
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(
            _same(one, other, people) for one, other in zip(before, after, strict=True)
        )
    if isinstance(before, str) and isinstance(after, str) and before != after:
        person = people.person(after)
        return person is not None and person.id == before
    return bool(before == after)
