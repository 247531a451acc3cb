"""A crosswalk file: rows of another framework, and which of our clauses and controls touch each.

An organisation's own framework is a file of the same form. Nothing here says that one framework
is met by way of another.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from aims_mlops.documents.problems import Problem, Section, did_you_mean, validated
from aims_mlops.documents.reading import read_yaml
from aims_mlops.errors import InputError
from aims_mlops.evidence.controls import CONTROLS
from aims_mlops.management.declarations.clauses import CLAUSES

Relation = Literal["equal", "subset", "superset", "intersects"]
Confidence = Literal["low", "medium", "high"]
_FOLDER = Path(__file__).parent
_LINT = "aims crosswalk --lint FILE"


class Source(Section):
    """Where a row, or a date, comes from."""

    title: str = Field(min_length=1)
    url: str | None = None


class Row(Section):
    """One row of the other framework.

    ours : ids of our clauses and controls; none, if nothing of ours reaches the row.
    relation : of the row to ours together; left out where there is nothing of ours.
    applies_from, applies_source : since when the row applies, never without who says so.
    """

    id: str = Field(min_length=1, max_length=80)
    words: str = Field(min_length=1, max_length=200)
    ours: tuple[str, ...] = ()
    relation: Relation | None = None
    confidence: Confidence
    source: str
    applies_from: datetime.date | None = None
    applies_source: str | None = None
    note: str = ""


class Crosswalk(Section):
    """The file as a whole.

    date : of the edition.  as_of : when somebody last held the rows against it.
    """

    version: Literal[1] = 1
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    title: str = Field(min_length=1)
    edition: str = Field(min_length=1)
    date: datetime.date
    as_of: datetime.date
    binding: Literal["law", "standard", "voluntary", "own"]
    note: str = ""
    sources: dict[str, Source]
    rows: tuple[Row, ...] = Field(min_length=1)


def shipped() -> tuple[str, ...]:
    """Names of the crosswalks that come with the package."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def read_crosswalk(name: str) -> Crosswalk:
    """A shipped crosswalk by its name, or an organisation's own by its path.

    Raises InputError for a name that is neither, DocumentError with every problem and its line.
    """
    if name in shipped():
        return read_file(_FOLDER / f"{name}.yaml")
    path = Path(name)
    if path.is_file():
        return read_file(path)
    near = did_you_mean(name, shipped())
    raise InputError(
        "no such framework",
        got=repr(name)[:60],
        expected=f"{near}?" if near else "a file, or one of " + ", ".join(shipped()),
        next_step="aims crosswalk lists those that come with aims-mlops",
    )


def read_file(path: Path) -> Crosswalk:
    """A crosswalk file, checked."""
    return validated(
        read_yaml(path), Crosswalk, next_step=_LINT, checks=(_rows, _sources, _no_verdict)
    )


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a crosswalk file, for editors."""
    return Crosswalk.model_json_schema()


def _rows(found: Crosswalk) -> Iterable[Problem]:
    seen: set[str] = set()
    for i, row in enumerate(found.rows):
        place = ("rows", i)
        if row.id in seen:
            yield Problem((*place, "id"), f"the row {row.id!r} is there twice")
        seen.add(row.id)
        for id_ in row.ours:
            if id_ not in CLAUSES and id_ not in CONTROLS:
                hint = did_you_mean(id_, (*CLAUSES, *CONTROLS))
                yield Problem(
                    (*place, "ours"), f"no clause and no control has the id {id_!r}", hint=hint
                )
        if len(set(row.ours)) != len(row.ours):
            yield Problem((*place, "ours"), f"the row {row.id!r} names one of ours twice")
        if row.ours and row.relation is None:
            yield Problem(place, f"the row {row.id!r} has no relation to what it names of ours")
        if not row.ours and row.relation is not None:
            yield Problem(
                (*place, "relation"), f"the row {row.id!r} has a relation to nothing of ours"
            )


def _sources(found: Crosswalk) -> Iterable[Problem]:
    for i, row in enumerate(found.rows):
        for name in ("source", "applies_source"):
            said = getattr(row, name)
            if said is not None and said not in found.sources:
                hint = did_you_mean(said, found.sources)
                yield Problem(("rows", i, name), f"sources has no {said!r}", hint=hint)
        if row.applies_from is not None and row.applies_source is None:
            yield Problem(
                ("rows", i, "applies_from"),
                f"the row {row.id!r} has a date, and nobody who says so",
            )
    if found.as_of < found.date:
        yield Problem(
            ("as_of",),
            "held against an edition that was not out",
            str(found.as_of),
            str(found.date),
        )


# Whether a law or a standard is met is for others to say, not for a table.
_VERDICT = re.compile(r"\b(complian(t|ce)|complies|certified|fulfil(s|led)?)\b", re.IGNORECASE)


def _no_verdict(found: Crosswalk) -> Iterable[Problem]:
    for i, row in enumerate(found.rows):
        for name in ("words", "note"):
            if _VERDICT.search(getattr(row, name)):
                yield Problem(
                    ("rows", i, name),
                    f"the row {row.id!r} says that something is met",
                    expected="what the row asks for, in words of your own",
                )
