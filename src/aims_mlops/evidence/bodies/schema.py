"""The JSON Schema of a body, made from its class. What is published is held equal to it."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from aims_mlops.evidence.bodies import (
    consent,
    data,
    decision,
    log,
    management,
    measured,
    operation,
    organisation,
    run,
)
from aims_mlops.evidence.bodies.body import BODIES, LATER, NOT_NULL, REQUIRED, Items
from aims_mlops.evidence.kinds import KINDS

# Importing a theme declares its bodies.
THEMES = (consent, data, decision, log, management, measured, operation, organisation, run)

DRAFT = "https://json-schema.org/draft/2020-12/schema"
KEPT = "Fields that this version does not know are kept."

_NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def made_schema(kind: str, version: int) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a kind's body, made from its class. KeyError if none."""
    cls = BODIES[kind, version]
    parts: dict[str, Any] = {}
    made = _of_fields(cls, parts)
    about = f"The body of the predicate. {cls.schema_about or ''}".strip()
    return {
        "$schema": DRAFT,
        "$id": f"urn:aims-mlops:evidence:{kind}:v{version}",
        "title": cls.schema_title or KINDS[kind].line,
        "description": f"{about} {KEPT}",
        **made,
        "additionalProperties": True,
        **({"$defs": parts} if parts else {}),
    }


def _of_fields(cls: type[msgspec.Struct], parts: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(cls, include_extras=True)
    required = []
    properties = {}
    for field in msgspec.structs.fields(cls):
        marks = _marks(hints[field.name])
        if LATER in marks:
            continue
        if REQUIRED in marks:
            required.append(field.encode_name)
        nullable = "null" in marks or not {REQUIRED, NOT_NULL}.intersection(marks)
        properties[field.encode_name] = _of_type(hints[field.name], parts, nullable=nullable)
    made: dict[str, Any] = {"type": "object"}
    if required:
        made["required"] = required
    return {**made, "properties": dict(sorted(properties.items()))}


def _marks(hint: Any) -> tuple[Any, ...]:
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()


def _of_type(hint: Any, parts: dict[str, Any], *, nullable: bool = True) -> dict[str, Any]:
    """The schema of one type. nullable : whether null, which any field may be read as, is meant."""
    if get_origin(hint) is Annotated:
        inner, *marks = get_args(hint)
        for items in (mark.of for mark in marks if isinstance(mark, Items)):
            return {"type": "array", "items": _of_struct(items, parts)}
        extra = [mark.extra_json_schema for mark in marks if isinstance(mark, msgspec.Meta)]
        made = _of_type(inner, parts, nullable=nullable)
        for said in extra:
            made |= said or {}
        return made
    if get_origin(hint) in (Union, types.UnionType):
        return _of_union(get_args(hint), parts, nullable=nullable)
    if get_origin(hint) in (list, tuple):
        return {"type": "array", **_inside("items", get_args(hint)[0], parts)}
    if get_origin(hint) in (dict, Mapping):
        return {"type": "object", **_inside("additionalProperties", get_args(hint)[1], parts)}
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _of_struct(hint, parts)
    return {} if hint is Any else {"type": _NAMES[hint]}


def _of_union(hints: tuple[Any, ...], parts: dict[str, Any], *, nullable: bool) -> dict[str, Any]:
    if Any in hints:
        return {}
    meant = [hint for hint in hints if nullable or hint is not type(None)]
    made = [_of_type(hint, parts) for hint in meant]
    names = sorted({str(part["type"]) for part in made if "type" in part})
    if "number" in names and "integer" in names:
        names.remove("integer")  # int | float: one type to JSON Schema
    rest = {key: value for part in made for key, value in part.items() if key != "type"}
    if not names:
        return rest
    return {"type": names if len(names) > 1 else names[0], **rest}


def _inside(name: str, hint: Any, parts: dict[str, Any]) -> dict[str, Any]:
    made = _of_type(hint, parts, nullable=False)
    return {name: made} if made else {}


def _of_struct(cls: type[msgspec.Struct], parts: dict[str, Any]) -> dict[str, Any]:
    name = getattr(cls, "shared_as", None)
    if name is None:
        return _of_fields(cls, parts)
    parts[name] = _of_fields(cls, parts)
    return {"$ref": f"#/$defs/{name}"}


def normal(schema: Any) -> Any:
    """A schema in one form of those that mean the same: lists without order are sorted."""
    if isinstance(schema, dict):
        found = {key: normal(value) for key, value in schema.items()}
        for key in ("required", "enum", "type"):
            if isinstance(found.get(key), list):
                found[key] = sorted(found[key], key=repr)
        words = found.get("enum")
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            found.setdefault("type", "string")
        return found
    return [normal(item) for item in schema] if isinstance(schema, list) else schema
