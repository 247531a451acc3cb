"""What a document is before it is a page or a file: points with lines and sources. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aims_mlops.evidence.records import Record
from aims_mlops.exports.basis.position import Position

MISSING = "MISSING"
CURRENT_LINES = 50  # of one kind in a list of events; how many more there are is said


@dataclass(frozen=True, slots=True)
class Line:
    """One statement of a document.

    values : what is said; none where nobody said it.  record : the record that says so.
    declared_by : who wrote it, where it is a person's word and no measurement.
    next_step : what to do about a line that says nothing.
    """

    label: str
    values: tuple[str, ...]
    record: str | None
    declared_by: str | None
    next_step: str

    @property
    def is_missing(self) -> bool:
        """Whether nobody said anything."""
        return not self.values


@dataclass(frozen=True, slots=True)
class Point:
    """A numbered part. `about` says what the rule asks for, in our words."""

    number: str
    title: str
    about: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """A document. `draft` : what a person has to do before it may be handed on."""

    title: str
    subject: str
    source: str
    draft: str
    position: Position
    model: str
    points: tuple[Point, ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of all points."""
        return tuple(line for point in self.points for line in point.lines)

    @property
    def missing(self) -> int:
        """How many lines say nothing."""
        return sum(line.is_missing for line in self.lines)


def line(
    label: str,
    record: Record | None,
    values: Iterable[str | None] | str | None,
    next_step: str,
    *,
    by_person: bool = False,
) -> Line:
    """A line from one record; empty values are none.

    by_person : the record's actor wrote the values; where the body names an author, that one.
    """
    given = (values,) if isinstance(values, str) or values is None else tuple(values)
    kept = tuple(text for text in given if text) if record is not None else ()
    declared_by = None
    if kept and by_person and record is not None:
        author = record.evidence.body.get("author")
        declared_by = author if isinstance(author, str) else record.evidence.actor
    return Line(label, kept, record.id if kept and record else None, declared_by, next_step)
