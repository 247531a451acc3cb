"""Reference profiles: what later batches are compared with, without the reference data at hand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from aims_mlops.errors import InputError, VerificationError
from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.measures.drift.methods.catalogue import SMALLEST_NORM, wasserstein
from aims_mlops.measures.drift.methods.choice import MethodNames, check_methods, methods_for
from aims_mlops.measures.drift.performance import RowScores, score_rows
from aims_mlops.measures.drift.reference_blob import (
    BlobReader,
    BlobWriter,
    digested,
    read_numbers,
    read_points,
    write_numbers,
)
from aims_mlops.measures.drift.samples.points import Points, compress, pool
from aims_mlops.measures.drift.samples.read_columns import ColumnRead, TableRead, read_columns
from aims_mlops.measures.drift.samples.sample import (
    CategorySample,
    EmbeddingSample,
    Kind,
    NumericSample,
    Sample,
)

Variant = Literal["exact", "compact"]

SCHEMA = "aims-mlops.reference-profile"
VERSION = 1
_COMPACT_POINTS = 512  # of a column; fewer if there are so many columns that `_VALUES` is short
_FEWEST_ROWS = 5  # that a point of a compact profile stands for
_LABELS_IN_BODY = 2_000  # beyond it they are in the blob; a compact profile refuses the column
_VALUES = 60_000  # points, and labels, of all columns together; a record has bounds


@dataclass(frozen=True)
class ReferenceProfile:
    """A reference as evidence: `body` is JSON values, `blob` the exact variant's sorted values.

    The body names rows, and by column the family, kind, role, rows with a value, missing and
    infinite ones, and the standard deviation; labels only as digests. The exact variant keeps
    sorted values in the blob (each row's value, but no rows: columns are sorted on their own);
    the compact one keeps at most 512 weighted points a column in the body, each standing for five
    rows or more, and has no blob.
    """

    body: Mapping[str, Any]
    blob: bytes | None = None

    @property
    def sha256(self) -> str:
        """Digest of the body, which names the blob by its own digest."""
        return str(self.body["sha256"])

    @property
    def rows(self) -> int:
        """How many rows the reference has."""
        return int(self.body["rows"])

    @property
    def variant(self) -> Variant:
        """Whether it is exact or binned."""
        return self.body["variant"]  # type: ignore[no-any-return]

    @property
    def methods(self) -> Any:
        """The methods pinned when the profile was built; None for the defaults."""
        return self.body["methods"]

    def to_body(self) -> dict[str, Any]:
        """The body of evidence of kind `reference-profile`."""
        return dict(self.body)

    @classmethod
    def from_body(cls, body: Mapping[str, Any], blob: bytes | None = None) -> ReferenceProfile:
        """The profile from stored evidence, checked against its digests.

        Raises VerificationError if the body or the blob is not what the digests say, InputError
        if the exact variant comes without its blob or is from a newer version.
        """
        if body.get("schema") != SCHEMA or body.get("version", 0) > VERSION:
            raise InputError(
                "not a reference profile that this version reads",
                got=f"schema {body.get('schema')!r} version {body.get('version')!r}",
                expected=f"{SCHEMA} version {VERSION} or lower",
            )
        if _digest(body) != body.get("sha256"):
            raise VerificationError("the reference profile's body does not have its digest")
        named = body["blob"]
        if named is not None:
            if blob is None:
                raise InputError(
                    "an exact reference profile needs its blob",
                    next_step=f"read blob {named['sha256'][:12]} from the evidence store",
                )
            if hashlib.sha256(blob).hexdigest() != named["sha256"]:
                raise VerificationError("the reference profile's blob does not have its digest")
        return cls(body, blob)

    @cached_property
    def columns(self) -> Mapping[str, ColumnRead]:
        """The columns as samples, as if the reference had just been read."""
        reader = None if self.blob is None else BlobReader(self.blob)
        entries = self.body["columns"]
        return {
            name: ColumnRead(
                name, entry["type"], entry["kind"], _sample(key, entry, reader), entry["problem"]
            )
            for key, name, entry in (
                (str(place), name, entries[name]) for place, name in enumerate(self.body["order"])
            )
        }

    def __repr__(self) -> str:
        return (
            f"<ReferenceProfile {self.sha256[:12]} {self.variant}, {self.rows} rows, "
            f"{len(self.body['columns'])} columns>"
        )


def build_reference_profile(
    data: Any,
    *,
    variant: Variant = "exact",
    columns: Sequence[str] | None = None,
    kinds: Mapping[str, Kind] | None = None,
    methods: MethodNames | Mapping[str, MethodNames] | None = None,
    target: str | None = None,
    prediction: str | None = None,
    name: str | None = None,
) -> ReferenceProfile:
    """Profile a reference once; `measure_drift` compares later batches with it.

    data : any table that measures read, or a list of tables taken as one.
    variant : "exact" gives the same figures as the data themselves; "compact" is small and states
        by column how far its Wasserstein distance can be off (`wasserstein_error`).
    kinds, methods : pinned for every later comparison.
    Raises InputError for an empty table and for names that are not there.
    """
    read = read_columns(data, columns=columns, kinds=kinds)
    scored = None
    if target in read.columns and prediction in read.columns:
        assert target is not None
        assert prediction is not None
        known = {column.name: column.kind for column in read.columns.values()}
        scored = score_rows(data, target, prediction, known)
        if scored.rows != read.rows:
            raise InputError(
                "a stream can be read once, and performance needs a second reading",
                next_step="pass a table or a path",
            )
    return _profile_of(
        read, scored, variant, methods=methods, target=target, prediction=prediction, name=name
    )


def _profile_of(
    read: TableRead,
    scored: RowScores | None,
    variant: Variant,
    *,
    methods: MethodNames | Mapping[str, MethodNames] | None,
    target: str | None,
    prediction: str | None,
    name: str | None,
) -> ReferenceProfile:
    if variant not in ("exact", "compact"):
        raise InputError("unknown variant", got=repr(variant), expected="exact or compact")
    if not read.rows:
        raise InputError("the reference has no rows", expected="at least one")
    check_methods(methods, tuple(read.columns))
    for column in read.columns.values():
        if column.kind is not None:
            methods_for(column.name, column.kind, methods)
    for role, given in (("target", target), ("prediction", prediction)):
        if given is not None and given not in read.columns:
            raise InputError(f"{role} names no column of the reference", got=repr(given))
    space = _Space.of(read, BlobWriter() if variant == "exact" else None)
    body: dict[str, Any] = {
        "schema": SCHEMA,
        "version": VERSION,
        "name": name,
        "variant": variant,
        "rows": read.rows,
        "target": target,
        "prediction": prediction,
        "methods": _plain(methods),
        "labels": "digest",
        "performance": None if scored is None else scored.to_dict(),
        "order": list(read.columns),  # canonical JSON sorts the keys of the next field
        "columns": {
            column.name: _entry(column, str(place), space)
            for place, column in enumerate(read.columns.values())
        },
        "blob": None,
    }
    blob = None
    if space.writer is not None:
        blob = space.writer.finish()
        body["blob"] = {"sha256": hashlib.sha256(blob).hexdigest(), "size": len(blob)}
    body["sha256"] = _digest(body)
    return ReferenceProfile(body, blob)


@dataclass(frozen=True, slots=True)
class _Space:
    """How much of a column goes into the body; `writer` takes the rest, in the exact variant."""

    points: int
    labels: int
    writer: BlobWriter | None

    @classmethod
    def of(cls, read: TableRead, writer: BlobWriter | None) -> _Space:
        samples = [column.sample for column in read.columns.values()]
        labelled = sum(isinstance(sample, CategorySample) for sample in samples)
        numeric = sum(
            len(sample.components) if isinstance(sample, EmbeddingSample) else 1
            for sample in samples
            if isinstance(sample, EmbeddingSample | NumericSample)
        )
        return cls(
            max(8, min(_COMPACT_POINTS, _VALUES // max(numeric, 1))),
            max(8, min(_LABELS_IN_BODY, _VALUES // max(labelled, 1))),
            writer,
        )


def _plain(methods: MethodNames | Mapping[str, MethodNames] | None) -> Any:
    if methods is None or isinstance(methods, str):
        return methods
    if isinstance(methods, Mapping):
        return {key: _plain(value) for key, value in methods.items()}
    return list(methods)


def _digest(body: Mapping[str, Any]) -> str:
    unsigned = {key: value for key, value in body.items() if key != "sha256"}
    return hashlib.sha256(canonical(unsigned)).hexdigest()


def _entry(column: ColumnRead, key: str, space: _Space) -> dict[str, Any]:
    sample, writer = column.sample, space.writer
    entry: dict[str, Any] = {"type": column.family, "kind": column.kind, "problem": column.problem}
    if sample is None:
        return entry
    entry |= {"n": sample.n, "missing": sample.missing, "infinite": sample.infinite}
    if isinstance(sample, CategorySample):
        counts = digested(sample).counts
        if len(counts) <= space.labels:
            entry["counts"] = dict(sorted(counts.items()))
        elif writer is None:
            entry["problem"] = f"more than {space.labels:,} labels, too many for a compact profile"
        elif writer is not None:
            labels = sorted(counts)
            writer.add_text(f"{key}/labels", "".join(labels))
            writer.add(f"{key}/rows", np.array([counts[x] for x in labels], np.int64))
    elif isinstance(sample, NumericSample):
        entry |= _number_entry(sample, key, space)
    else:
        entry["components"] = [
            {"n": part.n, "missing": 0, "infinite": 0}
            | _number_entry(part, f"{key}.{place}", space)
            for place, part in enumerate(sample.components)
        ]
    return entry


def _number_entry(sample: NumericSample, key: str, space: _Space) -> dict[str, Any]:
    # Of the sorted values, so that the order of rows does not change the last digit.
    deviation = sample.std
    if sample.n and sample.deviation is None and sample.counts is None:
        deviation = NumericSample(values=sample.ordered, sorted=True).std
    entry: dict[str, Any] = {
        "integer": sample.integer,
        "single": sample.single,
        "std": deviation,
        "error": sample.error,
    }
    if space.writer is not None:
        write_numbers(space.writer, key, sample)
        return entry
    if not sample.n:
        return entry | {"values": [], "counts": [], "wasserstein_error": 0.0}
    values, counts = sample.value_counts()
    points = pool(compress(Points(values, counts, sample.error), space.points), _FEWEST_ROWS)
    small = NumericSample(values=points.values, counts=points.counts, sorted=True)
    # By the triangle inequality no distance to the profile is further off than this.
    off = wasserstein(sample, small)
    return entry | {
        "error": points.error,
        "wasserstein_error": off,
        "values": points.values.tolist(),
        "counts": points.counts.tolist(),
        "norm": max(sample.std, SMALLEST_NORM),
    }


def _sample(key: str, entry: Mapping[str, Any], reader: BlobReader | None) -> Sample | None:
    if entry["problem"] is not None or "n" not in entry:
        return None
    if "counts" in entry and "values" not in entry:
        return CategorySample(
            counts=dict(entry["counts"]),
            missing=entry["missing"],
            infinite=entry["infinite"],
            digested=True,
        )
    if "components" in entry:
        parts = (
            _numbers(f"{key}.{place}", part, reader)
            for place, part in enumerate(entry["components"])
        )
        return EmbeddingSample(components=tuple(parts), missing=entry["missing"])
    if reader is not None and f"{key}/labels" in reader:
        text = reader.text(f"{key}/labels")
        labels = (text[place : place + 16] for place in range(0, len(text), 16))
        return CategorySample(
            counts=dict(zip(labels, reader.get(f"{key}/rows").tolist(), strict=True)),
            missing=entry["missing"],
            infinite=entry["infinite"],
            digested=True,
        )
    return _numbers(key, entry, reader)


def _numbers(key: str, entry: Mapping[str, Any], reader: BlobReader | None) -> NumericSample:
    return read_points(entry) if reader is None else read_numbers(reader, key, entry)
