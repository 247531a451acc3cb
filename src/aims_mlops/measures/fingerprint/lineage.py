"""How a derived dataset differs from its sources, told from fingerprints alone.

The data need not be at hand: two fingerprints that were kept say which columns are the same.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aims_mlops.errors import InputError
from aims_mlops.measures.fingerprint.table_digest import Fingerprint


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a column of the derived dataset comes from.

    how : `same` (name and content), `renamed` (content of another name), `changed` (name of a
        source, other content) or `new`.
    source, source_column : of the dataset that it comes from; None for a new column.
    """

    column: str
    how: str
    source: str | None = None
    source_column: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Where the column comes from, as JSON values."""
        return {
            "column": self.column,
            "how": self.how,
            "source": self.source,
            "source_column": self.source_column,
        }


@dataclass(frozen=True, slots=True, repr=False)
class Lineage:
    """A derived dataset and its sources, column by column.

    sources : {name: (sha256, rows)}.  rows : of the derived dataset.
    origins : one for each of its columns.  dropped : (source, column) that are not in it.
    same_rows : whether one source has the very same rows, perhaps in another order; None if the
        fingerprints do not say.
    """

    sha256: str
    rows: int
    sources: Mapping[str, tuple[str, int]]
    origins: tuple[Origin, ...]
    dropped: tuple[tuple[str, str], ...]
    same_rows: bool | None

    def to_dict(self) -> dict[str, Any]:
        """The table, its sources and columns as JSON values."""
        return {
            "sha256": self.sha256,
            "rows": self.rows,
            "sources": [
                {"name": name, "sha256": sha256, "rows": rows}
                for name, (sha256, rows) in self.sources.items()
            ],
            "columns": [origin.to_dict() for origin in self.origins],
            "dropped": [{"source": name, "column": column} for name, column in self.dropped],
            "same_rows": self.same_rows,
        }

    def to_body(self) -> list[dict[str, Any]]:
        """The field `derived_from` of evidence of kind `dataset`."""
        whole: list[dict[str, Any]] = []
        for name, (sha256, rows) in self.sources.items():
            columns = [o.to_dict() for o in self.origins if o.source == name]
            whole.append({"name": name, "sha256": sha256, "rows": rows, "columns": columns})
        return whole

    def __repr__(self) -> str:
        counts = dict.fromkeys(("same", "renamed", "changed", "new"), 0)
        for origin in self.origins:
            counts[origin.how] += 1
        told = ", ".join(f"{count} {how}" for how, count in counts.items() if count)
        names = ", ".join(self.sources)
        return f"Lineage({self.rows} rows from {names}; columns: {told or 'none'})"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(o.column)}</td><td>{o.how}</td>"
            f"<td>{html.escape(f'{o.source}: {o.source_column}' if o.source else '')}</td></tr>"
            for o in self.origins
        )
        return (
            f"<p>{html.escape(repr(self))}</p><table><thead><tr><th>column</th><th></th>"
            f"<th>from</th></tr></thead><tbody>{rows}</tbody></table>"
        )


def trace_lineage(derived: Fingerprint, sources: Mapping[str, Fingerprint]) -> Lineage:
    """Where each column of a derived dataset comes from.

    derived : its fingerprint.  sources : {name: fingerprint} of what it was made of; an earlier
        version of the same dataset is a source like any other.
    A column is recognised by its digest, which a filter or a new order of rows changes; then only
    its name is left to go by, and it counts as changed. Raises InputError without a source.
    """
    if not sources:
        raise InputError("a derived dataset needs a source", expected="at least one fingerprint")
    by_content: dict[tuple[str, str], tuple[str, str]] = {}
    by_name: dict[str, tuple[str, str]] = {}
    for name, source in sources.items():
        for column in source.columns:
            by_name.setdefault(column.name, (name, column.name))
            # A column without a value is like any other of its length: no trace.
            if column.sha256 is not None and column.type != "null":
                by_content.setdefault((column.sha256, column.name), (name, column.name))
                by_content.setdefault((column.sha256, ""), (name, column.name))
    origins = []
    for column in derived.columns:
        digest = column.sha256 or ""
        same = by_content.get((digest, column.name))
        content = by_content.get((digest, ""))
        if same is not None:
            origins.append(Origin(column.name, "same", *same))
        elif content is not None:
            origins.append(Origin(column.name, "renamed", *content))
        elif column.name in by_name:
            origins.append(Origin(column.name, "changed", *by_name[column.name]))
        else:
            origins.append(Origin(column.name, "new"))
    used = {(origin.source, origin.source_column) for origin in origins}
    dropped = tuple(
        (name, column.name)
        for name, source in sources.items()
        for column in source.columns
        if (name, column.name) not in used
    )
    return Lineage(
        derived.sha256,
        derived.rows,
        {name: (source.sha256, source.rows) for name, source in sources.items()},
        tuple(origins),
        dropped,
        _same_rows(derived, sources),
    )


def _same_rows(derived: Fingerprint, sources: Mapping[str, Fingerprint]) -> bool | None:
    comparable = [s for s in sources.values() if s.ordered == derived.ordered]
    if any(source.sha256 == derived.sha256 for source in comparable):
        return True
    if any(not source.ordered for source in comparable):
        return False  # the order-independent form knows
    return False if all(s.rows != derived.rows for s in sources.values()) else None
