"""Samples as bytes and back: what a profile keeps so that no reference data are needed later.

The blob is `AIMSREF1`, the length of a JSON index (8 bytes, little endian), the index, then the
arrays one after the other, little endian, each at the offset that the index gives from the end of
the index. The same samples always give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from aims_mlops.errors import VerificationError
from aims_mlops.measures.drift.samples.sample import (
    CategorySample,
    EmbeddingSample,
    Floats,
    NumericSample,
    Sample,
)

MEDIA_TYPE = "application/vnd.aims-mlops.reference-profile"
_MAGIC = b"AIMSREF1"


def label_digest(label: str) -> str:
    """16 hex digits that stand for a label: SHA-256 of `label:` and its text.

    A pseudonym, not a secret: whoever can guess a label can recognise it.
    """
    return hashlib.sha256(b"label:" + label.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def digested(sample: CategorySample) -> CategorySample:
    """The same counts under digests of the labels."""
    if sample.digested:
        return sample
    return CategorySample(
        counts={label_digest(label): rows for label, rows in sample.counts.items()},
        missing=sample.missing,
        infinite=sample.infinite,
        digested=True,
    )


class BlobWriter:
    """Collects arrays and gives the blob."""

    def __init__(self) -> None:
        self._index: dict[str, dict[str, Any]] = {}
        self._arrays: list[bytes] = []
        self._offset = 0

    def add(self, key: str, array: np.ndarray) -> None:
        """Keep an array of 32-bit or 64-bit floats, or of 64-bit integers."""
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        content = little.tobytes()
        self._index[key] = {"dtype": little.dtype.str, "size": little.size, "at": self._offset}
        self._arrays.append(content)
        self._offset += len(content)

    def add_text(self, key: str, text: str) -> None:
        """Keep ASCII text."""
        self.add(key, np.frombuffer(text.encode("ascii"), dtype="u1"))

    def finish(self) -> bytes:
        """The blob: an index in front of the arrays."""
        index = json.dumps(self._index, sort_keys=True, separators=(",", ":")).encode()
        return b"".join((_MAGIC, struct.pack("<Q", len(index)), index, *self._arrays))


class BlobReader:
    """Arrays of a blob; raises VerificationError for bytes that are no blob."""

    def __init__(self, blob: bytes) -> None:
        if blob[:8] != _MAGIC:
            raise VerificationError("the reference profile's blob is not one", got="other bytes")
        (length,) = struct.unpack("<Q", blob[8:16])
        self._index: Mapping[str, Any] = json.loads(blob[16 : 16 + length])
        self._blob = memoryview(blob)[16 + length :]

    def __contains__(self, key: str) -> bool:
        return key in self._index

    def get(self, key: str) -> np.ndarray:
        """The array of a key, in the machine's byte order."""
        entry = self._index[key]
        dtype = np.dtype(entry["dtype"])
        return np.frombuffer(self._blob, dtype, entry["size"], entry["at"]).astype(
            dtype.newbyteorder("="), copy=False
        )

    def text(self, key: str) -> str:
        """The text of a key."""
        return bytes(self.get(key)).decode("ascii")


def write_numbers(writer: BlobWriter, key: str, sample: NumericSample) -> None:
    """Keep sorted values; each once with its rows where that is shorter."""
    values, counts = sample.value_counts()
    if sample.counts is not None or 2 * values.size <= sample.n:
        writer.add(f"{key}/values", _stored(values, sample))
        writer.add(f"{key}/counts", counts.astype("<i8"))
    else:
        writer.add(f"{key}/values", _stored(sample.ordered, sample))


def _stored(values: Floats, sample: NumericSample) -> np.ndarray:
    values = values + 0.0  # -0.0 and 0.0 are equal, and sorted as they came
    return values.astype(np.float32) if sample.single else values


def read_numbers(reader: BlobReader, key: str, entry: Mapping[str, Any]) -> NumericSample:
    """The sample back, with what the body's entry says of it."""
    counted = f"{key}/counts" in reader
    return NumericSample(
        values=reader.get(f"{key}/values").astype(np.float64, copy=False),
        counts=reader.get(f"{key}/counts") if counted else None,
        **_facts(entry),
    )


def _facts(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "missing": entry["missing"],
        "infinite": entry["infinite"],
        "integer": entry["integer"],
        "single": entry["single"],
        "error": entry.get("error", 0.0),
        "deviation": entry["std"],
        "sorted": True,
    }


def read_points(entry: Mapping[str, Any]) -> NumericSample:
    """The sample of a compact profile, which keeps its points in the body."""
    return NumericSample(
        values=np.array(entry["values"], np.float64),
        counts=np.array(entry["counts"], np.int64),
        **_facts(entry),
    )


def samples_equal_form(first: Sample, second: Sample) -> bool:
    """Whether two samples can be held against each other."""
    for form in (NumericSample, CategorySample, EmbeddingSample):
        if isinstance(first, form):
            return isinstance(second, form)
    return False
