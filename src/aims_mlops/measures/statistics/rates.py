"""Rates by group from counted cells, and the resampled counts behind their comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from aims_mlops.measures.result.figure import Figure
from aims_mlops.measures.result.result import LeftOut
from aims_mlops.measures.statistics.cells import Cells
from aims_mlops.measures.statistics.intervals import Estimates, clopper_pearson

Mask = Callable[[Any, Any], Any]

MOST_CROSSED = 500  # every pair of groups is compared, so time grows with the square
_MOST_DRAWN = 20_000_000  # resampled counts held at once: 160 MB


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate: rows of `numerator` among rows of `denominator`.

    Both take boolean arrays (true label is positive, predicted label is positive).
    difference, ratio : names of the comparisons between groups.
    """

    name: str
    source: str
    numerator: Mask
    denominator: Mask
    needs_truth: bool = True
    difference: str = ""
    ratio: str = ""


RATES: tuple[Rate, ...] = (
    Rate(
        "selection_rate",
        "fairlearn",
        lambda t, p: p,
        lambda t, p: p | True,
        needs_truth=False,
        difference="demographic_parity_difference",
        ratio="demographic_parity_ratio",
    ),
    Rate(
        "accuracy_score",
        "scikit-learn",
        lambda t, p: t == p,
        lambda t, p: p | True,
        difference="accuracy_score_difference",
        ratio="accuracy_score_ratio",
    ),
    Rate(
        "true_positive_rate",
        "fairlearn",
        lambda t, p: t & p,
        lambda t, p: t,
        difference="equal_opportunity_difference",
        ratio="equal_opportunity_ratio",
    ),
    Rate(
        "false_positive_rate",
        "fairlearn",
        lambda t, p: ~t & p,
        lambda t, p: ~t,
        difference="false_positive_rate_difference",
        ratio="false_positive_rate_ratio",
    ),
    Rate(
        "true_negative_rate",
        "fairlearn",
        lambda t, p: ~t & ~p,
        lambda t, p: ~t,
        difference="true_negative_rate_difference",
        ratio="true_negative_rate_ratio",
    ),
    Rate(
        "false_negative_rate",
        "fairlearn",
        lambda t, p: t & ~p,
        lambda t, p: t,
        difference="false_negative_rate_difference",
        ratio="false_negative_rate_ratio",
    ),
    Rate(
        "precision_score",
        "scikit-learn",
        lambda t, p: t & p,
        lambda t, p: p,
        difference="precision_score_difference",
        ratio="precision_score_ratio",
    ),
)


class Grouped(Protocol):
    """Cells or sums that belong to groups."""

    @property
    def groups(self) -> Mapping[str, Any]:
        """The groups, by their labels."""

    @property
    def n(self) -> Any:
        """Rows by group."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """The groups of one column, or of several crossed; the empty tuple is the whole.

    groups : one {column: label} per group.  index : (cells,) which group a cell is in.
    """

    columns: tuple[str, ...]
    groups: tuple[Mapping[str, str], ...]
    index: Any
    rows: Any

    @classmethod
    def of(cls, cells: Grouped, columns: tuple[str, ...]) -> Grouping:
        """Cells put together by some of their columns."""
        labels = list(zip(*(cells.groups[c] for c in columns), strict=True)) or [()] * len(cells.n)
        distinct = sorted(set(labels))
        position = {label: i for i, label in enumerate(distinct)}
        index = np.array([position[label] for label in labels])
        rows = np.bincount(index, weights=cells.n, minlength=len(distinct)).astype(np.int64)
        groups = tuple(dict(zip(columns, label, strict=True)) for label in distinct)
        return cls(columns, groups, index, rows)

    @property
    def size(self) -> int:
        """How many groups there are."""
        return len(self.groups)

    def sum(self, values: Any) -> Any:
        """(..., cells) values summed to (..., groups)."""
        if values.ndim == 1:
            return np.bincount(self.index, weights=values, minlength=self.size)
        # Every group has a cell, so that each run of the sorted index is one group.
        order = np.argsort(self.index, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff(self.index[order]) > 0])
        return np.add.reduceat(values[..., order], starts, axis=-1)


@dataclass(frozen=True, slots=True)
class RateByGroup:
    """One rate in each group; `rows` and `effective` count the denominator."""

    numerator: Any
    denominator: Any
    rows: Any
    effective: Any

    @property
    def value(self) -> Any:
        """The rate of each group; NaN where the denominator is 0."""
        with np.errstate(all="ignore"):
            return self.numerator / self.denominator


class Confusion:
    """Cells of one positive label, ready to give any rate by any grouping."""

    def __init__(self, cells: Cells, positive: Any, draws: Any) -> None:
        self.cells = cells
        self.predicted = cells.y_pred == positive
        self.actual = None if cells.y_true is None else cells.y_true == positive
        self._draws = draws  # (draws, cells) resampled weights
        # A rate's difference, its ratio and equalized odds ask for the same estimates.
        self._known: dict[tuple[str, tuple[str, ...], bytes], Estimates] = {}

    def masks(self, rate: Rate) -> tuple[Any, Any]:
        """Which cells count for a rate's numerator and denominator."""
        actual = self.predicted if self.actual is None else self.actual
        if rate.name == "accuracy_score" and self.cells.y_true is not None:
            # Of more than two classes a prediction is right only if it is the very label.
            right = self.cells.y_true == self.cells.y_pred
            return right, rate.denominator(actual, self.predicted)
        return rate.numerator(actual, self.predicted), rate.denominator(actual, self.predicted)

    def by_group(self, rate: Rate, grouping: Grouping) -> RateByGroup:
        """A rate's counts, summed by group."""
        numerator, denominator = self.masks(rate)
        cells = self.cells
        total = grouping.sum(cells.weight * denominator)
        squares = grouping.sum(cells.weight2 * denominator)
        with np.errstate(all="ignore"):
            effective = np.where(squares > 0, total**2 / squares, 0.0)
        return RateByGroup(
            grouping.sum(cells.weight * numerator),
            total,
            grouping.sum(cells.n * denominator).astype(np.int64),
            effective,
        )

    def estimates(self, rate: Rate, grouping: Grouping, groups: Any) -> Estimates:
        """The rate in the given groups (indices) with its resampled values."""
        key = (rate.name, grouping.columns, groups.tobytes())
        if key not in self._known:
            self._known[key] = self._estimate(rate, grouping, groups)
        return self._known[key]

    def _estimate(self, rate: Rate, grouping: Grouping, groups: Any) -> Estimates:
        by_group = self.by_group(rate, grouping)
        numerator, denominator = self.masks(rate)
        with np.errstate(all="ignore"):
            drawn = (
                grouping.sum(self._draws * numerator)[:, groups]
                / grouping.sum(self._draws * denominator)[:, groups]
            )
        effective = by_group.effective[groups]
        return Estimates.of_proportions(by_group.value[groups] * effective, effective, drawn)


def resample(cells: Cells, draws: int, seed: int) -> Any:
    """(draws, cells) weights of rows drawn with replacement: the bootstrap, from counts.

    Within a cell every row counts with the cell's mean weight. Very many cells get fewer draws.
    """
    generator = np.random.default_rng(seed)
    draws = max(100, min(draws, _MOST_DRAWN // len(cells.n)))
    counts = generator.multinomial(cells.rows, cells.n / cells.rows, size=draws)
    return counts * (cells.weight / np.maximum(cells.n, 1))


def groupings(cells: Grouped, columns: tuple[str, ...]) -> list[Grouping]:
    """Each column by itself, then all of them crossed (if there are several).

    More than 500 crossed groups are left out; `crossing_left_out` says so.
    """
    found = [Grouping.of(cells, (column,)) for column in columns]
    if len(columns) > 1 and _crossed(cells, columns) <= MOST_CROSSED:
        found.append(Grouping.of(cells, columns))
    return found


def crossing_left_out(cells: Grouped, columns: tuple[str, ...]) -> list[LeftOut]:
    """Why the crossed groups are missing; empty if they are not."""
    crossed = _crossed(cells, columns)
    if len(columns) < 2 or crossed <= MOST_CROSSED:
        return []
    why = f"{crossed} groups, more than {MOST_CROSSED}: cross fewer columns or wider bands"
    return [LeftOut(what=f"{' & '.join(columns)} crossed", why=why)]


def _crossed(cells: Grouped, columns: tuple[str, ...]) -> int:
    if len(columns) < 2:
        return 0
    return len(set(zip(*(cells.groups[c] for c in columns), strict=True)))


def rate_figures(
    name: str,
    source: str,
    by_group: RateByGroup,
    grouping: Grouping,
    confidence: float,
    *,
    weighted: bool,
) -> list[Figure]:
    """One figure per group; a rate with an empty denominator has no value."""
    low, high = clopper_pearson(
        np.nan_to_num(by_group.value) * by_group.effective, by_group.effective, confidence
    )
    kind = "korn-graubard" if weighted else "clopper-pearson"
    figures = []
    for i, group in enumerate(grouping.groups):
        known = by_group.denominator[i] > 0
        figures.append(
            Figure(
                measure=name,
                group=dict(group) or None,
                value=float(by_group.value[i]) if known else None,
                low=float(low[i]) if known else None,
                high=float(high[i]) if known else None,
                numerator=_count(by_group.numerator[i], weighted),
                denominator=_count(by_group.denominator[i], weighted),
                n=int(by_group.rows[i]),
                method=f"{kind}, {confidence}" if known else None,
                source=source,
            )
        )
    return figures


def _count(number: float, weighted: bool) -> float:
    return float(number) if weighted else round(number)
