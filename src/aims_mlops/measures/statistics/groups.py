"""Groups of rows that are compared: of which columns, how many rows, which are too small."""

from __future__ import annotations

from aims_mlops.measures.result.figure import EVERY_GROUP, Figure, group_text
from aims_mlops.measures.result.libraries import source_of
from aims_mlops.measures.result.result import LeftOut
from aims_mlops.measures.statistics.rates import Grouping


def scope_of(grouping: Grouping, by: list[Grouping]) -> dict[str, str] | None:
    """`group` of a comparison: None where all sensitive columns are crossed."""
    columns = {column for other in by for column in other.columns}
    return (
        None if columns == set(grouping.columns) else dict.fromkeys(grouping.columns, EVERY_GROUP)
    )


def compared_share(by: list[Grouping], min_group_size: int) -> list[Figure]:
    """The share of rows in groups that are large enough to be compared, by grouping."""
    figures = []
    for grouping in by:
        total = int(grouping.rows.sum())
        compared = int(grouping.rows[grouping.rows >= min_group_size].sum())
        figures.append(
            Figure(
                measure="compared_share",
                group=scope_of(grouping, by),
                value=compared / total,
                low=compared / total,
                high=compared / total,
                numerator=compared,
                denominator=total,
                n=total,
                method="a count, not an estimate",
                source=source_of("aims-mlops", "rows in groups large enough to be compared"),
            )
        )
    return figures


def small_groups(by: list[Grouping], min_group_size: int) -> list[LeftOut]:
    """What is said of groups that are too small to be compared."""
    return [
        LeftOut(
            what=f"comparison with {group_text(group)}",
            why=f"fewer than {min_group_size} rows",
            n=int(rows),
        )
        for grouping in by
        for group, rows in zip(grouping.groups, grouping.rows, strict=True)
        if rows < min_group_size
    ]
