"""Digests of single rows: the basis of the order-independent fingerprint, and of leakage.

A row digest is the SHA-256 of the row's canonical bytes, which docs/digests.md defines. Row
digests tell equal rows from different ones; because small rows can be guessed and hashed, they
are personal data where the rows are, and are never stored.
"""

from __future__ import annotations

import hashlib
import itertools
import struct
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from aims_mlops.measures.fingerprint.arrays import chunks_of, plain
from aims_mlops.measures.table.opening import open_table
from aims_mlops.measures.table.table import Batch, IndexRule

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

_SLICE_ROWS = 32_768  # bounds the memory that the rows' bytes take

_HERE, _MISSING = b"\x01", b"\x00"


def row_digests(
    data: Any, *, columns: Sequence[str] | None = None, index: IndexRule = "ignore"
) -> npt.NDArray[np.uint8]:
    """SHA-256 of every row, as an (n, 32) array of bytes in the order of the rows.

    columns : which columns count, in this order; all of them unless given.
    Raises InputError as `fingerprint` does.
    """
    import numpy as np

    table = open_table(data, index=index)
    if columns is not None:
        table = table.select(columns)
    parts = [part for batch in table.batches() for part in batch_row_digests(batch)]
    return np.concatenate(parts) if parts else np.empty((0, 32), np.uint8)


def sorted_rows(digests: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The digests in ascending order of their bytes."""
    import numpy as np

    words = np.ascontiguousarray(digests).view(">u8")
    order = np.argsort(words[:, 0].astype("u8"), kind="stable")
    first = words[order]
    tied = first[1:, 0] == first[:-1, 0]
    if (first[1:][tied] != first[:-1][tied]).any():  # equal in 64 bits, yet not equal
        order = np.lexsort(words.T[::-1])
    return digests[order]


def batch_row_digests(batch: Batch) -> Iterator[npt.NDArray[np.uint8]]:
    """Row digests of one batch, in slices."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if not batch.columns:
        empty = np.frombuffer(hashlib.sha256().digest(), np.uint8)
        yield np.tile(empty, (batch.rows, 1))
        return
    columns = [
        pa.chunked_array(list(chunks_of(column())) or [pa.nulls(0)]) for column in batch.columns
    ]
    for start in range(0, batch.rows, _SLICE_ROWS):
        cells: list[pa.Array] = []
        for column in columns:
            part = column.slice(start, _SLICE_ROWS)
            whole = part.chunk(0) if part.num_chunks == 1 else _joined(part)
            cells.extend(_cells(whole))
        separator = pa.scalar(b"", pa.large_binary())
        rows = pc.binary_join_element_wise(*cells, separator)
        offsets = np.frombuffer(rows.buffers()[1], "<i8")[rows.offset :][: len(rows) + 1].tolist()
        content = memoryview(rows.buffers()[2] or b"")
        sha256 = hashlib.sha256
        digests = b"".join(
            [sha256(content[begin:end]).digest() for begin, end in itertools.pairwise(offsets)]
        )
        yield np.frombuffer(digests, np.uint8).reshape(-1, 32)


def _joined(column: pa.ChunkedArray) -> pa.Array:
    import pyarrow as pa

    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0)


def _cells(array: pa.Array) -> list[pa.Array]:
    """Arrays of bytes whose row-wise concatenation is the cell: 00, or 01 and the value."""
    import numpy as np
    import pyarrow as pa

    types = pa.types
    kind = array.type
    count = len(array)
    if types.is_null(kind):
        return [_binary(np.zeros((count, 1), np.uint8), None)]
    if types.is_nested(kind):
        return [pa.array(map(_nested_cell, _values(array)), pa.large_binary())]
    missing = array.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    if _is_text(kind):
        binary = array.cast(pa.large_binary()).fill_null(b"")
        lengths = np.diff(np.frombuffer(binary.buffers()[1], "<i8")[binary.offset :][: count + 1])
        return [_fixed(lengths.astype("<u4"), missing), binary]
    return [_fixed(_numbers(array), missing)]


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    )


def _numbers(array: pa.Array) -> npt.NDArray[Any]:
    """Fixed-width values as the column digest writes them; times as microseconds and rest."""
    import numpy as np
    import pyarrow as pa

    types = pa.types
    kind = array.type
    if types.is_boolean(kind):
        return np.asarray(array.fill_null(False).cast(pa.uint8()))
    if types.is_decimal(kind):
        wide = array.cast(pa.decimal256(76, kind.scale))
        return np.frombuffer(wide.buffers()[1], "V32")[wide.offset :][: len(wide)]
    width = kind.bit_width // 8
    if types.is_temporal(kind) and not types.is_date(kind):
        values = np.frombuffer(array.buffers()[1], f"<i{width}")[array.offset :][: len(array)]
        return _moments(values.astype("<i8"), kind.unit)
    letter = "f" if types.is_floating(kind) else "u" if str(kind).startswith("u") else "i"
    values = np.frombuffer(array.buffers()[1], f"<{letter}{width}")[array.offset :][: len(array)]
    return values + values.dtype.type(0) if letter == "f" else values


def _moments(values: npt.NDArray[np.int64], unit: str) -> npt.NDArray[Any]:
    import numpy as np

    found = np.zeros(len(values), dtype=[("us", "<i8"), ("ns", "<u2")])
    if unit == "ns":
        found["us"] = values // 1000
        found["ns"] = values - found["us"] * 1000
    else:
        found["us"] = values * {"us": 1, "ms": 1000, "s": 1_000_000}[unit]
    return found


def _fixed(values: npt.NDArray[Any], missing: npt.NDArray[np.bool_]) -> pa.Array:
    """Each value's bytes behind 01, or 00 alone where it is missing."""
    import numpy as np

    width = values.dtype.itemsize
    cells = np.empty((len(values), 1 + width), np.uint8)
    cells[:, 0] = 1
    cells[:, 1:] = np.ascontiguousarray(values).view(np.uint8).reshape(-1, width)
    return _binary(cells, missing if missing.any() else None)


def _binary(cells: npt.NDArray[np.uint8], missing: npt.NDArray[np.bool_] | None) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    count, width = cells.shape
    offsets = np.arange(count + 1, dtype="<i8") * width
    content = cells.reshape(-1)
    if missing is not None:
        kept = np.ones(cells.shape, bool)
        kept[missing, 1:] = False
        cells[missing, 0] = 0
        content = content[kept.reshape(-1)]
        offsets[1:] = np.cumsum(np.where(missing, 1, width))
    return pa.Array.from_buffers(
        pa.large_binary(), count, [None, pa.py_buffer(offsets), pa.py_buffer(content)]
    )


def _values(array: pa.Array) -> Iterator[Any]:
    """Nested cells as (kind, children) trees of bytes; slow, and only for nested columns."""
    import pyarrow as pa

    array = plain(array)
    if pa.types.is_struct(array.type):
        names = [array.type.field(place).name for place in range(array.type.num_fields)]
        by_name = sorted(zip(names, array.flatten(), strict=True), key=lambda f: f[0].encode())
        fields = [list(_values(child)) for _, child in by_name]
        present = array.is_valid().to_pylist()
        for row, here in enumerate(present):
            yield [field[row] for field in fields] if here else None
        return
    if pa.types.is_nested(array.type):
        import pyarrow.compute as pc

        items = _values(pc.list_flatten(array))
        for length in pc.list_value_length(array).to_pylist():
            if length is None:
                yield None
            else:
                yield (struct.pack("<I", length), [next(items) for _ in range(length)])
        return
    for cell in zip(*(part.to_pylist() for part in _cells(array)), strict=True):
        yield b"".join(cell)


def _nested_cell(value: Any) -> bytes:
    if value is None:
        return _MISSING
    if isinstance(value, bytes):
        return value
    if isinstance(value, tuple):
        length, items = value
        return b"".join((_HERE, length, *map(_nested_cell, items)))
    return _HERE + b"".join(map(_nested_cell, value))
