"""Whether the labels of y_true and y_pred are those of one task, before anything is counted.

A task is never changed without being asked: labels that do not match are an error with the nearest
repair, and a few rows with stray labels are left out and said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from aims_mlops.errors import InputError
from aims_mlops.measures.result.result import LeftOut
from aims_mlops.measures.statistics.cells import Cells, plain_label

STRAY_SHARE = 0.01  # of the rows; more rows with labels beside the two are no stray ones


def matching_labels(
    cells: Cells, *, declared: Sequence[Any] | None, positive_label: Any, task: str | None
) -> tuple[Cells, list[LeftOut]]:
    """The cells whose labels belong to one task, and what was left out.

    declared, positive_label, task : as the measure was given them. `declared` labels, and
        `task="multiclass"` where some label is in both columns, are taken at their word.
    Raises InputError where the two columns have no label in common, where each has at most two
    and both together more, and where two classes are asked for and there are more in over 1 % of
    the rows.
    """
    if declared is not None or cells.y_true is None or cells.y_pred is None:
        return cells, []
    true, predicted = _labels(cells.y_true), _labels(cells.y_pred)
    every = true | predicted
    if not true & predicted and len(every) > 2:
        raise _unmatched(true, predicted)
    if task == "multiclass" or len(every) <= 2:
        return cells, []
    kept = _two_of(cells, true, predicted, positive_label)
    if kept is not None:
        inside = _inside(cells, kept)
        stray = int(cells.n[~inside].sum())
        if stray <= STRAY_SHARE * cells.rows:
            what = f"rows with stray labels ({len(every) - 2} beside the two classes)"
            why = (
                "a label that is neither of the two classes counts for nothing; "
                "if it is a class, pass labels= or task='multiclass'"
            )
            return cells.keep(inside), [LeftOut(what=what, why=why, n=stray)]
    if len(true) <= 2 and len(predicted) <= 2:
        raise _unmatched(true, predicted)
    if positive_label is not None or task == "binary":
        raise InputError(
            "two classes are asked for and the labels are more",
            got=f"{len(true)} labels in y_true, {len(predicted)} in y_pred, {len(every)} together",
            expected=f"two, and others in at most {STRAY_SHARE:.0%} of the rows",
            next_step="leave out positive_label= and pass task='multiclass', or clean the columns",
        )
    return cells, []


def _labels(column: Any) -> set[Any]:
    return {label for label in column if label is not None}


def _two_of(
    cells: Cells, true: set[Any], predicted: set[Any], positive_label: Any
) -> set[Any] | None:
    """The two classes of a binary task: those of the column that has just two, else the largest
    two where the positive one is named; None where nothing says that there are two."""
    named = None if positive_label is None else plain_label(positive_label)
    for labels in (true, predicted):
        if len(labels) == 2 and (named in labels if named is not None else _are_binary(labels)):
            return labels
    if named is None:
        return None
    rows: dict[Any, int] = {}
    for column in (cells.y_true, cells.y_pred):
        for label, n in zip(column, cells.n, strict=True):  # type: ignore[arg-type]
            rows[label] = rows.get(label, 0) + int(n)
    largest = sorted(rows, key=lambda label: -rows[label])[:2]
    return set(largest) if named in largest else None


def _are_binary(labels: set[Any]) -> bool:
    return labels <= {0, 1} or labels <= {-1, 1}


def _inside(cells: Cells, kept: set[Any]) -> Any:
    """(cells,) booleans: both labels are among these."""
    pairs = zip(cells.y_true, cells.y_pred, strict=True)  # type: ignore[arg-type]
    return np.array([true in kept and pred in kept for true, pred in pairs], dtype=np.bool_)


def _unmatched(true: set[Any], predicted: set[Any]) -> InputError:
    return InputError(
        "the labels of y_true and y_pred do not match",
        got=f"{len(true)} labels in y_true ({_types(true)}), {len(predicted)} in y_pred "
        f"({_types(predicted)}), {len(true & predicted)} of them in both",
        expected="the same labels in both",
        next_step=_repair(true, predicted),
    )


def _types(labels: set[Any]) -> str:
    return ", ".join(sorted({type(label).__name__ for label in labels}))


def _repair(true: set[Any], predicted: set[Any]) -> str:
    """What would make the two sets one, as far as the labels themselves tell."""
    if {str(label) for label in true} == {str(label) for label in predicted}:
        return "give both columns one type, such as with .astype(str)"
    if {_bare(label) for label in true} == {_bare(label) for label in predicted}:
        return "they differ by spaces, capitals or a full stop alone: clean one of the columns"
    if {frozenset(true), frozenset(predicted)} == {frozenset((0, 1)), frozenset((-1, 1))}:
        return "one column has -1 where the other has 0: map one to the other"
    if _are_binary(predicted) != _are_binary(true):
        return "one column has numbers for the labels of the other: map the numbers to the labels"
    return "map one column to the labels of the other; or name every class with labels="


def _bare(label: Any) -> str:
    return str(label).strip().rstrip(".").strip().casefold()
