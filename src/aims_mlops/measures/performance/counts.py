"""Classification metrics of scikit-learn, from confusion counts instead of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

# (..., classes, classes) counts, true by predicted -> (...) values, NaN where not defined
FromCounts = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class CountMetric:
    """A metric that depends on the confusion counts alone.

    name : of the scikit-learn function or scorer.  source : the function that defines it.
    share : (counts) -> (numerator, denominator) where it is a share of rows; its interval is
        then exact.
    """

    name: str
    source: str
    value: FromCounts
    share: Callable[[Any], tuple[Any, Any]] | None = None


def _divide(numerator: Any, denominator: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)


def _diagonal(c: Any) -> Any:
    return np.diagonal(c, axis1=-2, axis2=-1)


def _accuracy(c: Any) -> tuple[Any, Any]:
    return _diagonal(c).sum(-1), c.sum((-2, -1))


def _recalls(c: Any) -> Any:
    return _divide(_diagonal(c), c.sum(-1))


def _nanmean(values: Any) -> Any:
    known = np.isfinite(values)
    return _divide(np.where(known, values, 0).sum(-1), known.sum(-1))


def _present(c: Any) -> Any:
    """Classes that occur as true or predicted: the ones scikit-learn averages over."""
    return (c.sum(-1) + c.sum(-2)) > 0


def _macro(per_class: Any, c: Any) -> Any:
    # A class that occurs but whose ratio is 0/0 counts as 0, scikit-learn's zero_division.
    present = _present(c)
    filled = np.where(present & np.isfinite(per_class), per_class, 0.0)
    return _divide(filled.sum(-1), present.sum(-1))


def _precisions(c: Any) -> Any:
    return _divide(_diagonal(c), c.sum(-2))


def _f1s(c: Any) -> Any:
    return _divide(2 * _diagonal(c), c.sum(-1) + c.sum(-2))


def _matthews(c: Any) -> Any:
    true, predicted, total = c.sum(-1), c.sum(-2), c.sum((-2, -1))
    covariance = _diagonal(c).sum(-1) * total - (true * predicted).sum(-1)
    spread = (total**2 - (predicted**2).sum(-1)) * (total**2 - (true**2).sum(-1))
    return _divide(covariance, np.sqrt(np.maximum(spread, 0)))


_ACCURACY = CountMetric(
    "accuracy_score", "accuracy_score", lambda c: _divide(*_accuracy(c)), _accuracy
)
_BALANCED = CountMetric(
    "balanced_accuracy_score", "balanced_accuracy_score", lambda c: _nanmean(_recalls(c))
)
_MATTHEWS = CountMetric("matthews_corrcoef", "matthews_corrcoef", _matthews)

# Two classes in the order (negative, positive).
BINARY: tuple[CountMetric, ...] = (
    _ACCURACY,
    _BALANCED,
    CountMetric(
        "precision_score",
        "precision_score",
        lambda c: _divide(c[..., 1, 1], c[..., :, 1].sum(-1)),
        lambda c: (c[..., 1, 1], c[..., :, 1].sum(-1)),
    ),
    CountMetric(
        "recall_score",
        "recall_score",
        lambda c: _divide(c[..., 1, 1], c[..., 1, :].sum(-1)),
        lambda c: (c[..., 1, 1], c[..., 1, :].sum(-1)),
    ),
    CountMetric(
        "f1_score",
        "f1_score",
        lambda c: _divide(2 * c[..., 1, 1], c[..., 1, :].sum(-1) + c[..., :, 1].sum(-1)),
    ),
    _MATTHEWS,
)

# Any number of classes; the macro averages go by scikit-learn's scorer names.
MULTICLASS: tuple[CountMetric, ...] = (
    _ACCURACY,
    _BALANCED,
    CountMetric(
        "precision_macro", "precision_score(average='macro')", lambda c: _macro(_precisions(c), c)
    ),
    CountMetric("recall_macro", "recall_score(average='macro')", lambda c: _macro(_recalls(c), c)),
    CountMetric("f1_macro", "f1_score(average='macro')", lambda c: _macro(_f1s(c), c)),
    _MATTHEWS,
)
