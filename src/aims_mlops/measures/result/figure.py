"""One number with what is needed to judge it: counts, interval, method, source."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# The label that stands for every group of a column, in a figure that compares them.
EVERY_GROUP = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure of a measure, in the shape of docs/architecture.md, "Figures".

    measure : the name that the defining library gives it, such as `false_positive_rate`.
    group : None for the overall figure, else {column: label}; the label "*" marks a comparison
        between all groups of that column.
    value, low, high : the figure and its interval; None where the data do not say.
    numerator, denominator : counts (weights, if the data are weighted) that give the value.
    n : rows behind the figure; for a comparison of groups, rows of the smallest group compared.
    method : how the interval was made, such as `clopper-pearson, 0.95`; None without one.
    source : who defines the figure, such as `fairlearn 0.15.0: selection_rate`.
    """

    measure: str
    group: Mapping[str, str] | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    numerator: float | None = None
    denominator: float | None = None
    n: int | None = None
    method: str | None = None
    source: str | None = None

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Figure:
        """A figure from what `to_dict` gave; unknown fields are ignored."""
        names = cls.__dataclass_fields__
        return cls(**{name: value for name, value in stored.items() if name in names})

    @property
    def group_text(self) -> str | None:
        """The group for people, such as 'sex=F & age=60+'; None for the overall figure."""
        return None if self.group is None else group_text(self.group)

    def to_dict(self) -> dict[str, Any]:
        """The figure as JSON values; NaN and infinity become None."""
        return {
            "measure": self.measure,
            "group": None if self.group is None else dict(self.group),
            "value": _finite(self.value),
            "low": _finite(self.low),
            "high": _finite(self.high),
            "numerator": _finite(self.numerator),
            "denominator": _finite(self.denominator),
            "n": None if self.n is None else int(self.n),
            "method": self.method,
            "source": self.source,
        }


def group_text(group: Mapping[str, str]) -> str:
    """A group for people; the same text wherever a group is named."""
    return " & ".join(f"{column}={label}" for column, label in group.items())


def _finite(number: Any) -> float | int | None:
    """A plain int or float, whatever NumPy scalar came in; None if it is not finite."""
    if number is None:
        return None
    if not isinstance(number, float):
        number = number.item() if hasattr(number, "item") else number
    if isinstance(number, int):
        return int(number)
    return float(number) if math.isfinite(number) else None
