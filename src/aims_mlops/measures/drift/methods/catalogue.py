"""Evidently's drift methods, under its names, computed from sorted values or counts.

Each function gives the number that Evidently's stat test of the same name gives on the rows
(evidently 0.7, `evidently.legacy.calculations.stattests`), after the same cleaning: missing and
infinite values are left out. docs/measures-drift.md states the tolerance by method.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from aims_mlops.errors import InputError
from aims_mlops.measures.drift.methods.grid import wasserstein_by_grid
from aims_mlops.measures.drift.samples.sample import (
    CategorySample,
    Counts,
    Floats,
    NumericSample,
    aligned_counts,
)

Measurable = NumericSample | CategorySample
Shares = npt.NDArray[np.float64]

SMALLEST_NORM = 0.001  # Evidently's floor of the standard deviation
_FEW_VALUES = 20  # above it, Evidently bins numbers; up to it, it counts them
_EXACT_KS_ROWS = 10_000  # SciPy's limit for an exact p-value
GRID_ROWS = 50_000  # from here on the grid beats sorting


def wasserstein(reference: NumericSample, current: NumericSample) -> float:
    """First Wasserstein distance over the reference's standard deviation, in [0, inf).

    Source: evidently `wasserstein`; scipy.stats.wasserstein_distance.
    """
    norm = max(reference.std, SMALLEST_NORM)
    if current.counts is None and not current.sorted and current.n >= GRID_ROWS:
        distance = wasserstein_by_grid(reference, current)
        if distance is not None:
            return distance / norm
    return _wasserstein_of_ordered(reference, current) / norm


def _wasserstein_of_ordered(reference: NumericSample, current: NumericSample) -> float:
    """Area between the two distribution functions; exact."""
    everything = np.concatenate((reference.ordered, current.ordered))
    everything.sort(kind="stable")  # two sorted runs: a merge
    steps = np.diff(everything)
    gaps = np.abs(
        reference.below(everything[:-1], right=True) / reference.n
        - current.below(everything[:-1], right=True) / current.n
    )
    return float((gaps * steps).sum())


def sturges_edges(
    low: float, high: float, size: int, *, integer: bool, single: bool = False
) -> Floats:
    """Bin edges of numpy.histogram_bin_edges(..., bins='sturges') from range and size alone.

    Source: numpy.lib._histograms_impl._get_bin_edges, _hist_bin_sturges.
    """
    # NumPy computes all of it in the precision of the data, ties at edges included.
    number_type = np.float32 if single else np.float64
    first, last = number_type(low), number_type(high)
    width = (last - first) / (np.log2(size) + 1.0)
    if integer and width < 1:
        width = 1.0
    if first == last:
        first, last = first - number_type(0.5), last + number_type(0.5)
    number = int(np.ceil((last - first) / width)) if width else 1
    return np.linspace(first, last, number + 1, dtype=number_type).astype(np.float64)


def _shares(
    reference: Measurable, current: Measurable, *, fill_zeros: bool
) -> tuple[Shares, Shares]:
    """Shares of rows by bin or label, as Evidently's get_binned_data gives them."""
    if isinstance(reference, NumericSample) and isinstance(current, NumericSample):
        if reference.more_distinct_than(_FEW_VALUES):
            first, second = _binned(reference, current)
        else:
            first, second = aligned_counts(reference, current)
    else:
        first, second = aligned_counts(reference, current)
    left, right = first / reference.n, second / current.n
    if fill_zeros:
        for shares in (left, right):
            above = shares[shares > 0]
            if not above.size:
                continue
            smallest = float(above.min())
            shares[shares == 0] = smallest / 10**6 if smallest <= 0.0001 else 0.0001
    return left, right


def _binned(reference: NumericSample, current: NumericSample) -> tuple[Counts, Counts]:
    low = min(reference.range[0], current.range[0])
    high = max(reference.range[1], current.range[1])
    edges = sturges_edges(
        low,
        high,
        reference.n + current.n,
        integer=reference.integer and current.integer,
        single=reference.single and current.single,
    )
    return _histogram(reference, edges), _histogram(current, edges)


def _histogram(sample: NumericSample, edges: Floats) -> Counts:
    below = sample.below(edges)
    below[-1] = sample.below(edges[-1:], right=True)[0]  # the last bin is closed
    return np.diff(below)


def jensenshannon(reference: Measurable, current: Measurable) -> float:
    """Jensen–Shannon distance (natural logarithm), in [0, sqrt(ln 2)].

    Source: evidently `jensenshannon`; scipy.spatial.distance.jensenshannon.
    """
    first, second = _shares(reference, current, fill_zeros=False)
    first, second = first / first.sum(), second / second.sum()
    middle = (first + second) / 2.0
    divergence = (_relative_entropy(first, middle) + _relative_entropy(second, middle)) / 2.0
    return float(np.sqrt(max(divergence, 0.0)))


def _relative_entropy(first: Shares, second: Shares) -> float:
    some = first > 0
    return float(np.sum(first[some] * np.log(first[some] / second[some])))


def psi(reference: Measurable, current: Measurable) -> float:
    """Population stability index, in [0, inf); empty bins are filled as Evidently fills them."""
    first, second = _shares(reference, current, fill_zeros=True)
    return float(np.sum((first - second) * np.log(first / second)))


def kl_div(reference: Measurable, current: Measurable) -> float:
    """Kullback–Leibler divergence of current from reference; empty bins are filled."""
    first, second = _shares(reference, current, fill_zeros=True)
    return _relative_entropy(first / first.sum(), second / second.sum())


def ks_distance(reference: NumericSample, current: NumericSample) -> float:
    """Largest gap between the two distribution functions, in [0, 1]; exact."""
    places = np.concatenate((reference.ordered, current.ordered))
    gaps = (
        reference.below(places, right=True) / reference.n
        - current.below(places, right=True) / current.n
    )
    return float(max(gaps.max(), -gaps.min()))


def ks(reference: NumericSample, current: NumericSample) -> float:
    """p-value of the two-sample, two-sided Kolmogorov–Smirnov test.

    Exact up to 10,000 rows a side, Smirnov's asymptotic formula above, as SciPy chooses.
    Source: evidently `ks`; scipy.stats.ks_2samp.
    """
    if max(reference.n, current.n) <= _EXACT_KS_ROWS and reference.error == current.error == 0:
        from scipy import stats

        return float(stats.ks_2samp(_rows(reference), _rows(current)).pvalue)
    return ks_p_value(ks_distance(reference, current), reference.n, current.n)


def ks_p_value(distance: float, n: int, m: int) -> float:
    """Asymptotic p-value of a Kolmogorov–Smirnov distance, as scipy.stats.ks_2samp has it."""
    from scipy import stats

    size = float(n) * m / (n + m)
    return float(np.clip(stats.kstwo.sf(distance, np.round(size)), 0.0, 1.0))


def _rows(sample: NumericSample) -> Floats:
    if sample.counts is None:
        return sample.ordered
    return np.repeat(sample.ordered, sample.counts)


def chisquare(reference: Measurable, current: Measurable) -> float:
    """p-value of the goodness of fit of the current counts to the reference's shares.

    The reference is taken as known without error, which is Evidently's definition; a label that
    the reference does not have gives 0. NaN when there is only one label.
    Source: evidently `chisquare`; scipy.stats.chisquare.
    """
    from scipy.special import chdtrc

    first, second = aligned_counts(reference, current)
    if first.size < 2:
        return float("nan")
    expected = first * (current.n / reference.n)
    if np.any(expected == 0):
        return 0.0
    statistic = float(np.sum((second - expected) ** 2 / expected))
    return float(chdtrc(first.size - 1, statistic))


def z(reference: Measurable, current: Measurable) -> float:
    """p-value of the z-test of one label's share; for columns of one or two labels.

    Evidently compares its smallest label with all others; with more than two labels that answer
    depends on how labels sort, so this raises InputError instead.
    """
    from scipy.special import ndtr

    first, second = aligned_counts(reference, current)
    if first.size > 2:
        raise InputError(
            "the z-test compares one share", got=f"{first.size} labels", expected="at most two"
        )
    if first.size < 2:
        return 1.0
    n, m = reference.n, current.n
    share = (first[0] + second[0]) / (n + m)
    error = np.sqrt(share * (1 - share) * (1.0 / n + 1.0 / m))
    statistic = (first[0] / n - second[0] / m) / error
    return float(2 * (1 - ndtr(abs(statistic))))


@dataclass(frozen=True, slots=True)
class Method:
    """One of Evidently's methods.

    name : Evidently's.  gives : a distance (drift at or above the threshold) or a p-value (drift
        at or below it).  threshold : Evidently's default.
    numbers, labels : which columns it can be used on.
    """

    name: str
    gives: Literal["distance", "p-value"]
    threshold: float
    numbers: bool
    labels: bool
    compute: Callable[..., float]


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("wasserstein", "distance", 0.1, True, False, wasserstein),
        Method("jensenshannon", "distance", 0.1, True, True, jensenshannon),
        Method("psi", "distance", 0.1, True, True, psi),
        Method("kl_div", "distance", 0.1, True, True, kl_div),
        Method("ks", "p-value", 0.05, True, False, ks),
        Method("chisquare", "p-value", 0.05, True, True, chisquare),
        Method("z", "p-value", 0.05, True, True, z),
    )
}
