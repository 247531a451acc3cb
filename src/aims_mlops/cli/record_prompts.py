"""An entry asked for in a terminal, field by field."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from aims_mlops.documents.document import Document
from aims_mlops.management.registers.change import Change
from aims_mlops.management.registers.grammar import EntryField, fields_of
from aims_mlops.management.registers.spec import RegisterSpec

# Asked for although an entry can do without.
_USEFUL = frozenset(
    ("owner", "systems", "review", "serves", "due", "expires", "file", "treatment", "anonymous")
)


def asked(spec: RegisterSpec) -> Change:
    """A new entry as a person answers; click.UsageError where nobody can be asked."""
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"nobody can be asked here: give --from FILE (aims record add --template {spec.name})"
        )
    content: dict[str, Any] = {}
    for field in fields_of(spec):
        if field.required or field.name in _USEFUL:
            value = _ask(field, "")
            if value not in (None, "", [], {}):
                content[field.name] = value
    source = Document(f"{spec.name} {content.get('id', '')}", content, {}, "")
    return Change(spec, "add", source, folder=Path.cwd())


def _ask(field: EntryField, lead: str) -> Any:
    label = f"{lead}{field.name.replace('_', ' ')}"
    if field.parts:
        inner = {part.name: _ask(part, f"{label}: ") for part in field.parts if part.required}
        return [inner] if field.many else inner
    default = None if field.required else ""
    if field.choices:
        words = click.Choice([*field.choices, *([] if field.required else [""])])
        return click.prompt(label, type=words, default=default, show_default=False)
    if field.holds == "yes-no":
        return click.confirm(label)
    hint = {"day": " (YYYY-MM-DD)", "count": " (number)"}.get(field.holds, "")
    if field.many:
        hint = " (separated by commas)"
    kind = {"count": int, "number": float}.get(field.holds, str)
    said: Any = click.prompt(label + hint, type=kind, default=default, show_default=False)
    if field.many:
        return [part.strip() for part in str(said).split(",") if part.strip()]
    return said
