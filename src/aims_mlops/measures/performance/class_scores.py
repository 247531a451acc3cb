"""Scores of several classes, and the influence of each row on a ROC AUC."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from aims_mlops.errors import InputError
from aims_mlops.measures.performance.ranking import RowMetric, mean_metric
from aims_mlops.measures.statistics.cells import plain_label


def is_class_scores(scores: Any) -> bool:
    """Whether the scores have one column for each of several classes."""
    shape: tuple[int, ...] = getattr(scores, "shape", ())
    return len(shape) == 2 and shape[1] > 1


def class_score_metrics(
    y_true: Any,
    scores: Any,
    weight: Any | None,
    *,
    labels: Sequence[Any] | None,
    confidence: float,
) -> list[RowMetric]:
    """roc_auc_ovr (mean over classes, one against the rest) and log_loss.

    scores : (n, classes) probabilities. A frame whose columns are named after the labels is read by
        these names; else the columns are in the order of `labels`, or of the sorted labels.
    labels : every class there is; one that does not occur among the rows leaves the ROC AUC out.
    Rows without a true label count for nothing. Raises InputError when columns and labels do not
    match, or a score is missing.
    """
    truth = np.array([plain_label(label) for label in _plain_values(y_true)], dtype=object)
    if len(truth) != len(scores):
        raise InputError(
            "columns differ in length", got=f"y_true: {len(truth)}, y_score: {len(scores)}"
        )
    known = np.array([label is not None for label in truth], dtype=np.bool_)
    present = sorted(set(truth[known]), key=lambda label: (str(type(label)), label))
    classes, values = _by_class(scores, present, labels)
    values, truth = values[known], truth[known]
    if not np.isfinite(values).all():
        raise InputError(
            "y_score has values that are missing or not finite",
            got=f"{int((~np.isfinite(values)).any(axis=1).sum())} rows",
        )
    scores = values
    weights = None if weight is None else np.asarray(weight, dtype=float)[known]
    found = []
    if weights is None and len(present) < len(classes):
        why = f"{len(classes) - len(present)} of {len(classes)} classes do not occur in y_true"
        found.append(
            RowMetric("roc_auc_ovr", None, None, None, None, why, function="roc_auc_score(ovr)")
        )
    elif weights is None:
        parts = [roc_auc_influence(truth == label, scores[:, i]) for i, label in enumerate(classes)]
        value = float(np.mean([auc for auc, _ in parts]))
        influence = np.mean([rows for _, rows in parts], axis=0)
        half = normal_half_width(influence, confidence)
        low, high = max(0.0, value - half), min(1.0, value + half)
        method = f"influence (DeLong), {confidence}"
        found.append(
            RowMetric("roc_auc_ovr", value, low, high, method, function="roc_auc_score(ovr)")
        )
    rows = scores / scores.sum(axis=1, keepdims=True)
    places = {label: i for i, label in enumerate(classes)}
    place = np.array([places[label] for label in truth])
    clipped = np.clip(rows[np.arange(len(rows)), place], np.finfo(float).eps, 1)
    if (scores < 0).any() or not np.allclose(scores.sum(axis=1), 1):
        why = "the scores of a row are no probabilities that add up to 1"
        return [*found, RowMetric("log_loss", None, None, None, None, why)]
    losses = -np.log(clipped)
    value = float(np.average(losses, weights=weights))
    return [*found, mean_metric("log_loss", value, losses, weights, confidence)]


def _by_class(
    scores: Any, present: Sequence[Any], declared: Sequence[Any] | None
) -> tuple[list[Any], Any]:
    """The class of each column, and (n, classes) floats in that order."""
    wanted = list(present) if declared is None else [plain_label(label) for label in declared]
    if set(present) - set(wanted):
        raise InputError(
            "labels outside the declared ones",
            got=f"{len(set(present) - set(wanted))} labels of y_true",
            expected=f"{len(wanted)} declared labels",
        )
    names, found = _named_columns(scores)
    values = np.asarray(found, dtype=float)
    named = [] if names is None or _by_place(names) else [str(name) for name in names]
    if named and declared is None and set(map(str, present)) < set(named):
        # The frame names a class that does not occur among the rows.
        by_text = {str(label): label for label in present}
        wanted = [by_text.get(name, name) for name in named]
    if len(wanted) != values.shape[1]:
        raise InputError(
            "y_score does not have one column for each label",
            got=f"{values.shape[1]} columns, {len(wanted)} labels",
            next_step="pass every class in labels=, in the order of the columns",
        )
    if named and sorted(named) == sorted(map(str, wanted)):
        return wanted, values[:, [named.index(str(label)) for label in wanted]]
    if named and declared is None:
        raise InputError(
            "the columns of y_score are not named after the labels",
            got=f"{len(named)} names, {len(set(named) & set(map(str, wanted)))} of them labels",
            expected="a column named after each label, or labels= in the order of the columns",
        )
    return wanted, values


def _named_columns(scores: Any) -> tuple[list[Any] | None, Any]:
    """The column names, None for an array, and the (n, classes) values below them."""
    names = getattr(scores, "columns", None)
    if names is not None and hasattr(scores, "to_numpy"):
        return list(names), scores.to_numpy()
    if not any(hasattr(scores, f"__arrow_c_{form}__") for form in ("stream", "array")):
        return None, scores
    import pyarrow as pa

    table = pa.table(scores)  # such as one of pyarrow, or a relation of DuckDB
    return table.column_names, np.column_stack([column.to_numpy() for column in table.columns])


def _by_place(names: Sequence[Any]) -> bool:
    """Whether names only count the columns, as libraries do that were given none."""
    numbers = [str(place) for place in range(len(names))]
    return [str(n).removeprefix("column_") for n in names] == numbers


def _plain_values(values: Any) -> Any:
    if hasattr(values, "to_pylist"):
        return values.to_pylist()
    return values.tolist() if hasattr(values, "tolist") else list(values)


def roc_auc_influence(truth: Any, score: Any) -> tuple[float, Any]:
    """The ROC AUC and (n,) how much each row moves it (DeLong, DeLong and Clarke-Pearson 1988).

    truth : (n,) booleans with both values.  The mean of the influence is 0; its sum of squares
    over n squared is the variance of the AUC.
    """
    from scipy.stats import rankdata

    n, positives = len(truth), int(truth.sum())
    negatives = n - positives
    ranks = rankdata(score)
    above = np.empty(n)
    above[truth] = (ranks[truth] - rankdata(score[truth])) / negatives
    above[~truth] = 1 - (ranks[~truth] - rankdata(score[~truth])) / positives
    auc = float(above[truth].mean())
    share = np.where(truth, positives, negatives) / n
    return auc, (above - auc) / share


def normal_half_width(influence: Any, confidence: float) -> float:
    """Half the width of a normal interval of a statistic, from each row's influence."""
    from aims_mlops.measures.statistics.intervals import normal_quantile

    error = math.sqrt(float((influence**2).sum())) / len(influence)
    return normal_quantile(1 - (1 - confidence) / 2) * error
