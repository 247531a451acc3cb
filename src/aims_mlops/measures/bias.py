"""Bias: how a model's decisions differ between groups of people.

Definitions are Fairlearn's and scikit-learn's; the figures come from counted cells (docs/adr/0201)
and equal the libraries' own on rows. docs/measures-bias.md lists every figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from aims_mlops.errors import InputError
from aims_mlops.measures.bias_comparison import comparison_figures, scope_of
from aims_mlops.measures.bias_rates import (
    RATES,
    Confusion,
    Grouping,
    groupings,
    rate_figures,
    resample,
)
from aims_mlops.measures.bias_result import BiasResult
from aims_mlops.measures.cells import UNKNOWN, Cells, count_cells
from aims_mlops.measures.columns import columns_of
from aims_mlops.measures.figures import Figure
from aims_mlops.measures.labels import classes_of, is_quantity, positive_of, without_missing
from aims_mlops.measures.libraries import source_of, versions_of
from aims_mlops.measures.result import LeftOut


def measure_bias(
    data: Any = None,
    *,
    y_true: Any = None,
    y_pred: Any = None,
    y_score: Any = None,
    sensitive: Any,
    threshold: float | None = None,
    sample_weight: Any = None,
    positive_label: Any = None,
    labels: Sequence[Any] | None = None,
    task: str | None = None,
    min_group_size: int = 30,
    suppress_below: int = 5,
    n_resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> BiasResult:
    """Rates by group, and differences and ratios between groups, with intervals.

    y_true, y_pred : (n,) labels.  y_score : (n,) scores, made into predictions by
        `y_score >= threshold`.  sensitive : (n,) labels, or a frame or mapping of several.
    data : a frame, a DuckDB relation or the path of a Parquet or CSV file; the others then name
        its columns, and a file is read batch by batch.
    positive_label : the favourable or flagged one of two labels; needed unless they are 0 and 1.
    min_group_size : groups of fewer rows are shown but not compared; `compared_share` says how
        many rows are in groups that were.
    suppress_below : what `to_body()` blanks; see `BiasResult`.
    n_resamples, seed, confidence : of the intervals of comparisons.

    A comparison's interval is made to be tested: with equal rates the lower end of a difference
    is 0 and the upper end of a ratio is 1 in at least `confidence` of samples, however unequal
    the groups' sizes. So a rule "difference at most x" fails when `low > x`, passes when
    `high <= x`, and is `insufficient` between; "ratio at least x" fails when `high < x`. The `n`
    of a comparison is the smallest denominator among the groups compared.

    Rows whose group is missing form the group "(unknown)"; rows without a label are left out and
    counted. Raises InputError for what cannot be used.
    """
    _check(threshold, min_group_size, n_resamples, confidence)
    columns = columns_of(
        data,
        groups=sensitive,
        y_true=y_true,
        y_pred=y_pred,
        y_score=y_score,
        sample_weight=sample_weight,
    )
    if not columns.groups:
        raise InputError("sensitive names no column", expected="at least one")
    if "y_pred" not in columns.roles and threshold is None:
        raise InputError(
            "there is no prediction to look at", expected="y_pred, or y_score with threshold"
        )
    if "y_true" in columns.roles and is_quantity(columns, "y_true"):
        raise InputError("regression is not measured yet")
    cells, left_out = without_missing(count_cells(columns, threshold=threshold))
    if "y_pred" not in columns.roles:
        positive = 1 if positive_label is None else positive_label
        cells = predictions_as_labels(cells, positive)
    classes = classes_of(cells, labels)
    draws = resample(cells, n_resamples, seed)
    by = groupings(cells, tuple(columns.groups))
    figures: list[Figure] = []
    if len(classes) <= 2:
        found_task = "binary"
        positives = [(positive_of(classes, positive_label), "")]
    else:
        found_task = "multiclass"
        positives = [(label, f"[{label}]") for label in classes]
    for positive, suffix in positives:
        confusion = Confusion(cells, positive, draws)
        found, missing = _figures(confusion, by, min_group_size, confidence, suffix)
        figures += found
        left_out += missing
    figures += [_compared_share(grouping, min_group_size, by) for grouping in by]
    left_out += _small_groups(by, min_group_size)
    return BiasResult(
        figures=tuple(figures),
        settings={
            "threshold": threshold,
            "positive_label": None if positive_label is None else str(positive_label),
            "sensitive": list(columns.groups),
            "weighted": cells.weighted,
            "min_group_size": min_group_size,
            "suppress_below": suppress_below,
            "n_resamples": n_resamples,
            "seed": seed,
            "confidence": confidence,
        },
        libraries=versions_of("fairlearn", "scikit-learn", "scipy", "numpy"),
        left_out=tuple(left_out),
        notes=tuple(_notes(by)),
        extra={"task": found_task, "rows": cells.rows},
        suppress_below=suppress_below,
        group_rows={
            " & ".join(f"{c}={label}" for c, label in group.items()): int(rows)
            for grouping in by
            for group, rows in zip(grouping.groups, grouping.rows, strict=True)
        },
    )


def _figures(
    confusion: Confusion,
    by: list[Grouping],
    min_group_size: int,
    confidence: float,
    suffix: str,
) -> tuple[list[Figure], list[LeftOut]]:
    figures: list[Figure] = []
    left_out: list[LeftOut] = []
    whole = Grouping.of(confusion.cells, ())
    for rate in RATES:
        if rate.needs_truth and confusion.actual is None:
            continue
        source = source_of(rate.source, rate.name)
        for grouping in (whole, *by):
            by_group = confusion.by_group(rate, grouping)
            figures += rate_figures(
                rate.name + suffix,
                source,
                by_group,
                grouping,
                confidence,
                weighted=confusion.cells.weighted,
            )
            left_out += [
                LeftOut(
                    what=f"{rate.name + suffix} of "
                    + (" & ".join(f"{c}={v}" for c, v in group.items()) or "the whole"),
                    why="no row in its denominator",
                )
                for group, rows in zip(grouping.groups, by_group.rows, strict=True)
                if rows == 0
            ]
    for grouping in by:
        scopes = [scope_of(grouping)] if len(by) > 1 and grouping is not by[-1] else [None]
        for scope in scopes:
            found, missing = comparison_figures(
                confusion,
                grouping,
                scope,
                large=grouping.rows >= min_group_size,
                confidence=confidence,
                suffix=suffix,
            )
            figures += found
            left_out += missing
    return figures, left_out


def predictions_as_labels(cells: Cells, positive: Any) -> Cells:
    """Thresholded predictions (True, False) under the labels that the truth uses."""
    negative: Any = 0
    if cells.y_true is not None:
        others = [label for label in set(cells.y_true) if label != positive]
        if len(others) > 1:
            raise InputError(
                "scores with one threshold need two classes", got=f"{len(others) + 1} labels"
            )
        negative = others[0] if others else negative
    assert cells.y_pred is not None
    predicted = np.empty(len(cells.n), dtype=object)
    predicted[:] = [positive if above else negative for above in cells.y_pred]
    return Cells(
        cells.groups, cells.y_true, predicted, cells.n, cells.weight, cells.weight2, cells.weighted
    )


def _compared_share(grouping: Grouping, min_group_size: int, by: list[Grouping]) -> Figure:
    total = int(grouping.rows.sum())
    compared = int(grouping.rows[grouping.rows >= min_group_size].sum())
    return Figure(
        measure="compared_share",
        group=scope_of(grouping) if len(by) > 1 and grouping is not by[-1] else None,
        value=compared / total,
        numerator=compared,
        denominator=total,
        n=total,
        source=source_of("aims-mlops", "rows in groups large enough to be compared"),
    )


def _small_groups(by: list[Grouping], min_group_size: int) -> list[LeftOut]:
    return [
        LeftOut(
            what="comparison with " + " & ".join(f"{c}={v}" for c, v in group.items()),
            why=f"fewer than {min_group_size} rows",
            n=int(rows),
        )
        for grouping in by
        for group, rows in zip(grouping.groups, grouping.rows, strict=True)
        if rows < min_group_size
    ]


def _notes(by: list[Grouping]) -> list[str]:
    return [
        f"{rows} rows have no {grouping.columns[0]}; they are the group {UNKNOWN}"
        for grouping in by
        if len(grouping.columns) == 1
        for group, rows in zip(grouping.groups, grouping.rows, strict=True)
        if UNKNOWN in group.values()
    ]


def _check(
    threshold: float | None, min_group_size: int, n_resamples: int, confidence: float
) -> None:
    if threshold is not None and not np.isfinite(threshold):
        raise InputError("threshold is not a number", expected="a finite number")
    if min_group_size < 1:
        raise InputError("min_group_size is below 1", got=str(min_group_size), expected="1 or more")
    if n_resamples < 100:
        raise InputError(
            "too few resamples for an interval", got=str(n_resamples), expected="100 or more"
        )
    if not 0.5 <= confidence < 1:
        raise InputError(
            "confidence is not a probability", got=str(confidence), expected="0.5 to below 1"
        )
