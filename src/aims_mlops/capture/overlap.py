"""Rows that a run trains on and also tests on: a finding about the test data, in counts."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aims_mlops.capture.failures import warn
from aims_mlops.errors import AimsError

if TYPE_CHECKING:
    from aims_mlops.capture.dataset import CapturedDataset
    from aims_mlops.capture.run import Run

_TESTED = frozenset(("test", "validation", "evaluation"))
_ROWS_LIMIT = 500_000  # of both tables together; larger ones are compared by their digests alone
_TOLERATED = 0.01  # share of rows that may be the same by chance, as for repeated rows
_FINDING = "aims_rows_shared"


@dataclass(frozen=True, slots=True)
class Overlap:
    """Rows of a test set that are in a training set of the same run.

    rows, of : how many rows of the test set, and how many it has.
    columns : those that make two rows the same; None where the whole content is the same.
    """

    train: CapturedDataset
    test: CapturedDataset
    rows: int
    of: int
    columns: tuple[str, ...] | None = None

    @property
    def is_finding(self) -> bool:
        return self.rows > self.of * _TOLERATED

    def in_words(self) -> str:
        test, train = self.test.about, self.train.about
        same = "the same content as" if self.columns is None else f"{self.rows} rows in common with"
        return (
            f"data set {test.name!r} ({test.role}, {self.of} rows) has {same} {train.name!r}, "
            "which the run trains on"
        )

    def figure(self) -> dict[str, Any]:
        return {
            "measure": "rows_shared",
            "group": None,
            "value": self.rows / self.of if self.of else None,
            "low": None,
            "high": None,
            "numerator": self.rows,
            "denominator": self.of,
            "n": self.of,
            "method": None,
            "source": "aims-mlops: row digests of aims-table-v1",
        }

    def expectation(self) -> dict[str, Any]:
        return {
            "type": _FINDING,
            "column": None,
            "kwargs": {"in": self.train.about.name, "mostly": 1 - _TOLERATED},
            "severity": "critical",
            "status": "fail" if self.is_finding else "pass",
            "element_count": self.of,
            "missing_count": None,
            "unexpected_count": self.rows,
            "observed": None,
            "problem": None,
        }


def note_overlaps(run: Run, entry: CapturedDataset, data: Any) -> None:
    """Compare a data set with the others of the run that it must share no rows with."""
    table = _reference(data)
    run.tables[entry.sha256] = table
    for other in run.datasets:
        train, test = (other, entry) if entry.about.role in _TESTED else (entry, other)
        if train.about.role != "train" or test.about.role not in _TESTED:
            continue
        key = (train.about.name, train.sha256, test.about.name, test.sha256)
        if key in run.overlaps:
            continue
        found = _overlap(run, train, test)
        if found is not None:
            run.overlaps[key] = found
            if found.is_finding:
                warn(f"run {run.name!r}: {found.in_words()}")


def with_overlaps(run: Run, entry: CapturedDataset) -> Mapping[str, Any] | None:
    """The quality of a data set with what it shares with training data; None if neither is known.

    The body of `data-quality` evidence.
    """
    mine = [
        overlap
        for overlap in run.overlaps.values()
        if (overlap.test.sha256, overlap.test.about.name) == (entry.sha256, entry.about.name)
    ]
    if not mine:
        return entry.quality
    quality = entry.quality or {
        "dataset": entry.reference,
        "suite": {"name": "shared rows", "origin": "default", "sha256": None, "expectations": 1},
        "success": True,
        "expectations": [],
        "figures": [],
    }
    findings = [overlap.in_words() for overlap in mine if overlap.is_finding]
    return {
        **quality,
        "success": bool(quality["success"]) and not findings,
        "expectations": [*quality["expectations"], *(one.expectation() for one in mine)],
        "figures": [*quality["figures"], _worst(mine).figure()],
        **({"findings": findings} if findings else {}),
    }


def _worst(overlaps: list[Overlap]) -> Overlap:
    """The one with the most shared rows: a measure has one figure for a whole data set."""
    return max(overlaps, key=lambda overlap: overlap.rows)


def _overlap(run: Run, train: CapturedDataset, test: CapturedDataset) -> Overlap | None:
    rows, among = int(test.digest["rows"]), int(train.digest["rows"])
    if not rows or not among:
        return None
    if train.sha256 == test.sha256:
        return Overlap(train, test, rows, rows)
    if not run.settings.quality:
        return None
    tables = [_alive(run.tables.get(entry.sha256)) for entry in (train, test)]
    names = [{column["name"] for column in entry.digest["columns"]} for entry in (train, test)]
    shared = names[0] & names[1]
    # One column alone, such as labels, has the same values on both sides by its nature.
    if any(table is None for table in tables) or len(shared) < 2 or rows + among > _ROWS_LIMIT:
        return None
    from aims_mlops.measures.quality.leakage import measure_leakage

    try:
        figure = measure_leakage(*tables).figures[0]
    except AimsError:
        return None  # another schema: these are not rows of the same kind
    return Overlap(train, test, int(figure.numerator or 0), rows, tuple(sorted(shared)))


def _reference(data: Any) -> Any:
    try:
        return weakref.ref(data)
    except TypeError:
        return None


def _alive(reference: Any) -> Any:
    return None if reference is None else reference()
