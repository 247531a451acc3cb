"""A table as Arrow arrays, column by column and batch by batch; `opening` makes them.

A NaN in a float column is left as it is: readers of these arrays treat it as missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from aims_mlops.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

IndexRule = Literal["auto", "ignore", "count"]

BATCH_ROWS = 131_072  # rows read at once from a file or a stream


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows; `columns[i]()` converts column i when it is called, on any thread."""

    rows: int
    columns: tuple[Callable[[], pa.Array | pa.ChunkedArray], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table that can be read: names in order, then `batches()`.

    `source` is the kind of input in one word; `integers` are the integer columns, where the
    schema tells. A stream (a record batch reader) can be read once, everything else as often as
    wanted. `narrow` gives batches of some columns where the others need not be read for that.
    `texts` are columns of text that may come as dictionaries though nobody made them categories.
    """

    source: str
    names: tuple[str, ...]
    batches: Callable[[], Iterator[Batch]]
    integers: frozenset[str] = frozenset()
    narrow: Callable[[tuple[str, ...]], Callable[[], Iterator[Batch]]] | None = None
    texts: frozenset[str] = frozenset()

    def select(self, columns: Sequence[str]) -> Table:
        """The same rows with these columns; InputError for a column that is not there."""
        unknown = [name for name in columns if name not in self.names]
        if unknown:
            raise InputError(
                f"columns that the table does not have: {', '.join(map(repr, unknown[:5]))}",
                expected=f"some of its {len(self.names)} columns",
            )
        if self.narrow is not None:
            return replace(self, names=tuple(columns), batches=self.narrow(tuple(columns)))
        places = [self.names.index(name) for name in columns]

        def batches() -> Iterator[Batch]:
            for batch in self.batches():
                yield Batch(batch.rows, tuple(batch.columns[place] for place in places))

        return replace(self, names=tuple(columns), batches=batches)


def of_schema(
    source: str,
    schema: pa.Schema,
    batches: Callable[[], Iterator[Batch]],
    narrow: Callable[[tuple[str, ...]], Callable[[], Iterator[Batch]]] | None = None,
) -> Table:
    """A table whose names and types an Arrow schema tells."""
    import pyarrow as pa

    integers = frozenset(field.name for field in schema if pa.types.is_integer(field.type))
    return Table(source, tuple(schema.names), batches, integers, narrow)


def arrow_batch(data: pa.RecordBatch | pa.Table) -> Batch:
    """A record batch or a whole Arrow table as one batch."""

    def column(place: int) -> Callable[[], pa.Array | pa.ChunkedArray]:
        return lambda: data.column(place)

    return Batch(data.num_rows, tuple(column(place) for place in range(data.num_columns)))
