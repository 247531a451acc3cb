"""Arrow arrays as NumPy sees them: without encodings, with masks, values and offsets.

Buffers are read in place where they can be; slices, offsets and bit positions are minded here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa


def chunks_of(column: pa.Array | pa.ChunkedArray) -> Iterator[pa.Array]:
    """The column's arrays, one or many, each normalised by `plain`."""
    import pyarrow as pa

    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else (column,):
        yield plain(chunk)


def plain(array: pa.Array) -> pa.Array:
    """The same values without dictionary, run-end, view or extension encoding."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return plain(array.storage)
    if pa.types.is_dictionary(kind):
        return plain(array.dictionary_decode())
    if pa.types.is_run_end_encoded(kind):
        return plain(pc.run_end_decode(array))
    if pa.types.is_string_view(kind):
        return array.cast(pa.large_string())
    if pa.types.is_binary_view(kind):
        return array.cast(pa.large_binary())
    if pa.types.is_fixed_size_binary(kind):
        return array.cast(pa.binary())
    if pa.types.is_date64(kind):
        return array.cast(pa.date32())
    if pa.types.is_map(kind):
        entry = pa.struct([("key", kind.key_type), ("value", kind.item_type)])
        return array.cast(pa.list_(entry))
    if pa.types.is_interval(kind):
        return _duration_of_interval(array)
    return array


def _duration_of_interval(array: pa.Array) -> pa.Array:
    """Days and nanoseconds as a duration; a month has no fixed length, so it is refused."""
    import numpy as np
    import pyarrow as pa

    layout = np.dtype([("months", "<i4"), ("days", "<i4"), ("ns", "<i8")])
    if array.type != pa.month_day_nano_interval():
        raise InputError("a column holds calendar intervals", expected="durations")
    values = fixed_width(array, layout)  # type: ignore[arg-type]
    missing = missing_of(array)
    present = values if missing is None else values[~missing]
    if present["months"].any():
        raise InputError(
            "a column holds intervals of months, which have no fixed length",
            next_step="convert the column to days or seconds",
        )
    micros = values["days"].astype("i8") * 86_400_000_000 + values["ns"] // 1000
    if (present["ns"] % 1000).any():
        nanos = values["days"].astype("i8") * 86_400_000_000_000 + values["ns"]
        return pa.array(nanos, pa.duration("ns"), mask=missing)
    return pa.array(micros, pa.duration("us"), mask=missing)


def missing_of(part: pa.Array) -> npt.NDArray[np.bool_] | None:
    """Which rows are null, None for no row; read from the bitmap, which is ten times as fast."""
    import numpy as np

    if not part.null_count:
        return None
    bitmap = part.buffers()[0]
    if bitmap is None:  # the null type has none
        return np.ones(len(part), bool)
    first, bit = divmod(part.offset, 8)
    packed = np.frombuffer(bitmap, np.uint8)[first : first + (bit + len(part) + 7) // 8]
    valid = np.unpackbits(packed, bitorder="little")[bit : bit + len(part)]
    missing: npt.NDArray[np.bool_] = valid == 0
    return missing


def fixed_width(part: pa.Array, dtype: str) -> Any:
    """The values of an Arrow array of fixed width, without a copy."""
    import numpy as np

    if not len(part):
        return np.empty(0, dtype)
    return np.frombuffer(part.buffers()[1], dtype=dtype)[part.offset : part.offset + len(part)]


def offsets_of(part: pa.Array) -> Any:
    """The offsets of an Arrow array of variable width: one more than it has values."""
    import numpy as np
    import pyarrow as pa

    wide = pa.types.is_large_string(part.type) or pa.types.is_large_binary(part.type)
    buffer = part.buffers()[1]
    if buffer is None or not len(part):
        return np.zeros(1, "<i8")
    offsets = np.frombuffer(buffer, dtype="<i8" if wide else "<i4")
    return offsets[part.offset : part.offset + len(part) + 1]
