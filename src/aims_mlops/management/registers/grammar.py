"""What a file, a form or a row may say of an entry: made from the class of its body.

So a field is declared once. A date has to be a day of the calendar; a file is given by its path.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from pydantic import Field, StringConstraints, create_model
from pydantic.functional_validators import AfterValidator, BeforeValidator

from aims_mlops.documents.document import Place
from aims_mlops.documents.problems import Section
from aims_mlops.evidence.bodies.body import REQUIRED, Items
from aims_mlops.evidence.bodies.management import PERSON, PROSE, SYSTEM, Day, File
from aims_mlops.management.registers.spec import RegisterSpec

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


def _is_text(said: Any) -> Any:
    if isinstance(said, (int, float)):
        raise ValueError('text; a number that is meant as text stands in quotes, such as "1.10"')
    return said


def _as_text(said: Any) -> Any:
    """A clause such as 5.2, which YAML reads as a number; no clause ends in a zero but 10."""
    return str(said) if isinstance(said, (int, float)) and not isinstance(said, bool) else said


Text = Annotated[
    str, BeforeValidator(_is_text), StringConstraints(min_length=1, strip_whitespace=True)
]
Clause = Annotated[Text, BeforeValidator(_as_text)]
_STEP = frozenset(("step", "reason", "origin"))


@dataclass(frozen=True, slots=True)
class EntryField:
    """One field of an entry, for whoever asks for it or draws it.

    choices : the words that it may be; empty for any.  holds : person, system, prose, day, number,
    yes-no, file, text, part (fields of its own, in `parts`).  many : whether it is a list.
    """

    name: str
    required: bool
    holds: str
    many: bool = False
    choices: tuple[str, ...] = ()
    parts: tuple[EntryField, ...] = ()


def fields_of(spec: RegisterSpec) -> tuple[EntryField, ...]:
    """The fields that a person gives for an entry, in the order in which they are asked for."""
    return _fields(spec.body, leave_out=_STEP | {spec.kind})


@cache
def _fields(cls: type[msgspec.Struct], leave_out: frozenset[str]) -> tuple[EntryField, ...]:
    hints = get_type_hints(cls, include_extras=True)
    found = [
        _field(field.encode_name, hints[field.name])
        for field in msgspec.structs.fields(cls)
        if field.encode_name not in leave_out
    ]
    return tuple(sorted(found, key=lambda field: not field.required))


def _field(name: str, hint: Any) -> EntryField:
    marks = list(_marks(hint))
    required = REQUIRED in marks
    said: dict[str, Any] = {}
    for mark in marks:
        if isinstance(mark, msgspec.Meta):
            said |= mark.extra_json_schema or {}
    items = next((mark.of for mark in marks if isinstance(mark, Items)), None)
    if items is not None:
        return EntryField(name, required, "part", many=True, parts=_fields(items, frozenset()))
    base = _base(hint)
    many = base is list or get_origin(base) is list
    holds = next((mark for mark in marks if mark in (PERSON, SYSTEM, PROSE)), None)
    if isinstance(base, type) and issubclass(base, File):
        return EntryField(name, required, "file")
    if isinstance(base, type) and issubclass(base, msgspec.Struct):
        return EntryField(name, required, "part", parts=_fields(base, frozenset()))
    if said.get("pattern") == _pattern(Day):
        return EntryField(name, required, "day")
    plain = {bool: "yes-no", int: "count", float: "number"}.get(base, "text")
    if get_origin(base) is dict or base is dict:
        plain = "mapping"
    choices = tuple(said.get("enum", ()))
    return EntryField(name, required, str(holds or plain), many, choices)


def _marks(hint: Any) -> Iterator[Any]:
    if get_origin(hint) is Annotated:
        inner, *marks = get_args(hint)
        yield from marks
        yield from _marks(inner)
    elif get_origin(hint) in (Union, types.UnionType):
        for part in get_args(hint):
            yield from _marks(part)


def _base(hint: Any) -> Any:
    """The type below marks and None; of int | float, float."""
    if get_origin(hint) is Annotated:
        return _base(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        rest = [_base(part) for part in get_args(hint) if part is not type(None)]
        return float if float in rest else rest[0]
    return hint


def _pattern(hint: Any) -> str:
    (meta,) = (mark for mark in get_args(hint)[1:] if isinstance(mark, msgspec.Meta))
    return str((meta.extra_json_schema or {})["pattern"])


@cache
def model_of(spec: RegisterSpec) -> type[Section]:
    """What may be said of an entry, as a model that a document is held against."""
    return _model(spec.name, fields_of(spec))


def _model(name: str, fields: tuple[EntryField, ...]) -> type[Section]:
    made: dict[str, Any] = {}
    for field in fields:
        type_ = Id if field.name == "id" and name != "part" else _type(field)
        made[field.name] = (type_, ...) if field.required else (type_ | None, None)
    return create_model(name, __base__=Section, **made)


def _type(field: EntryField) -> Any:
    found: Any = Text
    if field.holds == "part":
        found = _model("part", field.parts)
    elif field.choices:
        found = Literal[field.choices]
    elif field.holds == "day":
        found = Annotated[str, AfterValidator(_is_day)]
    elif field.name == "serves":
        found = Clause
    elif field.holds == "mapping":
        found = dict[str, Any]
    else:
        found = {"yes-no": bool, "count": Annotated[int, Field(ge=0)], "number": float}.get(
            field.holds, Text
        )
    return tuple[found, ...] if field.many else found


def _is_day(text: str) -> str:
    try:
        if len(text) == 10:
            date.fromisoformat(text)
            return text
    except ValueError:
        pass
    raise ValueError("a day of the calendar, such as 2026-11-21")


def places(
    content: dict[str, Any], fields: tuple[EntryField, ...], holds: str, place: Place = ()
) -> Iterator[tuple[Place, str]]:
    """Where an entry names things that `holds` says, such as persons, and what it names there."""
    for field in fields:
        value = content.get(field.name)
        if value is None:
            continue
        here = (*place, field.name)
        values = list(enumerate(value)) if field.many else [(None, value)]
        for index, one in values:
            there = here if index is None else (*here, index)
            if field.parts and isinstance(one, dict):
                yield from places(one, field.parts, holds, there)
            elif field.holds == holds and isinstance(one, str):
                yield there, one
