"""The digest of one column, of scheme aims-table-v1; docs/digests.md defines it.

A column's values are written as byte streams whose bytes do not depend on how the rows are cut
into batches, and each stream is hashed with SHA-256 as it passes.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import rfc8785

from aims_mlops.errors import InputError
from aims_mlops.measures.fingerprint.arrays import fixed_width, missing_of, offsets_of, plain

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

SCHEME = "aims-table-v1"

_SLICE_ROWS = 131_072  # keeps the working copies of a column in the processor's cache
_LONGEST = 2**32 - 1  # bytes of one text, items of one list: lengths are written in 32 bits


class ColumnHasher:
    """Running digest of a column; a subclass per physical layout fills `_streams`.

    `rows` and `nulls` count what has passed; a NaN in a float column is a null.
    """

    def __init__(self, type_name: str, streams: int) -> None:
        self.type_name = type_name
        self.rows = 0
        self.nulls = 0
        self.arrow_type: Any = None  # of the batches so far, where somebody keeps watch
        self._streams = [hashlib.sha256() for _ in range(streams + 1)]  # null rows come first

    def update(self, array: pa.Array) -> None:
        """Take the next rows, normalised by `plain`."""
        for start in range(0, len(array), _SLICE_ROWS):
            part = array.slice(start, _SLICE_ROWS)
            missing = self._add(part)
            if missing is not None:
                places = missing.nonzero()[0].astype("<u8") + self.rows
                self.nulls += len(places)
                self._streams[0].update(places.data)
            self.rows += len(part)

    def _add(self, part: pa.Array) -> npt.NDArray[np.bool_] | None:
        """Hash the values and return which rows are missing, None for no row."""
        return missing_of(part)

    @property
    def type(self) -> str:
        """The logical type; a column without any value is of type null."""
        return "null" if self.nulls == self.rows else self.type_name

    def digests(self) -> list[str]:
        """The hex digests of the streams, in the order of the definition."""
        return [stream.hexdigest() for stream in self._streams]

    def hexdigest(self) -> str:
        """The column's SHA-256 over its type, counts and stream digests."""
        header: dict[str, Any] = {
            "scheme": SCHEME,
            "type": self.type,
            "rows": self.rows,
            "nulls": self.nulls,
            "streams": [] if self.type == "null" else self.digests(),
        }
        return hashlib.sha256(rfc8785.dumps(header)).hexdigest()


class _Numbers(ColumnHasher):
    """Integers, booleans, dates and float numbers: little-endian, a missing one as zero bytes."""

    def __init__(self, type_name: str, dtype: str) -> None:
        super().__init__(type_name, 1)
        self._dtype = dtype

    def _add(self, part: pa.Array) -> npt.NDArray[np.bool_] | None:
        import numpy as np

        missing = missing_of(part)
        if self._dtype == "bool":
            import pyarrow as pa

            values = part.cast(pa.uint8()) if missing is None else part.fill_null(False)
            values = np.asarray(values.cast(pa.uint8()))
            self._streams[1].update(values.data)
            return missing
        values = fixed_width(part, self._dtype)
        if self._dtype.startswith("<f"):
            values = values + values.dtype.type(0)  # -0.0 becomes 0.0
            nan = np.isnan(values)
            if nan.any():
                missing = nan if missing is None else nan | missing
        if missing is not None:
            values = np.where(missing, values.dtype.type(0), values)
        self._streams[1].update(values.data)
        return missing


class _Moments(ColumnHasher):
    """Times as whole microseconds, and the nanoseconds left over where there are some."""

    def __init__(self, type_name: str, unit: str, dtype: str) -> None:
        super().__init__(type_name, 2)
        self._unit = unit
        self._dtype = dtype

    def _add(self, part: pa.Array) -> npt.NDArray[np.bool_] | None:
        import numpy as np

        missing = missing_of(part)
        values = fixed_width(part, self._dtype).astype("<i8", copy=False)
        if missing is not None:
            values = np.where(missing, 0, values)
        if self._unit == "ns":
            values, left = self._split(values)
            rows = left.nonzero()[0]
            if len(rows):
                rest = np.empty(len(rows), dtype=[("row", "<u8"), ("ns", "<u2")])
                rest["row"] = rows + self.rows
                rest["ns"] = left[rows]
                self._streams[2].update(rest.tobytes())
        elif self._unit != "us":
            factor = 1000 if self._unit == "ms" else 1_000_000
            if len(values) and max(abs(int(values.min())), int(values.max())) > 2**63 // factor - 1:
                raise InputError(
                    "a time lies outside what 64 bits of microseconds hold",
                    expected="years between -290,000 and 290,000",
                )
            values = values * factor
        self._streams[1].update(values.data)
        return missing

    @staticmethod
    def _split(values: Any) -> tuple[Any, Any]:
        whole = values // 1000
        return whole, values - whole * 1000


class _Texts(ColumnHasher):
    """Text and bytes: a length in 32 bits per row, then the bytes of all rows."""

    def __init__(self, type_name: str) -> None:
        super().__init__(type_name, 2)

    def _add(self, part: pa.Array) -> npt.NDArray[np.bool_] | None:
        import numpy as np

        missing = missing_of(part)
        offsets = offsets_of(part)
        lengths = np.diff(offsets)
        if missing is not None and lengths[missing].any():  # bytes behind a null do not count
            empty = "" if self.type_name == "utf8" else b""
            part = part.fill_null(empty)
            offsets = offsets_of(part)
            lengths = np.diff(offsets)
        if len(lengths) and int(lengths.max()) > _LONGEST:
            raise InputError("a value is longer than 4 GiB", expected="shorter texts")
        self._streams[1].update(lengths.astype("<u4", copy=False).data)
        data = part.buffers()[2]
        if data is not None and offsets[-1] > offsets[0]:
            self._streams[2].update(memoryview(data)[int(offsets[0]) : int(offsets[-1])])
        return missing


class _Decimals(ColumnHasher):
    """Decimals of one scale as 256-bit two's complement integers."""

    def __init__(self, type_name: str, scale: int) -> None:
        super().__init__(type_name, 1)
        self._scale = scale

    def _add(self, part: pa.Array) -> npt.NDArray[np.bool_] | None:
        import numpy as np
        import pyarrow as pa

        missing = missing_of(part)
        wide = part.cast(pa.decimal256(76, self._scale))
        values = np.frombuffer(wide.buffers()[1], dtype="V32")
        values = values[wide.offset : wide.offset + len(wide)]
        if missing is not None:
            values = values.copy()
            values[missing] = bytes(32)
        self._streams[1].update(values.tobytes())
        return missing


class _Lists(ColumnHasher):
    """Lists and vectors: a length in 32 bits per row; the items of all rows are a column."""

    def __init__(self, item: ColumnHasher) -> None:
        super().__init__("list", 1)
        self._item = item

    @property
    def type(self) -> str:
        return "null" if self.nulls == self.rows else f"list<{self._item.type}>"

    def digests(self) -> list[str]:
        return [*super().digests(), self._item.hexdigest()]

    def _add(self, part: pa.Array) -> npt.NDArray[np.bool_] | None:
        import numpy as np
        import pyarrow.compute as pc

        missing = missing_of(part)
        lengths = np.asarray(pc.fill_null(pc.list_value_length(part), 0))
        self._streams[1].update(lengths.astype("<u4").data)
        self._item.update(plain(pc.list_flatten(part)))
        return missing


class _Structs(ColumnHasher):
    """Records: each field is a column; a missing record is missing in each of them.

    Fields go by name, because Python records in another order would else give another digest.
    """

    def __init__(self, fields: dict[str, ColumnHasher]) -> None:
        super().__init__("struct", 0)
        self._fields = {name: fields[name] for name in sorted(fields, key=str.encode)}

    @property
    def type(self) -> str:
        if self.nulls == self.rows:
            return "null"
        inner = ",".join(
            rfc8785.dumps(name).decode() + ":" + field.type for name, field in self._fields.items()
        )
        return f"struct<{inner}>"

    def digests(self) -> list[str]:
        return [*super().digests(), *(field.hexdigest() for field in self._fields.values())]

    def _add(self, part: pa.Array) -> npt.NDArray[np.bool_] | None:
        for place, child in enumerate(part.flatten()):
            self._fields[part.type.field(place).name].update(plain(child))
        return missing_of(part)


def hasher_for(kind: pa.DataType) -> ColumnHasher:
    """A hasher for a type that `plain` returns; InputError for one without a definition."""
    import pyarrow as pa

    types = pa.types
    if types.is_null(kind):
        return ColumnHasher("null", 0)
    if types.is_boolean(kind):
        return _Numbers("bool", "bool")
    if types.is_integer(kind):
        letter = "u" if str(kind).startswith("u") else "i"
        return _Numbers(str(kind), f"<{letter}{kind.bit_width // 8}")
    if types.is_floating(kind):
        return _Numbers(f"float{kind.bit_width}", f"<f{kind.bit_width // 8}")
    if types.is_date(kind):
        return _Numbers("date", "<i4")
    if types.is_timestamp(kind):
        return _Moments("timestamp[utc]" if kind.tz else "timestamp", kind.unit, "<i8")
    if types.is_duration(kind):
        return _Moments("duration", kind.unit, "<i8")
    if types.is_time(kind):
        return _Moments("time", kind.unit, f"<i{kind.bit_width // 8}")
    if types.is_string(kind) or types.is_large_string(kind):
        return _Texts("utf8")
    if types.is_binary(kind) or types.is_large_binary(kind):
        return _Texts("binary")
    if types.is_decimal(kind):
        return _Decimals(f"decimal[{kind.scale}]", kind.scale)
    return _nested_hasher_for(kind)


def _nested_hasher_for(kind: pa.DataType) -> ColumnHasher:
    import pyarrow as pa

    types = pa.types
    if (
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
        or types.is_list_view(kind)
        or types.is_large_list_view(kind)
    ):
        return _Lists(hasher_for(_plain_type(kind.value_type)))
    if types.is_struct(kind):
        fields = [kind.field(place) for place in range(kind.num_fields)]
        if len({field.name for field in fields}) < len(fields):
            raise InputError("a record has two fields of one name", expected="distinct names")
        return _Structs({field.name: hasher_for(_plain_type(field.type)) for field in fields})
    raise InputError(
        "a column has a type that the fingerprint does not define",
        got=str(kind),
        expected="numbers, text, bytes, booleans, times, decimals, lists or structs of these",
    )


def _plain_type(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    return plain(pa.array([], type=kind)).type
