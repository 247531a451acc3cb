"""Tables of fields from a JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generated.page import cell


def fields(schema: Mapping[str, Any]) -> str:
    """A Markdown table: each field, its type, whether it has to be there."""
    required = set(schema.get("required", ()))
    rows = ["| field | type | required | |", "|---|---|---|---|"]
    for name, field in schema.get("properties", {}).items():
        notes = [str(field["description"])] if "description" in field else []
        if field.get("default") not in (None, "", [], {}):
            notes.append(f"default `{field['default']}`")
        if "pattern" in field:
            notes.append(f"matches `{field['pattern']}`")
        mark = "yes" if name in required else ""
        rows.append(f"| `{name}` | {cell(kind(field))} | {mark} | {cell('; '.join(notes))} |")
    return "\n".join(rows) + "\n"


def kind(field: Mapping[str, Any]) -> str:
    """The type of a field in a few words; a name that the page has a heading for is a link."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    for several in ("anyOf", "oneOf", "allOf"):
        if several in field:
            return " or ".join(kind(one) for one in field[several])
    declared = field.get("type", "anything")
    if isinstance(declared, list):
        return " or ".join(sorted(declared, key=lambda name: name == "null"))
    if declared == "array" and "items" in field:
        return f"list of {kind(field['items'])}"
    if declared == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"mapping of names to {kind(field['additionalProperties'])}"
    return str(declared)
