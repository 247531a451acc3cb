"""One figure of a measure, the shape that every body with figures shares."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, TypeAlias

import msgspec

from aims_mlops.evidence.bodies.body import Items, Must, MustOrNull, Number, Object


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
