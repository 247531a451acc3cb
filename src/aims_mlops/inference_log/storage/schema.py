"""One type for each column of a system's log, whatever a batch brings.

Readers of many files want one schema. The first values of a column say what it is; that is kept
beside the files in `_columns.json`. Numbers are doubles, whole numbers among predictions stay
whole. What does not fit later is null in its column, told, and kept as it was in the column
`retyped` of its row, as JSON.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from aims_mlops.inference_log.storage.layout import Folder

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = "aims-inference-columns/1"
Kind = Literal["number", "integer", "text", "boolean", "time", "numbers", "json"]
_KINDS = ("number", "integer", "text", "boolean", "time", "numbers", "json")


class Shape:
    """The kinds of a system's columns; `retyped` counts rows that did not fit, by column."""

    def __init__(self, kinds: Mapping[str, Kind] | None = None) -> None:
        self.kinds: dict[str, Kind] = {"score": "number", **(kinds or {})}
        self.retyped: Counter[str] = Counter()
        self._lock = threading.Lock()

    @classmethod
    def load(cls, folder: Folder, system: str) -> Shape:
        """As it is kept beside the files; empty for a log that begins. Raises OSError."""
        content = folder.get(_place(system))
        if content is None:
            return cls()
        try:
            said = json.loads(content)["columns"]
            return cls({str(n): k for n, k in said.items() if k in _KINDS})
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls()  # the next values say it again

    def save(self, folder: Folder, system: str) -> None:
        """Keep it beside the files, with what another process has added since."""
        other = Shape.load(folder, system)
        self.kinds = {**self.kinds, **other.kinds}
        content = {"format": FORMAT, "columns": self.kinds}
        folder.put(_place(system), json.dumps(content, indent=1, sort_keys=True).encode())

    def fit(
        self,
        name: str,
        values: pa.Array | Sequence[Any],
        odd: dict[int, dict[str, Any]],
        *,
        whole: bool = False,
    ) -> pa.Array:
        """Values as an array of the column's type.

        odd : row -> column -> value; what does not fit is put there.  whole : whole numbers stay.
        """
        import pyarrow as pa

        array = _array(values)
        kind = None if array is None else _kind_of(array.type, whole=whole)
        if array is not None and kind is None and array.null_count == len(array):
            wanted = self.kinds.get(name)
            return pa.nulls(len(array), pa.null() if wanted is None else arrow_type(wanted))
        with self._lock:
            wanted = self.kinds.setdefault(name, kind or _first_kind(values, whole=whole))
        if array is not None and _fits(kind, wanted):
            try:
                return _cast(array, wanted)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                pass  # one by one, then
        return self._one_by_one(name, array.to_pylist() if array is not None else values, odd)

    def _one_by_one(
        self, name: str, values: Sequence[Any], odd: dict[int, dict[str, Any]]
    ) -> pa.Array:
        import pyarrow as pa

        wanted = self.kinds[name]
        kept: list[Any] = []
        for row, value in enumerate(values):
            try:
                fitting = _fitting(value, wanted)
            except (TypeError, ValueError, OverflowError):
                fitting = None
                odd.setdefault(row, {})[name] = _json_value(value)
                self.retyped[name] += 1
            kept.append(fitting)
        return pa.array(kept, arrow_type(wanted))


def arrow_type(kind: Kind) -> Any:
    """The Arrow type of a kind."""
    import pyarrow as pa

    return {
        "number": pa.float64(),
        "integer": pa.int64(),
        "text": pa.string(),
        "boolean": pa.bool_(),
        "time": pa.timestamp("us", tz="UTC"),
        "numbers": pa.list_(pa.float64()),
        "json": pa.string(),
    }[kind]


def _place(system: str) -> str:
    return f"system={system}/_columns.json"


def _array(values: Any) -> Any:
    """As Arrow; None if the values are of more than one type."""
    import pyarrow as pa

    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pa.Array):
        return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowNotImplementedError, ValueError, TypeError, OverflowError):
        return None


def _kind_of(kind: Any, *, whole: bool) -> Kind | None:
    """The kind of an Arrow type; None where nothing is known of the values."""
    import pyarrow.types as pt

    if pt.is_null(kind):
        return None
    if pt.is_boolean(kind):
        return "boolean"
    if pt.is_integer(kind):
        return "integer" if whole else "number"
    if pt.is_floating(kind) or pt.is_decimal(kind):
        return "number"
    if pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind):
        return "text"
    if pt.is_timestamp(kind) or pt.is_date(kind):
        return "time"
    if (pt.is_list(kind) or pt.is_fixed_size_list(kind) or pt.is_large_list(kind)) and (
        pt.is_floating(kind.value_type) or pt.is_integer(kind.value_type)
    ):
        return "numbers"
    return "json"


def _first_kind(values: Any, *, whole: bool) -> Kind:
    for value in values:
        if value is not None:
            array = _array([value])
            return (None if array is None else _kind_of(array.type, whole=whole)) or "json"
    return "json"


def _fits(kind: Kind | None, wanted: Kind) -> bool:
    return kind == wanted or {kind, wanted} == {"integer", "number"}


def _cast(array: pa.Array, wanted: Kind) -> pa.Array:
    import pyarrow as pa

    if wanted == "json":
        return pa.array([as_json(value) for value in array.to_pylist()], pa.string())
    if wanted == "time" and pa.types.is_timestamp(array.type) and array.type.tz is None:
        array = array.cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))
    return array.cast(arrow_type(wanted), safe=True)


def _fitting(value: Any, wanted: Kind) -> Any:
    """A lone value as the kind; raises TypeError, ValueError or OverflowError."""
    from aims_mlops.inference_log.storage.hashing import is_missing

    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    if is_missing(value):
        return None
    if wanted == "json":
        return as_json(value)
    if wanted in ("number", "integer"):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError
        if wanted == "integer" and int(value) != value:
            raise ValueError
        if abs(value) >= 2**63 if wanted == "integer" else _is_beyond_doubles(value):
            raise OverflowError
        return float(value) if wanted == "number" else int(value)
    array = _array([value])
    kind = None if array is None else _kind_of(array.type, whole=False)
    if kind != wanted:
        raise TypeError
    return _cast(array, wanted).to_pylist()[0]


def _is_beyond_doubles(value: float) -> bool:
    """Whether a whole number has no double of its own."""
    return isinstance(value, int) and abs(value) > 2**53


def as_json(value: Any) -> str | None:
    """A value as JSON text that can be written in UTF-8."""
    if value is None:
        return None
    text = json.dumps(_json_value(value), ensure_ascii=False, sort_keys=True)
    return text.encode("utf-8", "backslashreplace").decode()


def _json_value(value: Any) -> Any:
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        return str(value)
