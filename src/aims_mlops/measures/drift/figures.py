"""Drift as figures: one per column and method, and a few of the batch as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from aims_mlops.measures.drift.column import ColumnMeasured
from aims_mlops.measures.drift.samples.sample import NumericSample
from aims_mlops.measures.drift.verdict import Judged, Verdict
from aims_mlops.measures.result.figure import Figure
from aims_mlops.measures.result.libraries import source_of

NO_INTERVAL = (
    "no interval: a distance is never below 0 and chance only adds to it, so resampling would "
    "give bounds that do not cover small distances; see expected_without_drift"
)
_P_VALUE = "no interval: a p-value is not an estimate"


def column_figures(column: ColumnMeasured, judged: Judged) -> list[Figure]:
    """The figures of one column, group {"column": name}."""
    group = {"column": column.name}
    n = min(column.reference.n, column.current.n)
    approximate = ""
    for side, sample in (("reference", column.reference), ("current", column.current)):
        if isinstance(sample, NumericSample) and sample.error:
            approximate += f"; {side} as weighted points of up to {sample.error:.2%} of rows"
    figures = [
        Figure(
            measure=method,
            group=group,
            value=value,
            n=n,
            method=(_P_VALUE if method in ("ks", "chisquare", "z") else NO_INTERVAL) + approximate,
            source=source_of("evidently", method),
        )
        for method, value in column.values.items()
        if method
    ]
    if column.test is not None:
        figures.append(
            Figure(
                measure="adjusted_p_value",
                group=group,
                value=judged.adjusted,
                n=n,
                method=f"{column.test.method}; Benjamini-Hochberg over all columns",
                source=column.test.source,
            )
        )
    for measure, test, rows in (
        ("share_of_missing_values", column.missing_test, column.current.missing),
        ("share_of_infinite_values", column.infinite_test, column.current.infinite),
    ):
        if test is not None:
            figures.append(_share(measure, group, rows, column.current.rows))
    return figures


def _share(measure: str, group: dict[str, str], count: int, rows: int) -> Figure:
    return Figure(
        measure=measure,
        group=group,
        value=count / rows if rows else None,
        numerator=count,
        denominator=rows,
        n=rows,
        source=source_of("evidently", "MissingValueCount")
        if measure == "share_of_missing_values"
        else "aims-mlops: drift_verdict",
    )


def dataset_figures(verdicts: Sequence[Verdict]) -> list[Figure]:
    """Shares of columns by verdict; none without columns."""
    if not verdicts:
        return []
    total = len(verdicts)
    figures = []
    for measure, verdict in (
        ("share_of_drifted_columns", "drift"),
        ("share_of_insufficient_columns", "insufficient"),
    ):
        count = verdicts.count(verdict)
        figures.append(
            Figure(
                measure=measure,
                value=count / total,
                numerator=count,
                denominator=total,
                n=total,
                method="a count, not an estimate",
                source="aims-mlops: drift_verdict",
            )
        )
    return figures
