"""Arrow arrays as the floats that drift is measured on."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aims_mlops.measures.drift.samples.sample import Floats

EXACT_INTEGERS = 2**53 - 1  # above, floats cannot tell neighbours apart
_TICKS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}  # per second


def family_of(arrow_type: pa.DataType) -> str:
    """The family of types between which a column may change without being retyped."""
    if pa.types.is_dictionary(arrow_type):
        arrow_type = arrow_type.value_type
    checks = pa.types
    if checks.is_null(arrow_type):
        return "empty"
    if checks.is_boolean(arrow_type):
        return "boolean"
    if (
        checks.is_integer(arrow_type)
        or checks.is_floating(arrow_type)
        or checks.is_decimal(arrow_type)
        or checks.is_duration(arrow_type)
    ):
        return "number"
    if (
        checks.is_string(arrow_type)
        or checks.is_large_string(arrow_type)
        or checks.is_string_view(arrow_type)
    ):
        return "text"
    if checks.is_timestamp(arrow_type):
        return "time" if arrow_type.tz is None else "zoned time"
    if checks.is_date(arrow_type):
        return "time"
    if (
        checks.is_list(arrow_type)
        or checks.is_large_list(arrow_type)
        or checks.is_fixed_size_list(arrow_type)
    ) and family_of(arrow_type.value_type) == "number":
        return "vector"
    return str(arrow_type)


def numbers(array: pa.Array | pa.ChunkedArray) -> Floats:
    """Values of a numeric column without its nulls; NaN and infinities stay."""
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if array.null_count:
        array = array.drop_null()
    if pa.types.is_decimal(array.type):
        array = array.cast(pa.float64())
    elif pa.types.is_duration(array.type):
        return _ticks(array)
    values: Floats = array.to_numpy().astype(np.float64, copy=False)
    return values


def beyond_floats(array: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray | None:
    """The integers above 2^53 in size, which floats cannot tell apart; None where there is none."""
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if not (pa.types.is_int64(array.type) or pa.types.is_uint64(array.type)):
        return None
    bounds = pc.min_max(array).as_py()
    if bounds["min"] is None or max(-bounds["min"], bounds["max"]) <= EXACT_INTEGERS:
        return None
    large = pc.greater(array, EXACT_INTEGERS)
    if pa.types.is_int64(array.type):
        large = pc.or_(large, pc.less(array, -EXACT_INTEGERS))
    return array.filter(large)


def seconds(array: pa.Array | pa.ChunkedArray) -> Floats:
    """Times without their nulls as seconds since 1970-01-01 UTC; zoned times are instants."""
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if array.null_count:
        array = array.drop_null()
    if pa.types.is_date(array.type):
        array = array.cast(pa.timestamp("ms"))
    return _ticks(array)


def _ticks(array: pa.Array | pa.ChunkedArray) -> Floats:
    ticks: Floats = array.cast(pa.int64()).to_numpy() / _TICKS[array.type.unit]
    return ticks


def vectors(array: pa.Array | pa.ChunkedArray, width: int | None) -> tuple[Floats, str | None]:
    """(rows, components) of a column of vectors without its nulls, and what is wrong with it."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if array.null_count:
        array = array.drop_null()
    nothing = np.empty((0, width or 0))
    if not len(array):
        return nothing, None
    lengths = pc.unique(pc.list_value_length(array)).to_pylist()
    if len(lengths) > 1 or (width is not None and lengths[0] != width):
        return nothing, "its vectors differ in length"
    flat = array.flatten()
    if flat.null_count:
        return nothing, "some of its vectors have missing components"
    values = flat.cast(pa.float64()).to_numpy().reshape(len(array), lengths[0])
    if not np.isfinite(values).all():
        return nothing, "some of its vectors have components that are not finite"
    return values, None
