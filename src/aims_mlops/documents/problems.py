"""What is wrong with a document, each problem with its line, all of them at once."""

from __future__ import annotations

import copy
import difflib
import json
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from aims_mlops.documents.document import Document, Place
from aims_mlops.errors import DocumentError


class Section(BaseModel):
    """Base of every part of a document: immutable, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, at one place of a document."""

    place: Place
    thing: str
    got: str | None = None
    expected: str | None = None
    hint: str | None = None

    def text(self) -> str:
        """The problem in words: what, got, expected, a hint."""
        parts = [self.thing]
        if self.got is not None:
            parts.append(f"got {self.got}")
        if self.expected is not None:
            parts.append(f"expected {self.expected}")
        if self.hint is not None:
            parts.append(f"did you mean {self.hint!r}")
        return "; ".join(parts)


def validated(
    document: Document,
    model: type[M],
    *,
    next_step: str,
    checks: Sequence[Callable[[M], Iterable[Problem]]] = (),
) -> M:
    """The document as a model.

    Raises DocumentError with every problem of the shape, or, if the shape is right, every problem
    that `checks` find in what the parts say of each other.
    """
    if not isinstance(document.data, dict):
        got = "an empty document" if document.data is None else _kind(document.data)
        refuse(document, [Problem((), "not a mapping", got, "keys and values")], next_step)
    try:
        # Strict JSON mode: dates come from strings and tuples from lists, '5' is never 5.
        found = model.model_validate_json(json.dumps(document.data))
    except ValidationError as error:
        refuse(document, _from_validation(error, model), next_step)
    problems = [problem for check in checks for problem in check(found)]
    if problems:
        refuse(document, problems, next_step)
    return found


def inspected(
    document: Document,
    model: type[M],
    *,
    checks: Sequence[Callable[[M], Iterable[Problem]]] = (),
) -> tuple[M | None, list[Problem]]:
    """The document without what is wrong in it, as far as that leaves one, and every problem.

    For `lint`, which tells everything at once: what is wrong with the shape of one part must not
    hide what another part lacks. None, where what is left is no such document.
    """
    if not isinstance(document.data, dict):
        got = "an empty document" if document.data is None else _kind(document.data)
        return None, [Problem((), "not a mapping", got, "keys and values")]
    data = copy.deepcopy(document.data)
    problems: list[Problem] = []
    for _ in range(_ROUNDS):
        try:
            found = model.model_validate_json(json.dumps(data))
        except ValidationError as error:
            new = _from_validation(error, model)
            problems += [problem for problem in new if problem not in problems]
            dropped = [_dropped(data, place) for place in {problem.place for problem in new}]
            if not all(dropped):
                return None, problems
        else:
            wrong = [problem.place for problem in problems]
            for check in checks:
                problems += (p for p in check(found) if not _is_within(p.place, wrong))
            return found, problems
    return None, problems


_ROUNDS = 5  # a part that was wrong may hide one inside it


def _dropped(data: Any, place: Place) -> bool:
    """Take a key out of the data; False for a place that cannot be left out."""
    here = data
    for part in place[:-1]:
        try:
            here = here[part]
        except (KeyError, IndexError, TypeError):
            return False
    if not place or not isinstance(here, dict) or place[-1] not in here:
        return False
    del here[place[-1]]
    return True


def _is_within(place: Place, wrong: Sequence[Place]) -> bool:
    return any(place[: len(other)] == other for other in wrong)


def refuse(document: Document, problems: Sequence[Problem], next_step: str) -> typing.NoReturn:
    """Raise DocumentError for all problems, in the order of their lines."""
    ordered = sorted(problems, key=lambda problem: document.line(problem.place))
    first, rest = ordered[0], ordered[1:]
    raise DocumentError(
        first.text(),
        path=document.path,
        line=document.line(first.place),
        problems=tuple(f"{document.path}:{document.line(p.place)}: {p.text()}" for p in rest),
        next_step=next_step,
    )


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The known word that a mistyped one most likely stands for."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return close[0] if close else None


def problems_in(error: Exception, model: type[BaseModel]) -> list[Problem]:
    """What a failed validation found; what is no JSON at all is one problem of the document."""
    if isinstance(error, ValidationError):
        return _from_validation(error, model)
    return [Problem((), "not keys and values that JSON can hold")]


def _from_validation(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    return [_problem(details, model) for details in error.errors(include_url=False)]


def _problem(details: Any, model: type[BaseModel]) -> Problem:
    place: Place = tuple(part for part in details["loc"] if part != "[key]")
    name = ".".join(str(part) for part in place)
    kind, given = details["type"], details["input"]
    if kind == "extra_forbidden":
        known = _fields_at(model, place[:-1])
        hint = did_you_mean(str(place[-1]), known)
        expected = None if hint else "one of " + ", ".join(known)
        return Problem(place, f"unknown key {place[-1]!r}", None, expected, hint)
    if kind == "missing":
        return Problem(place, f"{name} is missing")
    if kind in ("literal_error", "enum"):
        expected = details["ctx"]["expected"].replace("'", "")
        words = expected.replace(" or ", ", ").split(", ")
        hint = did_you_mean(given, words) if isinstance(given, str) else None
        return Problem(place, name, _shown(given), f"one of {', '.join(words)}", hint)
    message = details["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return Problem(place, name or "document", _shown(given), message[:1].lower() + message[1:])


def _fields_at(model: Any, place: Place) -> list[str]:
    """The keys that are allowed at a place, from the model's annotations."""
    here: Any = model
    for part in place:
        here = _unwrapped(here)
        if isinstance(here, type) and issubclass(here, BaseModel):
            field = here.model_fields.get(str(part))
            if field is None:
                return []
            here = field.annotation
        else:  # tuple[X, ...], list[X], dict[str, X]
            arguments = [a for a in typing.get_args(here) if a is not Ellipsis]
            here = arguments[-1] if arguments else None
    here = _unwrapped(here)
    if isinstance(here, type) and issubclass(here, BaseModel):
        return sorted(field.alias or name for name, field in here.model_fields.items())
    return []


def _unwrapped(annotation: Any) -> Any:
    """`X` from `X | None` and `Annotated[X, ...]`."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _unwrapped(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        rest = [a for a in typing.get_args(annotation) if a is not type(None)]
        return _unwrapped(rest[0])
    return annotation


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return _kind(value)
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _kind(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", type(None): "nothing"}
    return names.get(type(value), type(value).__name__)
