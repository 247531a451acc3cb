"""How much a figure depends on the seed or the fold: the same measure over several runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from aims_mlops.errors import InputError
from aims_mlops.measures.result.figure import Figure
from aims_mlops.measures.result.libraries import source_of, versions_of
from aims_mlops.measures.result.result import LeftOut, MeasureResult


def measure_stability(
    results: Mapping[str, MeasureResult] | Sequence[MeasureResult],
) -> MeasureResult:
    """Mean and standard deviation over runs of every figure that all runs have.

    results : by name of the seed or fold, or in order; at least two, of one kind.

    For each overall figure: `<measure>_mean` with the smallest and largest value as its ends, and
    `<measure>_std` (n - 1). The ends are a range, not a confidence interval: folds share training
    rows, so their spread understates the truth (Bengio and Grandvalet 2004). `n` is the number of
    runs. Raises InputError for fewer than two runs or mixed kinds.
    """
    named = (
        dict(results)
        if isinstance(results, Mapping)
        else {str(i): result for i, result in enumerate(results)}
    )
    kinds = {result.kind for result in named.values()}
    if len(named) < 2 or len(kinds) != 1:
        raise InputError(
            "stability needs several runs of one measure",
            got=f"{len(named)} runs of kinds {', '.join(sorted(kinds)) or 'none'}",
            expected="two or more of one kind",
        )
    values: dict[str, list[float | None]] = {}
    for result in named.values():
        for figure in result.figures:
            if figure.group is None:
                values.setdefault(figure.measure, []).append(figure.value)
    source = source_of("numpy", "mean and std(ddof=1)")
    figures: list[Figure] = []
    left_out: list[LeftOut] = []
    for measure, found in values.items():
        known = [value for value in found if value is not None]
        if len(known) < len(named):
            why = f"only {len(known)} of {len(named)} runs know it"
            left_out.append(LeftOut(what=measure, why=why))
            continue
        figures.append(
            Figure(
                measure=f"{measure}_mean",
                value=float(np.mean(known)),
                low=min(known),
                high=max(known),
                n=len(known),
                method="smallest and largest run",
                source=source,
            )
        )
        figures.append(
            Figure(
                measure=f"{measure}_std",
                value=float(np.std(known, ddof=1)),
                n=len(known),
                source=source,
            )
        )
    return MeasureResult(
        kind=kinds.pop(),
        figures=tuple(figures),
        settings={"runs": list(named)},
        libraries=versions_of("numpy"),
        left_out=tuple(left_out),
        notes=("the ends of a mean are the smallest and largest run, no confidence interval",),
        extra={"task": "stability", "rows": None},
    )
