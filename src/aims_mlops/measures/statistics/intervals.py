"""Intervals for proportions, and for gaps and ratios between groups.

Proportions: Clopper and Pearson 1934 (exact). With weights the same at the effective number of
rows, (sum w)^2 / sum w^2 (Korn and Graubard 1998).

Gaps and ratios: see `compare_groups` and docs/adr/0201.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

# A pair of groups stays a candidate for the largest gap while the largest observed gap is within
# this many standard errors of it.
_CANDIDATE_ERRORS = 5.0
_MOST_PAIRS = 2_000  # beyond it the critical value comes from Bonferroni, not from draws

Limits = Callable[[float], tuple[Any, Any]]


def clopper_pearson(successes: Any, n: Any, confidence: float) -> tuple[Any, Any]:
    """Exact limits of a proportion; `successes` and `n` may be effective (not whole) numbers.

    n = 0 gives NaN for both. Source: scipy.stats.beta.ppf, as binomtest(...).proportion_ci().
    """
    from scipy.special import betaincinv

    k, n = np.broadcast_arrays(np.asarray(successes, float), np.asarray(n, float))
    tail = (1 - confidence) / 2
    # Rounding of weighted sums must not put a count outside [0, n].
    k = np.clip(k, 0, n)
    inner = np.maximum(n - k, 0)
    with np.errstate(all="ignore"):
        low = np.where(k > 0, betaincinv(np.maximum(k, 1e-300), inner + 1, tail), 0.0)
        high = np.where(inner > 0, betaincinv(k + 1, np.maximum(inner, 1e-300), 1 - tail), 1.0)
    empty = n <= 0
    return np.where(empty, np.nan, low), np.where(empty, np.nan, high)


def wilson(p: Any, n: Any, z: float) -> tuple[Any, Any]:
    """Score limits of a proportion at the normal quantile z (Wilson 1927)."""
    p, n = np.asarray(p, float), np.asarray(n, float)
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # At p = 0 and 1 the limit is p itself; rounding would leave it 1e-17 off.
    return np.minimum(np.maximum(middle - half, 0), p), np.maximum(np.minimum(middle + half, 1), p)


def normal_quantile(probability: float) -> float:
    """The quantile of the standard normal distribution."""
    from scipy.special import ndtri

    return float(ndtri(probability))


def student_quantile(probability: float, degrees: Any) -> Any:
    """Student's t quantile; `degrees` below 1 count as 1."""
    from scipy.special import stdtrit

    return stdtrit(np.maximum(degrees, 1), probability)


@dataclass(frozen=True, slots=True)
class Estimates:
    """One statistic in each of several groups.

    value, error : (groups,) estimates and their standard errors (> 0).
    limits : z -> (low, high), each (groups,): the interval of each group at normal quantile z.
    deviations : (draws, groups) resampled estimates minus `value`.
    """

    value: Any
    error: Any
    limits: Limits
    deviations: Any

    @classmethod
    def of_proportions(cls, successes: Any, n: Any, draws: Any) -> Estimates:
        """From effective counts and (draws, groups) resampled proportions."""
        p = successes / n
        smoothed = (successes + 2) / (n + 4)  # Agresti and Coull: no zero error at 0 and 1
        error = np.sqrt(smoothed * (1 - smoothed) / (n + 4))
        deviations = np.where(np.isfinite(draws), draws - p, 0.0)
        return cls(p, error, lambda z: wilson(p, n, z), deviations)

    @classmethod
    def of_means(cls, value: Any, error: Any, rows: Any, draws: int, seed: int) -> Estimates:
        """From means and their standard errors over `rows` rows each; limits are Student's t."""
        error = np.maximum(error, 1e-150)  # constants differ surely; its square is still > 0

        def limits(z: float) -> tuple[Any, Any]:
            from scipy.special import ndtr

            half = student_quantile(float(ndtr(z)), rows - 1) * error
            return value - half, value + half

        deviations = np.random.default_rng(seed).standard_normal((draws, len(value))) * error
        return cls(value, error, limits, deviations)


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with the ends of its interval; None where the data do not say."""

    value: float | None
    low: float | None
    high: float | None


def compare_groups(
    families: list[Estimates],
    *,
    ratio: bool,
    confidence: float,
    of: int | None = None,
) -> Interval:
    """The largest gap (or the smallest ratio) between any two groups, with an honest interval.

    families : one statistic, or several of which the worst counts (equalized odds).
    of : only pairs whose first group is this one (impact ratio of one group).

    The lower end of a gap and the upper end of a ratio are fit for a test: with equal rates the
    gap's lower end is 0 (the ratio's upper end 1) in at least `confidence` of samples. Limits of
    a pair are Newcombe's hybrid score ones (MOVER; for a ratio Donner and Zou 2012); the critical
    value is the quantile of the largest standardised deviation, over resampled counts, among the
    pairs that may be the largest (Chernozhukov, Lee and Rosen 2013), and never below z.
    """
    z = normal_quantile(1 - (1 - confidence) / 2)
    worst: list[float] = []
    outer: list[float] = []
    candidates: list[tuple[Estimates, Any, Any]] = []
    observed = [_gaps(family, of) for family in families]
    largest = max(float(gap.max()) for _, _, gap, _ in observed)
    for family, (a, b, gap, error) in zip(families, observed, strict=True):
        top = family.value[a], family.value[b]
        worst.append(_smallest_ratio(*top) if ratio else float(gap.max()))
        low, high = _pair_limits(family, a, b, z, ratio=ratio)
        outer.append(float(np.min(low)) if ratio else float(np.max(high)))
        near = gap + _CANDIDATE_ERRORS * error >= (float(gap.max()) if ratio else largest)
        candidates.append((family, a[near], b[near]))
    critical = max(z, _critical(candidates, confidence))
    inner = [
        _pair_limits(family, a, b, critical, ratio=ratio)[1 if ratio else 0]
        for family, a, b in candidates
        if len(a)
    ]
    if ratio:
        value = math.nan if any(math.isnan(w) for w in worst) else min(worst)
        if math.isnan(value):
            return Interval(None, None, None)
        near_one = min(float(np.min(limits)) for limits in inner)
        return Interval(value, max(0.0, min(outer)), min(1.0, max(near_one, value)))
    near_zero = max(float(np.max(limits)) for limits in inner)
    value = max(worst)
    return Interval(value, max(0.0, min(near_zero, value)), max(value, max(outer)))


def _gaps(family: Estimates, of: int | None) -> tuple[Any, Any, Any, Any]:
    """Pairs (a, b) of groups, value[b] - value[a] and its standard error."""
    groups = len(family.value)
    first = np.arange(groups) if of is None else np.array([of])
    a, b = (m.ravel() for m in np.meshgrid(first, np.arange(groups), indexing="ij"))
    different = a != b
    a, b = a[different], b[different]
    error = np.sqrt(family.error[a] ** 2 + family.error[b] ** 2)
    return a, b, family.value[b] - family.value[a], error


def _smallest_ratio(numerator: Any, denominator: Any) -> float:
    with np.errstate(all="ignore"):
        ratios = np.where(denominator > 0, numerator / denominator, np.nan)
    return float(min(1.0, np.nanmin(ratios))) if np.isfinite(ratios).any() else math.nan


def _pair_limits(family: Estimates, a: Any, b: Any, z: float, *, ratio: bool) -> tuple[Any, Any]:
    low, high = family.limits(z)
    va, vb, la, ua, lb, ub = (
        family.value[a],
        family.value[b],
        low[a],
        high[a],
        low[b],
        high[b],
    )
    if not ratio:
        gap = vb - va
        return (
            gap - np.sqrt((vb - lb) ** 2 + (ua - va) ** 2),
            gap + np.sqrt((ub - vb) ** 2 + (va - la) ** 2),
        )
    with np.errstate(all="ignore"):
        product = va * vb
        lower = product - np.sqrt(
            np.maximum(product**2 - la * ub * (2 * va - la) * (2 * vb - ub), 0)
        )
        upper = product + np.sqrt(
            np.maximum(product**2 - ua * lb * (2 * va - ua) * (2 * vb - lb), 0)
        )
        lower = lower / (ub * (2 * vb - ub))
        upper = upper / (lb * (2 * vb - lb))
    return (
        np.where(np.isfinite(lower), np.maximum(lower, 0), 0.0),
        np.where(np.isfinite(upper) & (lb > 0), upper, np.inf),
    )


def _critical(candidates: list[tuple[Estimates, Any, Any]], confidence: float) -> float:
    pairs = sum(len(a) for _, a, _ in candidates)
    if pairs <= 1:
        return 0.0
    if pairs > _MOST_PAIRS:
        return normal_quantile(1 - (1 - confidence) / pairs)
    largest = None
    for family, a, b in candidates:
        if not len(a):
            continue
        error = np.sqrt(family.error[a] ** 2 + family.error[b] ** 2)
        standard = (family.deviations[:, b] - family.deviations[:, a]) / error
        highest = standard.max(axis=1)
        largest = highest if largest is None else np.maximum(largest, highest)
    return float(np.quantile(largest, confidence)) if largest is not None else 0.0
