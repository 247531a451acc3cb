"""An entry as text: what a person reads, and what somebody who signs has read. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aims_mlops.evidence.records import Record
from aims_mlops.management.registers.entry import Entry, content_of
from aims_mlops.management.registers.grammar import fields_of
from aims_mlops.visible import one_line


def shown_text(entry: Entry, step: Record) -> str:
    """What a record says of an entry, field by field, with the digest that a signature binds."""
    content = content_of(step.evidence.body, entry.kind)
    order = [field.name for field in fields_of(entry.spec)]
    names = [name for name in order if name in content]
    names += [name for name in content if name not in order]
    lines = [f"{entry.register} {entry.id}: {one_line(entry.title)}", ""]
    for name in names:
        lines.extend(_lines(name, content[name], 0))
    lines += ["", f"record {step.id}", f"digest {entry.digest_of(step)}"]
    return "\n".join(lines) + "\n"


def _lines(name: str, value: Any, depth: int) -> Iterator[str]:
    lead = "  " * depth
    label = f"{lead}{name.replace('_', ' ')}"
    if isinstance(value, Mapping):
        yield label
        for inner, one in value.items():
            yield from _lines(str(inner), one, depth + 1)
    elif isinstance(value, (list, tuple)) and any(isinstance(one, Mapping) for one in value):
        for number, one in enumerate(value, 1):
            yield from _lines(f"{name} {number}", one, depth)
    elif isinstance(value, (list, tuple)):
        yield f"{label}: {', '.join(one_line(str(one)) for one in value)}"
    elif isinstance(value, bool):
        yield f"{label}: {'yes' if value else 'no'}"
    else:
        rows = str(value).splitlines() or [""]
        yield f"{label}: {one_line(rows[0])}" if len(rows) == 1 else label
        for row in rows if len(rows) > 1 else ():
            yield f"{lead}  {one_line(row)}"
