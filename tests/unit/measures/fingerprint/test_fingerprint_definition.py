"""The fingerprint against its definition, written once more: slow, obvious, plain Python.

In the reference a column is (name, type, values). Missing is None or NaN; times are whole
nanoseconds; decimals are unscaled integers.
"""

import hashlib
import itertools
import json
import math
import struct
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aims_mlops.measures.fingerprint.table_digest import fingerprint

WIDTHS = {
    "bool": "<?", "int8": "<b", "int16": "<h", "int32": "<i", "int64": "<q",
    "uint8": "<B", "uint16": "<H", "uint32": "<I", "uint64": "<Q",
    "float16": "<e", "float32": "<f", "float64": "<d", "date": "<i",
}  # fmt: skip
TIMES = ("timestamp", "timestamp[utc]", "duration", "time")


def sha(data):
    return hashlib.sha256(data).hexdigest()


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def missing(value):
    return value is None or (isinstance(value, float) and math.isnan(value))


def number_bytes(type_, value):
    if type_.startswith("decimal"):
        return value.to_bytes(32, "little", signed=True)
    if type_.startswith("float") and value == 0:
        value = 0.0
    return struct.pack(WIDTHS[type_], value)


def streams(type_, values):
    """The stream digests of a column and its real type (null if it has no value)."""
    nulls = b"".join(struct.pack("<Q", row) for row, v in enumerate(values) if missing(v))
    if all(missing(v) for v in values):
        return "null", []
    if isinstance(type_, list):  # ["list", item] or ["struct", {field: type}]
        if type_[0] == "list":
            lengths = b"".join(struct.pack("<I", 0 if v is None else len(v)) for v in values)
            items = [item for v in values if v is not None for item in v]
            name, digest = column(type_[1], items)
            return f"list<{name}>", [sha(nulls), sha(lengths), digest]
        fields = {
            field: column(kind, [None if v is None else v[field] for v in values])
            for field, kind in sorted(type_[1].items(), key=lambda item: item[0].encode())
        }
        inner = ",".join(canonical(field).decode() + ":" + fields[field][0] for field in fields)
        return f"struct<{inner}>", [sha(nulls), *(digest for _, digest in fields.values())]
    if type_ in ("utf8", "binary"):
        raw = [v.encode() if isinstance(v, str) else (v or b"") for v in values]
        lengths = b"".join(struct.pack("<I", len(v)) for v in raw)
        return type_, [sha(nulls), sha(lengths), sha(b"".join(raw))]
    if type_ in TIMES:
        micros = b"".join(struct.pack("<q", 0 if v is None else v // 1000) for v in values)
        rest = b"".join(
            struct.pack("<QH", row, v % 1000)
            for row, v in enumerate(values)
            if v is not None and v % 1000
        )
        return type_, [sha(nulls), sha(micros), sha(rest)]
    width = 32 if type_.startswith("decimal") else struct.calcsize(WIDTHS[type_])
    content = b"".join(bytes(width) if missing(v) else number_bytes(type_, v) for v in values)
    return type_, [sha(nulls), sha(content)]


def column(type_, values):
    """(logical type, digest) of a column."""
    name, digests = streams(type_, values)
    header = {
        "scheme": "aims-table-v1",
        "type": name,
        "rows": len(values),
        "nulls": sum(missing(v) for v in values),
        "streams": digests,
    }
    return name, sha(canonical(header))


def table(columns, *, rows):
    """The ordered digest of a table."""
    listed = []
    for name, type_, values in columns:
        real, digest = column(type_, values)
        listed.append({"name": name, "type": real, "sha256": digest})
    return sha(
        canonical({"scheme": "aims-table-v1", "ordered": True, "rows": rows, "columns": listed})
    )


def cell(type_, value):
    if missing(value):
        return b"\x00"
    if isinstance(type_, list) and type_[0] == "list":
        items = b"".join(cell(type_[1], item) for item in value)
        return b"\x01" + struct.pack("<I", len(value)) + items
    if isinstance(type_, list):
        return b"\x01" + b"".join(
            cell(type_[1][f], value[f]) for f in sorted(type_[1], key=str.encode)
        )
    if type_ in ("utf8", "binary"):
        raw = value.encode() if isinstance(value, str) else value
        return b"\x01" + struct.pack("<I", len(raw)) + raw
    if type_ in TIMES:
        return b"\x01" + struct.pack("<qH", value // 1000, value % 1000)
    return b"\x01" + number_bytes(type_, value)


def row(columns, place):
    return hashlib.sha256(b"".join(cell(t, values[place]) for _, t, values in columns)).digest()


def unordered_table(columns, *, rows):
    """The digest that any order of the rows shares."""
    digests = sorted(row(columns, place) for place in range(rows))
    listed = [{"name": n, "type": column(t, values)[0]} for n, t, values in columns]
    return sha(
        canonical(
            {
                "scheme": "aims-table-v1",
                "ordered": False,
                "rows": rows,
                "columns": listed,
                "row_digests": sha(b"".join(digests)),
            }
        )
    )


ARROW_TYPES = {
    "date": pa.date32(), "utf8": pa.large_string(), "binary": pa.binary(), "bool": pa.bool_(),
    "float16": pa.float16(), "float32": pa.float32(), "float64": pa.float64(),
    "timestamp": pa.timestamp("ns"), "timestamp[utc]": pa.timestamp("ns", "Asia/Tokyo"),
    "duration": pa.duration("ns"), "time": pa.time64("ns"), "decimal[2]": pa.decimal128(30, 2),
    **{f"{u}int{w}": getattr(pa, f"{u}int{w}")() for u in ("", "u") for w in (8, 16, 32, 64)},
}  # fmt: skip


def arrow_type(type_):
    if isinstance(type_, str):
        return ARROW_TYPES[type_]
    if type_[0] == "list":
        return pa.list_(arrow_type(type_[1]))
    return pa.struct([(field, arrow_type(kind)) for field, kind in type_[1].items()])


def arrow_value(type_, value):
    """What pyarrow wants for a reference value."""
    if value is None:
        return None
    if type_ == "decimal[2]":
        return Decimal(value).scaleb(-2)
    if type_ == "date":
        return date(1970, 1, 1) + timedelta(days=value)
    if isinstance(type_, list) and type_[0] == "list":
        return [arrow_value(type_[1], item) for item in value]
    if isinstance(type_, list):
        return {field: arrow_value(kind, value[field]) for field, kind in type_[1].items()}
    return value


def arrow_table(columns):
    arrays = []
    for _, type_, values in columns:
        found = [arrow_value(type_, value) for value in values]
        if type_ in TIMES:
            arrays.append(pa.array(found, pa.int64()).cast(arrow_type(type_)))
        else:
            arrays.append(pa.array(found, arrow_type(type_)))
    return pa.table(arrays, names=[name for name, _, _ in columns])


def integers(width, *, signed):
    low, high = (-(2 ** (width - 1)), 2 ** (width - 1) - 1) if signed else (0, 2**width - 1)
    return st.integers(low, high)


VALUES = {
    "bool": st.booleans(),
    "float64": st.floats(),
    "float32": st.floats(width=32),
    "float16": st.floats(width=16),
    "date": st.integers(-700_000, 2_900_000),
    "utf8": st.text(max_size=6),
    "binary": st.binary(max_size=6),
    "timestamp": integers(63, signed=True),
    "timestamp[utc]": integers(63, signed=True),
    "duration": integers(63, signed=True),
    "time": st.integers(0, 86_400 * 10**9 - 1),
    "decimal[2]": st.integers(-(10**25), 10**25),
    **{f"int{w}": integers(w, signed=True) for w in (8, 16, 32, 64)},
    **{f"uint{w}": integers(w, signed=False) for w in (8, 16, 32, 64)},
}


def values_of(type_):
    if isinstance(type_, str):
        inner = VALUES[type_]
    elif type_[0] == "list":
        inner = st.lists(values_of(type_[1]), max_size=3)
    else:
        inner = st.fixed_dictionaries({f: values_of(kind) for f, kind in type_[1].items()})
    return st.none() | inner


FLAT = st.sampled_from(sorted(VALUES))
TYPES = st.recursive(
    FLAT,
    lambda inner: (
        st.tuples(st.just("list"), inner).map(list)
        | st.dictionaries(st.sampled_from(["a", 'b"', "é"]), inner, min_size=1).map(
            lambda fields: ["struct", fields]
        )
    ),
    max_leaves=3,
)


@st.composite
def tables(draw, types=TYPES):
    rows = draw(st.integers(0, 12))
    names = draw(st.lists(st.text(max_size=4), min_size=1, max_size=4, unique=True))
    columns = []
    for name in names:
        type_ = draw(types)
        values = draw(st.lists(values_of(type_), min_size=rows, max_size=rows))
        columns.append((name, type_, values))
    return columns, rows


@settings(max_examples=400, deadline=None)
@given(tables())
def test_any_table_has_the_digest_of_the_definition(drawn):
    columns, rows = drawn
    data = arrow_table(columns)
    assert fingerprint(data).sha256 == table(columns, rows=rows)


@settings(max_examples=200, deadline=None)
@given(tables())
def test_any_table_has_the_unordered_digest_of_the_definition(drawn):
    columns, rows = drawn
    data = arrow_table(columns)
    assert fingerprint(data, ordered=False).sha256 == unordered_table(columns, rows=rows)


@settings(max_examples=200, deadline=None)
@given(tables(), st.lists(st.integers(0, 12), max_size=4))
def test_cutting_a_table_into_batches_changes_no_digest(drawn, cuts):
    columns, rows = drawn
    data = arrow_table(columns)
    edges = sorted({0, rows, *(cut for cut in cuts if cut < rows)})
    parts = [data.slice(a, b - a) for a, b in itertools.pairwise(edges)]
    if parts:
        pieces = pa.concat_tables(parts)
        stream = pa.RecordBatchReader.from_batches(data.schema, pieces.to_batches())
        assert fingerprint(pieces) == fingerprint(data)
        assert fingerprint(stream) == fingerprint(data)


@settings(max_examples=150, deadline=None)
@given(tables(types=FLAT))
def test_any_plain_table_keeps_its_digest_through_other_libraries(drawn):
    columns, _ = drawn
    names = [f"c{place}" for place in range(len(columns))]  # polars renames a column named ""
    data = arrow_table(columns).rename_columns(names)
    expected = fingerprint(data)
    assert fingerprint(pl.from_arrow(data)) == expected
    assert fingerprint(data.to_pandas(types_mapper=pd.ArrowDtype)) == expected
    buffer = pa.BufferOutputStream()
    pq.write_table(data, buffer)
    read = pq.read_table(pa.BufferReader(buffer.getvalue()))
    assert fingerprint(read) == expected


# The vectors of docs/digests.md; computed by the reference above, not by the package.
VECTORS = {
    "empty": ([], 0),
    "one column": ([("x", "int64", [1, 2, 3])], 3),
    "missing": ([("x", "float64", [0.5, math.nan, -0.0])], 3),
    "text": ([("s", "utf8", ["a", None, "", "é"])], 4),
    "mixed": (
        [
            ("id", "uint8", [7, 8]),
            ("when", "timestamp", [1_600_000_000_000_000_001, None]),
            ("v", ["list", "float32"], [[1.0, 2.0], []]),
            ("nothing", "utf8", [None, None]),
        ],
        2,
    ),
}

DIGESTS = {  # name: (ordered, any order)
    "empty": (
        "e67acc8be34901861df83bbe15b94b1c58e0fa19cadc832e30a54230c93b943c",
        "46ec1cddbdb8c2620805ce56eb67fc254a2411845c2052408d8d874fde9962af",
    ),
    "one column": (
        "4601cf4ab91e50ccfa3de5dd3e9914538548fe291ff0273bec0178d93a373a5a",
        "55ced6e27fce73b6932b513ce4ab1510df9a5cff5e9b7c5fef5cfd34c59a812c",
    ),
    "missing": (
        "f822e28bee7e281e9fd8c922c643c017b940dca4e6cff9a4b82a954e470c2acb",
        "5ad1647c64506b72e384f8867160dda83fa58ab2ce07036720daf8e06c3ff216",
    ),
    "text": (
        "a2b83e376fa7b8961496798e6eb77527011b53a9027a61833a1700814e5fa747",
        "30ae66108ee12c6d5606dfdfb4b215fd1cf6941edf0fbcb31b24fe8bd6f72c23",
    ),
    "mixed": (
        "e54dff5df98d22f0b0990864109195fd4df5f8b41a45a5268fb5c194e32d5e97",
        "262c764b40d21d248aebc88ceffb86046e692f97685b7314445d719dddca8d0d",
    ),
}

DOCUMENT = Path(__file__).parents[4] / "docs" / "digests.md"


@pytest.mark.parametrize("name", VECTORS)
def test_fixed_vectors_keep_their_digests(name):
    columns, rows = VECTORS[name]
    data = arrow_table(columns)
    found = fingerprint(data).sha256, fingerprint(data, ordered=False).sha256
    assert found == DIGESTS[name]
    assert found == (table(columns, rows=rows), unordered_table(columns, rows=rows))


@pytest.mark.parametrize("name", DIGESTS)
def test_documented_vectors_are_the_tested_ones(name):
    written = DOCUMENT.read_text()
    assert all(digest in written for digest in DIGESTS[name])
