"""How strong the evidence for a difference is, and how large chance alone makes a distance.

A distance says how large a difference is, never whether chance explains it; these tests say that,
and nothing about size. A verdict needs both (drift_verdict.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from aims_mlops.measures.drift.methods.catalogue import ks, ks_distance
from aims_mlops.measures.drift.methods.grid import GridGap
from aims_mlops.measures.drift.samples.sample import (
    CategorySample,
    NumericSample,
    aligned_counts,
)
from aims_mlops.measures.result.libraries import source_of

_SAMPLE = 4096
_EXACT_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Test:
    """A p-value of 'both samples come from one distribution', and how it was made."""

    p_value: float
    method: str
    source: str


def numeric_test(
    reference: NumericSample, current: NumericSample, gap: GridGap | None = None
) -> Test:
    """Two-sample Kolmogorov–Smirnov; from the grid where the samples are too large to sort.

    Above 2,000 rows the limiting distribution gives p: SciPy's formula for ten thousands and
    more can take a second a column, and differs in the third digit.
    """
    source = source_of("scipy", "stats.ks_2samp")
    n, m = reference.n, current.n
    if gap is None and max(n, m) <= _EXACT_ROWS:
        return Test(ks(reference, current), "Kolmogorov-Smirnov", source)
    if gap is None:
        distance, where = ks_distance(reference, current), ""
    else:
        distance, where = gap.gap, ", distance at the edges of a fine grid (p is an upper bound)"
    from scipy.special import kolmogorov

    p_value = float(kolmogorov(distance * math.sqrt(n * m / (n + m))))
    return Test(p_value, f"Kolmogorov-Smirnov, limiting distribution{where}", source)


def label_test(reference: CategorySample, current: CategorySample) -> Test:
    """Chi-square test of homogeneity with the moments it has under permutation.

    Both samples count as samples (Evidently's `chisquare` takes the reference as known). The
    statistic is Pearson's; its distribution is a gamma with the exact mean and variance over all
    permutations of rows, which holds where many labels are rare and the usual table does not.
    Source: Haldane 1940; Lewis, Saunders and Westcott 1984, Biometrika 71(3).
    """
    from scipy.special import gammaincc

    first, second = aligned_counts(reference, current)
    labels = first + second
    n, m, total = int(first.sum()), int(second.sum()), int(labels.sum())
    source = "Lewis, Saunders and Westcott 1984: moments of Pearson's chi-square"
    method = "chi-square of homogeneity, permutation moments"
    columns = first.size
    if columns < 2 or total < 4:
        return Test(1.0, method, source)
    expected = labels * (n / total)
    statistic = float(np.sum((first - expected) ** 2 / labels) * total**2 / (n * m))
    mean = total * (columns - 1) / (total - 1)
    rows_1 = (2 - 1) * (total - 2) / (total - 1)
    columns_1 = (columns - 1) * (total - columns) / (total - 1)
    rows_2 = (total / n + total / m - 4) / (total - 2)
    columns_2 = (float(np.sum(total / labels)) - columns**2) / (total - 2)
    variance = (
        2 * total / (total - 3) * (rows_1 - rows_2) * (columns_1 - columns_2)
        + total**2 / (total - 1) * rows_2 * columns_2
    )
    if variance <= 0:
        return Test(1.0, method, source)
    return Test(float(gammaincc(mean**2 / variance, statistic * mean / variance)), method, source)


def share_test(first: int, of_first: int, second: int, of_second: int) -> float:
    """p-value of 'both shares are equal', by the same test on a table of two labels."""
    return label_test(
        CategorySample(counts={"yes": first, "no": of_first - first}),
        CategorySample(counts={"yes": second, "no": of_second - second}),
    ).p_value


def chance_level(
    method: str, reference: NumericSample | CategorySample, current: NumericSample | CategorySample
) -> float | None:
    """Mean of a distance between two samples of these sizes from one distribution.

    Wasserstein: E|Brownian bridge| integrated over the reference's distribution function. The
    others: a chi-square of (bins - 1) degrees of freedom, to first order. None for p-values.
    """
    scale = 1 / reference.n + 1 / current.n
    if method == "wasserstein" and isinstance(reference, NumericSample):
        norm = max(reference.std, 0.001)
        return math.sqrt(2 / math.pi * scale) * _spread(reference) / norm
    per_bin = {"jensenshannon": 1 / 8, "psi": 1.0, "kl_div": 1 / 2}.get(method)
    if per_bin is None:
        return None
    divergence = (_bins(reference, current) - 1) * scale * per_bin
    return math.sqrt(divergence) if method == "jensenshannon" else divergence


def _bins(
    reference: NumericSample | CategorySample, current: NumericSample | CategorySample
) -> int:
    if isinstance(reference, NumericSample) and reference.more_distinct_than(20):
        return int(math.log2(reference.n + current.n)) + 2
    return int(aligned_counts(reference, current)[0].size)


def _spread(sample: NumericSample) -> float:
    """Integral of sqrt(F (1 - F)), from a slice of large samples."""
    if sample.counts is None:
        step = max(1, sample.values.size // _SAMPLE)
        values = np.sort(sample.values[::step])
        below = np.arange(1, values.size) / values.size
    else:
        values = sample.ordered
        below = sample.cumulative[1:-1] / sample.n
    return float((np.sqrt(below * (1 - below)) * np.diff(values)).sum())


def rows_needed(level: float, threshold: float, n: int, m: int, *, root: bool) -> int:
    """Rows on each side at which chance gives half the threshold on average."""
    ratio = threshold / 2 / level
    scale = (1 / n + 1 / m) * (ratio**2 if root else ratio)
    return math.ceil(2 / scale)
