"""What a table looks like, in counts and bounded quantiles: no value that one row gave.

The rule: a figure is given only if at least `FEWEST_ROWS` rows lie on each side of it or go into
it. So there is no minimum and no maximum, no category label and no text, only quantiles with
enough rows beyond them, means over enough rows, and counts.
"""

from __future__ import annotations

import html
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from aims_mlops.measures.fingerprint.column_profile import ColumnSummary
from aims_mlops.measures.table.opening import open_table
from aims_mlops.measures.table.table import IndexRule

FEWEST_ROWS = 5
SAMPLE_ROWS = 32_768  # quantiles and distinct values come from at most so many rows

_THREADS = 2


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column in counts.

    type : logical type, as in the fingerprint.  nulls : missing values, NaN included.
    distinct : different values among `sampled` rows; exact if all rows were sampled, else a lower
        bound; None for lists and structs.
    infinite : infinite numbers; they are left out of the following.
    mean, std (n - 1), quantiles {"0.5": …} : of numbers, and of the lengths of texts in bytes
        (`of` says which); None or absent where fewer than 5 rows would lie beyond.
    zeros : numbers that are zero, or empty texts.  true : true booleans.
    """

    name: str
    type: str
    nulls: int
    sampled: int
    distinct: int | None = None
    of: str | None = None
    infinite: int | None = None
    zeros: int | None = None
    true: int | None = None
    mean: float | None = None
    std: float | None = None
    quantiles: dict[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON values; what does not apply to the column is left out."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True, repr=False)
class TableProfile:
    """Rows and columns of a table in counts; holds no value of a single row."""

    rows: int
    columns: tuple[ColumnProfile, ...]

    def to_dict(self) -> dict[str, Any]:
        """The profile as JSON values, without row values."""
        return {
            "rows": self.rows,
            "fewest_rows": FEWEST_ROWS,
            "columns": [column.to_dict() for column in self.columns],
        }

    def to_body(self) -> dict[str, Any]:
        """The field `profile` of evidence of kind `dataset`."""
        return self.to_dict()

    def __repr__(self) -> str:
        missing = sum(column.nulls for column in self.columns)
        return f"TableProfile({self.rows} rows × {len(self.columns)} columns, {missing} missing)"

    def _repr_html_(self) -> str:
        def cell(value: float | None) -> str:
            return "" if value is None else f"{value:.4g}"

        rows = "".join(
            f"<tr><td>{html.escape(c.name)}</td><td>{html.escape(c.type)}</td><td>{c.nulls}</td>"
            f"<td>{'' if c.distinct is None else c.distinct}</td><td>{cell(c.mean)}</td>"
            f"<td>{cell((c.quantiles or {}).get('0.5'))}</td></tr>"
            for c in self.columns
        )
        head = "".join(
            f"<th>{name}</th>"
            for name in ("column", "type", "missing", "distinct", "mean", "median")
        )
        return (
            f"<p>{self.rows} rows × {len(self.columns)} columns</p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        )


def profile_table(data: Any, *, index: IndexRule = "auto", threads: int = _THREADS) -> TableProfile:
    """Counts, means and bounded quantiles of every column.

    data, index : as for `fingerprint`. Means and counts are over all rows. Quantiles and distinct
    counts are over every 2**k-th row, with the smallest k that leaves at most 32,768; so they
    are exact for smaller tables, and no cutting into batches changes them.
    Raises InputError as `fingerprint` does.
    """
    table = open_table(data, index=index)
    summaries = [ColumnSummary(SAMPLE_ROWS) for _ in table.names]
    rows = 0
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        for batch in table.batches():
            tasks = [
                partial(summary.update, column)
                for summary, column in zip(summaries, batch.columns, strict=True)
            ]
            for _ in pool.map(lambda task: task(), tasks):
                pass
            rows += batch.rows
        columns = tuple(
            pool.map(
                lambda pair: ColumnProfile(name=pair[0], **pair[1].result(FEWEST_ROWS)),
                zip(table.names, summaries, strict=True),
            )
        )
    return TableProfile(rows, columns)
