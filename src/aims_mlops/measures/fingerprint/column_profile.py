"""Running counts and a systematic sample of one column, for the profile."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aims_mlops.evidence.personal import looks_personal
from aims_mlops.measures.fingerprint.arrays import chunks_of
from aims_mlops.measures.fingerprint.column_digest import hasher_for

if TYPE_CHECKING:
    import pyarrow as pa

_SLICE_ROWS = 32_768  # keeps working copies in the processor's cache
_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


class Moments:
    """Count, mean and squared deviation of numbers that come in parts (Chan et al. 1979)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self.squares = 0.0

    def update(self, values: Any) -> None:
        """Take a NumPy array of finite numbers."""
        for start in range(0, len(values), _SLICE_ROWS):
            self._add(values[start : start + _SLICE_ROWS].astype("f8"))

    def _add(self, values: Any) -> None:
        count = len(values)
        mean = float(values.mean())
        values -= mean
        values *= values  # in place, and not as a dot product, whose threads would spin
        total = self.count + count
        gap = mean - self.mean
        self.squares += float(values.sum()) + gap * gap * self.count * count / total
        self.mean += gap * count / total
        self.count = total

    @property
    def std(self) -> float | None:
        """Sample standard deviation (n - 1); None for fewer than two numbers."""
        return math.sqrt(self.squares / (self.count - 1)) if self.count > 1 else None


class ColumnSummary:
    """What the profile says of one column; `sample_rows` bounds the memory."""

    def __init__(self, sample_rows: int) -> None:
        self._sample_rows = sample_rows
        self._step = 1  # every step-th row is in the sample; a power of two
        self._kept: list[Any] = []
        self._rows = 0
        self._nulls = 0
        self._type = "null"
        self._of: str | None = None
        self._infinite = 0
        self._zeros = 0
        self._true = 0
        self._moments = Moments()

    def update(self, column: Callable[[], pa.Array | pa.ChunkedArray]) -> None:
        """Take the next rows."""
        for chunk in chunks_of(column()):
            self._add(chunk)

    def _add(self, array: pa.Array) -> None:
        import pyarrow as pa

        kind = array.type
        if pa.types.is_floating(kind) or pa.types.is_integer(kind):
            self._of = "values"
            self._add_numbers(array)
        else:
            self._nulls += array.null_count
            if pa.types.is_boolean(kind):
                self._true += array.true_count
            elif _is_text(kind):
                self._of = "lengths"
                self._add_lengths(array)
            if not pa.types.is_nested(kind):
                self._keep(array)
        if self._nulls < self._rows + len(array):
            self._type = hasher_for(kind).type_name if not pa.types.is_nested(kind) else str(kind)
        self._rows += len(array)

    def _add_numbers(self, array: pa.Array) -> None:
        import numpy as np

        integers = array.type.bit_width if str(array.type).lstrip("u").startswith("int") else 0
        if array.null_count and integers:
            sampled = array
            values = array.drop_null().to_numpy()
        else:
            values = array.to_numpy(zero_copy_only=False)
            sampled = values
        self._keep(sampled)
        if integers:
            self._nulls += array.null_count
            present = values
        else:
            finite = np.isfinite(values)
            if finite.all():
                present = values
            else:
                missing = int(np.isnan(values).sum())
                self._nulls += missing
                present = values[finite]
                self._infinite += len(values) - missing - len(present)
        self._zeros += len(present) - int(np.count_nonzero(present))
        with np.errstate(over="ignore", invalid="ignore"):  # float64 overflow shows as no mean
            self._moments.update(present)

    def _add_lengths(self, array: pa.Array) -> None:
        import numpy as np
        import pyarrow.compute as pc

        lengths = np.asarray(pc.binary_length(array).drop_null())
        self._zeros += len(lengths) - int(np.count_nonzero(lengths))
        self._moments.update(lengths)

    def _keep(self, rows: Any) -> None:
        """Add every step-th row to the sample, thinning it when it outgrows its bound."""
        first = -self._rows % self._step
        part = rows[first :: self._step] if self._step > 1 else rows
        if len(part):
            self._kept.append(part)
        while sum(map(len, self._kept)) > self._sample_rows:
            self._step *= 2
            self._kept = [_joined(self._kept)[::2]]

    def result(self, fewest: int) -> dict[str, Any]:
        """The fields of a ColumnProfile but its name; `fewest` rows go into each figure."""
        nested = self._type.startswith(("list", "large_list", "fixed_size", "struct", "map"))
        fields: dict[str, Any] = {"type": self._type, "nulls": self._nulls, "sampled": 0}
        if nested or self._type == "null":
            return fields
        sample = _joined(self._kept)
        fields["sampled"] = len(sample)
        numbers, fields["distinct"] = _sorted_and_distinct(sample, self._of)
        if self._type == "bool":
            fields["true"] = self._true
        if self._of is None:
            return fields
        fields["of"] = self._of
        fields["zeros"] = self._zeros
        if self._of == "values":
            fields["infinite"] = self._infinite
        quantiles = _quantiles(numbers, fewest)
        if _tell_personal([self._moments.mean, *quantiles.values()]):
            return fields  # a quantile can be the number of one row, and the mean that of all
        if self._moments.count >= fewest and math.isfinite(self._moments.mean):
            fields["mean"] = self._moments.mean
            std = self._moments.std
            fields["std"] = std if std is not None and math.isfinite(std) else None
        fields["quantiles"] = quantiles or None
        return fields


def _tell_personal(figures: list[float]) -> bool:
    """Whether one of the figures has the form of a card or another number about a person."""
    whole = (figure for figure in figures if math.isfinite(figure) and figure.is_integer())
    return any(looks_personal(str(int(figure))) for figure in whole)


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    tests = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_binary,
        pa.types.is_large_binary,
    )
    return any(test(kind) for test in tests)


def _joined(parts: list[Any]) -> Any:
    import numpy as np
    import pyarrow as pa

    if len(parts) == 1:
        return parts[0]
    if any(isinstance(part, pa.Array) for part in parts):
        return pa.concat_arrays([p if isinstance(p, pa.Array) else pa.array(p) for p in parts])
    return np.concatenate(parts)


def _sorted_and_distinct(sample: Any, of: str | None) -> tuple[Any, int]:
    """Sorted finite numbers (or text lengths) of the sample, and its different values."""
    import numpy as np
    import pyarrow.compute as pc

    if of != "values":
        distinct = int(pc.count_distinct(sample).as_py())
        if of is None:
            return None, distinct
        return np.sort(np.asarray(pc.binary_length(sample).drop_null())), distinct
    values = sample if isinstance(sample, np.ndarray) else sample.drop_null().to_numpy()
    values = np.sort(values)  # NaN goes last
    if values.dtype.kind == "f":
        values = values[: len(values) - int(np.isnan(values).sum())]
    distinct = int(np.count_nonzero(values[1:] != values[:-1])) + bool(len(values))
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return values, distinct


def _quantiles(values: Any, fewest: int) -> dict[str, float]:
    """Quantiles by linear interpolation that have at least `fewest` rows at or beyond them."""
    found: dict[str, float] = {}
    for share in _QUANTILES:
        if min(share, 1 - share) * len(values) < fewest - 1e-9:
            continue
        place = share * (len(values) - 1)
        below = math.floor(place)
        low, high = float(values[below]), float(values[min(below + 1, len(values) - 1)])
        found[str(share)] = low + (high - low) * (place - below)
    return found
