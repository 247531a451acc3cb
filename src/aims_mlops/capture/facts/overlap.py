"""Rows that a run trains on and also tests on: a finding about the test data, in counts."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aims_mlops.capture.state.captured import CapturedDataset, Overlap
from aims_mlops.capture.state.gaps import warn
from aims_mlops.errors import AimsError

if TYPE_CHECKING:
    from aims_mlops.capture.state.run_state import RunState

_TESTED = frozenset(("test", "validation", "evaluation"))
_ROWS_LIMIT = 500_000  # of both tables together; larger ones are compared by their digests alone


def note_overlaps(run: RunState, entry: CapturedDataset, data: Any) -> None:
    """Compare a dataset with the others of the run that it must share no rows with."""
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


def with_overlaps(run: RunState, entry: CapturedDataset) -> Mapping[str, Any] | None:
    """The quality of a dataset with what it shares with training data; None if neither is known.

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
    """The one with the most shared rows: a measure has one figure for a whole dataset."""
    return max(overlaps, key=lambda overlap: overlap.rows)


def _overlap(run: RunState, train: CapturedDataset, test: CapturedDataset) -> Overlap | None:
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
