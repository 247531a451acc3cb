"""Input that two readers could read in two ways is refused before anything is signed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from aims_mlops.errors import EvidenceFormatError
from aims_mlops.evidence.encoding.canonical import parse
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.evidence.transparency.merkle import (
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_from_inclusion,
)
from aims_mlops.store.log.sql import SqlStore

Make = Callable[..., Evidence]


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


BAD_VALUES: list[Any] = [
    float("nan"),
    float("inf"),
    float("-inf"),
    2**53,
    -(2**53),
    2**64,
    10**400,
    "\ud800",
    "a\udfffb",
    {"\ud83d": 1},
    {1: 2},
    {None: 2},
    b"bytes",
    {1, 2},
    object(),
    1j,
    deep(10_000),
    [[]] * 300_000,
    "x" * 5_000_000,
]


class CountingSigner:
    """The store's own signer, counting what it signs."""

    def __init__(self, inner: Any) -> None:
        self.public = inner.public
        self.inner = inner
        self.signed = 0

    def sign(self, message: bytes) -> bytes:
        self.signed += 1
        return bytes(self.inner.sign(message))


def test_ambiguous_values_are_refused_before_signing(store: SqlStore, make_evidence: Make) -> None:
    store.append(make_evidence("good"))
    signer = CountingSigner(store.signing.signer)
    store.signing.use(signer)
    for value in BAD_VALUES:
        for body in ({"x": value}, {"list": [1, {"deep": value}]}):
            with pytest.raises(EvidenceFormatError):
                store.append(make_evidence(1, **body))
    assert signer.signed == 0
    assert store.status().size == 1
    store.append(make_evidence("good again"))
    assert signer.signed == 2  # the record and the checkpoint
    print(f"{2 * len(BAD_VALUES)} ambiguous values refused, 0 signatures made for them")


BAD_JSON = [
    b'{"a":1,"a":1}',
    b'{"a":{"b":1,"c":2,"b":3}}',
    b'[{"\\u0061":1,"a":2}]',
    b'{"a":NaN}',
    b'{"a":-Infinity}',
    b'{"a":1e400}',
    b'{"a":9007199254740993}',
    b'"\\ud800"',
    b'{"\\udc00":1}',
    b"[" * 10_000 + b"]" * 10_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b"\xff\xfe{}",
    b'{"a":1}x',
    b"{'a':1}",
    b'{"a":01}',
    b'{"a":1,}',
    b'{"a":"\x01"}',
    b" " * 5_000_000,
]


def test_ambiguous_json_is_refused() -> None:
    for content in BAD_JSON:
        with pytest.raises(EvidenceFormatError):
            parse(content)
    print(f"{len(BAD_JSON)} ambiguous JSON texts refused")


@pytest.mark.parametrize(
    "fields",
    [
        {"actor": "x" * 2_000},
        {"system": "a\0b"},
        {"run": "x" * 2_000},
        {"claimed_at": "x" * 2_000},
        {"subjects": (Subject.of_name("y"),) * 1_001},
        {"subjects": (Subject("z" * 2_000, "0" * 64),)},
        {"unknown": {"seal": float("nan")}},
        {"controls": ("A.1\ud800",)},
    ],
)
def test_fields_outside_the_limits_are_refused(store: SqlStore, fields: dict[str, Any]) -> None:
    given: dict[str, Any] = {
        "kind": "run",
        "subjects": (Subject.of_name("x"),),
        "body": {},
        "actor": "a",
        "claimed_at": "2026-11-21T00:00:00.000000Z",
    }
    with pytest.raises(EvidenceFormatError):
        store.append(Evidence(**{**given, **fields}))
    assert store.status().size == 0


@pytest.mark.parametrize("size", [1_000, 100_000, 1_000_000])
def test_proofs_are_no_longer_than_the_logarithm(size: int) -> None:
    levels = [[leaf_hash(b"%d" % i) for i in range(size)]]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])

    def subtree(level: int, index: int) -> bytes:
        return levels[level][index]

    root = None
    limit = math.ceil(math.log2(size))
    longest = 0
    for index in {0, 1, size // 2, size // 3, size - 2, size - 1, size - size % 1024}:
        if index >= size:
            continue
        path = inclusion_proof(index, size, subtree)
        longest = max(longest, len(path))
        found = root_from_inclusion(index, size, levels[0][index], path)
        assert root in (None, found)
        root = found
    assert longest <= limit
    print(f"{size} leaves: at most {longest} hashes, the limit is {limit}")
