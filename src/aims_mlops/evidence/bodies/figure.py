"""One figure of a measure, the shape that every body with figures shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeAlias

import msgspec

from aims_mlops.evidence.bodies.body import Body, Items, Must, MustOrNull, Number, Object
from aims_mlops.evidence.records import Record


class FigureEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of `figures`; `group` is null for the overall figure, else {column: label}."""

    shared_as: ClassVar[str] = "figure"

    measure: Must[str] = None
    group: MustOrNull[Object] = None
    value: MustOrNull[Number] = None
    low: MustOrNull[Number] = None
    high: MustOrNull[Number] = None
    numerator: MustOrNull[Number] = None
    denominator: MustOrNull[Number] = None
    n: MustOrNull[int] = None
    method: MustOrNull[str] = None
    source: MustOrNull[str] = None


Figures: TypeAlias = Annotated[list[Any], Items(FigureEntry)]


class WithFigures(Body, frozen=True):
    """A body with figures, whatever its kind: plugins measure too."""

    figures: Must[Figures] = None


def figure_entries(record: Record) -> list[Mapping[str, Any]]:
    """The figures in a measure's evidence as they stand there; what is no object is left out."""
    figures = WithFigures.of(record).figures or ()
    return [figure for figure in figures if isinstance(figure, Mapping)]
