"""A digest of a whole table: every row, the schema and the order of columns.

docs/digests.md defines the scheme and gives fixed test vectors.
"""

from __future__ import annotations

import hashlib
import html
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import rfc8785

from aims_mlops.errors import InputError
from aims_mlops.measures.fingerprint.arrays import chunks_of
from aims_mlops.measures.fingerprint.column_digest import SCHEME, ColumnHasher, hasher_for
from aims_mlops.measures.fingerprint.row_digests import batch_row_digests, sorted_rows
from aims_mlops.measures.table.opening import open_table
from aims_mlops.measures.table.table import Batch, IndexRule

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_THREADS = 2  # hashing releases the interpreter's lock; more threads wait for memory


@dataclass(frozen=True, slots=True)
class ColumnDigest:
    """One column: name, logical type, SHA-256 (hex) over type and values, missing values.

    The digest leaves the name out, so a renamed column is recognised by it. In the
    order-independent form it is None.
    """

    name: str
    type: str
    sha256: str | None
    nulls: int

    def to_dict(self) -> dict[str, Any]:
        """The column's name, type, digest and nulls as JSON values."""
        return {
            "name": self.name,
            "type": self.type,
            "sha256": self.sha256,
            "nulls": self.nulls,
        }


@dataclass(frozen=True, slots=True, repr=False)
class Fingerprint:
    """The digest of a table.

    sha256 : hex, over column names, types and values in order; rows in order if `ordered`.
    rows : number of rows.  columns : one digest per column.  scheme : the definition's name.
    """

    sha256: str
    rows: int
    columns: tuple[ColumnDigest, ...]
    ordered: bool = True
    scheme: str = SCHEME

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values; `sha256` of it is reproducible from docs/digests.md."""
        return {
            "scheme": self.scheme,
            "sha256": self.sha256,
            "ordered": self.ordered,
            "rows": self.rows,
            "columns": [column.to_dict() for column in self.columns],
        }

    def to_body(self) -> dict[str, Any]:
        """The fields that evidence of kind `dataset` takes from a fingerprint."""
        return self.to_dict()

    def __repr__(self) -> str:
        order = "" if self.ordered else ", any row order"
        return (
            f"Fingerprint({self.sha256[:16]}…, {self.rows} rows × {len(self.columns)} "
            f"columns{order}, {self.scheme})"
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(c.name)}</td><td>{html.escape(c.type)}</td>"
            f"<td>{c.nulls}</td><td><code>{(c.sha256 or '–')[:16]}</code></td></tr>"
            for c in self.columns
        )
        return (
            f"<p><b>{html.escape(self.scheme)}</b> <code>{self.sha256}</code><br>"
            f"{self.rows} rows, {'in order' if self.ordered else 'in any order'}</p>"
            "<table><thead><tr><th>column</th><th>type</th><th>missing</th><th>SHA-256</th></tr>"
            f"</thead><tbody>{rows}</tbody></table>"
        )


def fingerprint(
    data: Any, *, ordered: bool = True, index: IndexRule = "auto", threads: int = _THREADS
) -> Fingerprint:
    """The SHA-256 digest of a whole table, the same whichever library holds it.

    data : pandas, polars, pyarrow, a DuckDB relation, NumPy, a mapping of columns, or a path to
        Parquet, CSV or Arrow (a folder of them is one table); files are streamed.
    ordered : False for a digest that any order of the same rows shares; it costs some
        microseconds and 32 bytes of memory a row.
    index : how a pandas index counts, see `tables.open_table`.
    Missing: null, None, NaN and NaT are the same missing value.
    Raises InputError for what is no table, duplicate column names, and columns that mix types.
    """
    table = open_table(data, index=index)
    hashers: list[ColumnHasher | None] = [None] * len(table.names)
    rows = 0
    row_parts: list[npt.NDArray[np.uint8]] = []
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        for batch in table.batches():
            tasks = [
                partial(_take, hashers, place, batch, table.names[place])
                for place in range(len(table.names))
            ]
            for _ in pool.map(lambda task: task(), tasks):
                pass
            if not ordered:
                row_parts.extend(batch_row_digests(batch))
            rows += batch.rows
    digests = [hasher or ColumnHasher("null", 0) for hasher in hashers]
    columns = tuple(
        ColumnDigest(name, hasher.type, hasher.hexdigest() if ordered else None, hasher.nulls)
        for name, hasher in zip(table.names, digests, strict=True)
    )
    header: dict[str, Any] = {"scheme": SCHEME, "ordered": ordered, "rows": rows}
    if ordered:
        header["columns"] = [{"name": c.name, "type": c.type, "sha256": c.sha256} for c in columns]
    else:
        header["columns"] = [{"name": c.name, "type": c.type} for c in columns]
        header["row_digests"] = _digest_of_rows(row_parts)
    return Fingerprint(_digest_of_header(header), rows, columns, ordered)


def _digest_of_rows(parts: list[npt.NDArray[np.uint8]]) -> str:
    import numpy as np

    every = np.concatenate(parts) if parts else np.empty((0, 32), np.uint8)
    return hashlib.sha256(sorted_rows(every).tobytes()).hexdigest()


def _take(hashers: list[ColumnHasher | None], place: int, batch: Batch, name: str) -> None:
    try:
        for chunk in chunks_of(batch.columns[place]()):
            hasher = hashers[place]
            if hasher is None:
                hasher = hashers[place] = hasher_for(chunk.type)
                hasher.arrow_type = chunk.type
            elif chunk.type != hasher.arrow_type:
                raise InputError(
                    "its type changes between batches",
                    got=str(chunk.type),
                    expected=str(hasher.arrow_type),
                )
            hasher.update(chunk)
    except InputError as error:
        if repr(name) in error.thing:
            raise
        raise InputError(
            f"column {name!r}: {error.thing}",
            got=error.got,
            expected=error.expected,
            next_step=error.next_step,
        ) from None


def _digest_of_header(header: dict[str, Any]) -> str:
    try:
        return hashlib.sha256(rfc8785.dumps(header)).hexdigest()
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        raise InputError(
            "a column name is not valid text", expected="names that can be written as UTF-8"
        ) from None
