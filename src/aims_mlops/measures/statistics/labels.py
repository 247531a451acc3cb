"""What the labels of a dataset are: the task, the classes, the positive one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from aims_mlops.errors import InputError
from aims_mlops.measures.result.result import LeftOut
from aims_mlops.measures.statistics.cells import Cells
from aims_mlops.measures.table.columns import Columns

TASKS = ("binary", "multiclass", "regression", "scores")

_SAMPLED_ROWS = 100_000
_MOST_CLASSES = 100
_MOST_INTEGER_CLASSES = 20  # more distinct integers than this are a quantity, not classes


def is_quantity(columns: Columns, role: str) -> bool:
    """Whether a column holds a quantity (regression) and no classes, from its first rows.

    Numbers are a quantity if any is not whole, or if more than 20 are distinct.
    """
    import narwhals as nw

    frame = next(iter(columns.frames()))
    head = frame.select(nw.col(columns.roles[role]).alias("y")).head(_SAMPLED_ROWS)
    if isinstance(head, nw.LazyFrame):
        head = head.collect(backend="pyarrow")
    series = head.get_column("y").drop_nulls()
    if not series.dtype.is_numeric():
        return False
    if series.dtype.is_float() and bool((series != series.round(0)).any()):
        return True
    return bool(series.n_unique() > _MOST_INTEGER_CLASSES)


def classes_of(cells: Cells, declared: Sequence[Any] | None) -> list[Any]:
    """The classes, in order; raises InputError for labels outside the declared ones."""
    found: set[Any] = set()
    for column in (cells.y_true, cells.y_pred):
        if column is not None:
            found.update(label for label in column if label is not None)
    if declared is not None:
        classes = [_plain(label) for label in declared]
        outside = found - set(classes)
        if outside:
            rows = sum(
                int(n)
                for i, n in enumerate(cells.n)
                if any(c is not None and c[i] in outside for c in (cells.y_true, cells.y_pred))
            )
            raise InputError(
                "labels outside the declared ones",
                got=f"{len(outside)} other labels in {rows} rows",
                expected=f"{len(classes)} declared labels",
                next_step="declare every label, or clean the column",
            )
        return classes
    if len(found) > _MOST_CLASSES:
        raise InputError(
            "too many distinct labels for classes",
            got=f"{len(found)}",
            expected=f"at most {_MOST_CLASSES}",
            next_step="for a quantity pass task='regression'",
        )
    return sorted(found, key=lambda label: (str(type(label)), label))


def positive_of(classes: Sequence[Any], positive_label: Any) -> Any:
    """The positive one of at most two classes: as told, else 1 of {0, 1} or {-1, 1}, or True."""
    if positive_label is not None:
        positive = _plain(positive_label)
        if positive not in classes and len(classes) > 1:
            raise InputError(
                "positive_label is none of the labels",
                got=f"{len(classes)} labels, none of them equal to it",
                expected="one of the labels of y_true and y_pred",
            )
        return positive
    if set(classes) <= {0, 1} or set(classes) <= {-1, 1}:
        return 1
    raise InputError(
        "which label is the positive one is not known",
        got=f"{len(classes)} labels that are not 0 and 1, -1 and 1, or False and True",
        next_step="pass positive_label=",
    )


def known_labels(column: Any) -> Any:
    """(cells,) booleans: the label is not missing."""
    return np.array([label is not None for label in column], dtype=bool)


def without_missing(cells: Cells) -> tuple[Cells, list[LeftOut]]:
    """Cells with both labels, and what was left out for lack of one."""
    left_out = []
    for role, column in (("y_true", cells.y_true), ("y_pred", cells.y_pred)):
        if column is None:
            continue
        missing = [label is None for label in column]
        rows = int(sum(n for n, gone in zip(cells.n, missing, strict=True) if gone))
        if rows:
            what = f"rows without {role}"
            left_out.append(LeftOut(what=what, why="a missing label counts for nothing", n=rows))
    if not left_out:
        return cells, left_out
    known = np.ones(len(cells.n), dtype=bool)
    for column in (cells.y_true, cells.y_pred):
        if column is not None:
            known &= known_labels(column)
    if not known.any():
        raise InputError("no row has every label", got=f"{cells.rows} rows, each lacks one")
    return cells.keep(known), left_out


def predictions_as_labels(cells: Cells, positive_label: Any) -> Cells:
    """Thresholded predictions (True, False) under the labels that the truth uses."""
    true = set() if cells.y_true is None else set(cells.y_true)
    if len(true) > 2:
        raise InputError(
            "scores with one threshold need two classes", got=f"{len(true)} labels in y_true"
        )
    positive = positive_of(sorted(true, key=str) or [0, 1], positive_label)
    others = [label for label in true if label != positive]
    names = {True: positive, False: others[0] if others else (0 if positive != 0 else 1)}
    assert cells.y_pred is not None
    predicted = np.empty(len(cells.n), dtype=object)
    predicted[:] = [names[bool(above)] for above in cells.y_pred]
    return Cells(
        cells.groups, cells.y_true, predicted, cells.n, cells.weight, cells.weight2, cells.weighted
    )


def _plain(label: Any) -> Any:
    item = label.item() if hasattr(label, "item") else label
    return int(item) if isinstance(item, float) and item.is_integer() else item
