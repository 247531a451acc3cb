"""Keeping false alarms rare when many columns are tested at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aims_mlops.errors import InputError


def adjusted_p_values(p_values: Sequence[float]) -> list[float]:
    """Benjamini–Hochberg adjusted p-values, in the order given.

    Rejecting where the result is at most q keeps the expected share of false rejections at q or
    below, for independent and for positively dependent tests.
    Raises InputError for a p-value outside [0, 1].
    Source: scipy.stats.false_discovery_control(method="bh"); Benjamini and Hochberg 1995.
    """
    values = np.asarray(p_values, dtype=np.float64)
    if values.size and not ((values >= 0) & (values <= 1)).all():
        raise InputError("p-values must be numbers between 0 and 1")
    if not values.size:
        return []
    order = np.argsort(values, kind="stable")
    ranks = np.arange(1, values.size + 1)
    scaled = values[order] * values.size / ranks
    monotone = np.minimum.accumulate(scaled[::-1])[::-1]
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(monotone, 1.0)
    return [float(value) for value in adjusted]


def simes(p_values: Sequence[float]) -> float:
    """One p-value for 'nothing differs in any of these tests'; 1 for none.

    Source: Simes 1986; it is the smallest Benjamini–Hochberg adjusted p-value.
    """
    return min(adjusted_p_values(p_values), default=1.0)
