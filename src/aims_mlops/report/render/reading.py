"""Reading evidence bodies that may be older, newer or stranger than this version.

Every function gives None (or an empty collection) for a field that is absent or of another
shape: a report says "not recorded" instead of failing over one odd record.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aims_mlops.evidence import clock
from aims_mlops.evidence.records import Record

EVERY_GROUP = "*"  # the label of a figure that compares every group of a column
TEXT_LIMIT = 2_000  # characters of one value in a report; a body may hold far more


def text(value: object) -> str | None:
    """A text that is not empty, cut at `TEXT_LIMIT`; numbers and booleans as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str) and value.strip():
        found = value.strip()
        return found if len(found) <= TEXT_LIMIT else found[:TEXT_LIMIT] + " …"
    return None


def finite(value: object) -> float | None:
    """A finite number; None for any other value."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def whole(value: object) -> int | None:
    """A whole number, zero or more; None for any other value."""
    found = finite(value)
    return int(found) if found is not None and found >= 0 else None


def string(body: Mapping[str, Any], name: str) -> str | None:
    """`text` of a field."""
    return text(body.get(name))


def number(body: Mapping[str, Any], name: str) -> float | None:
    """`finite` of a field."""
    return finite(body.get(name))


def count(body: Mapping[str, Any], name: str) -> int | None:
    """`whole` of a field."""
    return whole(body.get(name))


def mapping(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A field that is an object; an empty one if it is missing or something else."""
    value = body.get(name)
    return value if isinstance(value, Mapping) else {}


def sequence(body: Mapping[str, Any], name: str) -> Sequence[Any]:
    """A field that is a list; an empty one if it is missing or something else."""
    value = body.get(name)
    return value if isinstance(value, list | tuple) else ()


def present(body: Mapping[str, Any], name: str) -> bool:
    """Whether the field says anything: not absent, null, or empty; False and 0 say something."""
    value = body.get(name)
    return value is not None and value not in ("", [], {}, ())


def received(record: Record) -> datetime | None:
    """When the store took the record in, by the store's clock."""
    try:
        return clock.parse(record.received_at)
    except ValueError:
        return None


def texts(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts, or one text as a list of one."""
    one = string(body, name)
    if one is not None:
        return (one,)
    wrapped = ({"text": entry} for entry in sequence(body, name))
    return tuple(text for entry in wrapped if (text := string(entry, "text")) is not None)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a measure; `group` is None for the overall figure, else {column: label}."""

    measure: str
    group: tuple[tuple[str, str], ...] | None
    value: float | None
    low: float | None
    high: float | None
    numerator: float | None
    denominator: float | None
    n: int | None
    method: str | None
    source: str | None
    record: str

    @property
    def compares(self) -> bool:
        """Whether the figure compares all groups of a column with each other."""
        return self.group is not None and all(label == EVERY_GROUP for _, label in self.group)

    @property
    def group_label(self) -> str:
        """Such as 'sex = female', 'between groups of sex'; 'all' for the overall figure."""
        if self.group is None:
            return "all"
        if self.compares:
            return "between groups of " + " and ".join(column for column, _ in self.group)
        if len(self.group) == 1 and self.group[0][0] == "column":
            return self.group[0][1]  # figures of drift and quality are about a column itself
        return ", ".join(f"{column} = {label}" for column, label in self.group)


def figures(record: Record) -> tuple[Figure, ...]:
    """The figures of a measure's record, in their order; entries of another shape are left out."""
    found = []
    for entry in sequence(record.evidence.body, "figures"):
        if not isinstance(entry, Mapping):
            continue
        measure = string(entry, "measure")
        if measure is None:
            continue
        group = entry.get("group")
        found.append(
            Figure(
                measure=measure,
                group=tuple((str(k), str(v)) for k, v in group.items())
                if isinstance(group, Mapping) and group
                else None,
                value=number(entry, "value"),
                low=number(entry, "low"),
                high=number(entry, "high"),
                numerator=number(entry, "numerator"),
                denominator=number(entry, "denominator"),
                n=count(entry, "n"),
                method=string(entry, "method"),
                source=string(entry, "source"),
                record=record.id,
            )
        )
    return tuple(found)
