"""A log of ours in the hands of others: each part is checked by somebody else's library.

RFC 6962 inclusion and signed checkpoints by sigstore, Ed25519 by libsodium (PyNaCl), DSSE by
securesystemslib, in-toto Statements by in-toto-attestation, RFC 8785 by jcs. What is checked is
made here, at test time.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jcs
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf.json_format import Parse
from hypothesis import given, settings
from hypothesis import strategies as st
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError as DsseError
from securesystemslib.signer import SSlibKey
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import SignedCheckpoint
from sigstore.errors import VerificationError as SigstoreError

from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.evidence.encoding.envelope import key_id
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.evidence.transparency.merkle import (
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_from_inclusion,
)
from aims_mlops.store.administration.key_rotation import rotate_key
from aims_mlops.store.bundle.source import SqlSource
from aims_mlops.store.log.sql import SqlStore
from aims_mlops.store.opening import open_sql_store

SIZES = [1, 2, 3, 7, 8, 9, 31, 32, 33]
BODY = {"ünïcode": "é😀\u2028", "numbers": [0.1, 1e-7, 1e20, -0.0, 5, 2**53 - 1], "none": None}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    opened = open_sql_store(f"sqlite:///{tmp_path}/evidence.db")
    for number in range(9):
        opened.append(
            Evidence(
                kind="run",
                subjects=(Subject.of_name(f"run:{number}"), Subject.of_name("x")),
                body={**BODY, "number": number},
                actor="tester@example.org",
                claimed_at="2026-11-21T09:00:00.000000Z",
            )
        )
        if number == 5:
            rotate_key(opened, actor="keeper")
    yield opened
    opened.close()


def entry(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> Any:
    """An entry of a transparency log as sigstore takes one."""
    proof = SimpleNamespace(log_index=index, tree_size=size, hashes=path, root_hash=root)
    return SimpleNamespace(_inner=SimpleNamespace(inclusion_proof=proof, canonicalized_body=leaf))


def test_sigstore_finds_every_record_under_the_checkpoint(store: SqlStore) -> None:
    records, status = list(store.find()), store.status()
    checkpoint = SignedCheckpoint.from_text(status.checkpoint or "").checkpoint
    assert (checkpoint.log_size, checkpoint.log_hash) == (status.size, status.root)
    paths = SqlSource(store).inclusion_paths(range(status.size), status.size)
    for record, path in zip(records, paths, strict=True):
        root = bytes.fromhex(status.root)
        verify_merkle_inclusion(entry(record.leaf, record.sequence, status.size, path, root))
        with pytest.raises(SigstoreError):
            verify_merkle_inclusion(
                entry(record.leaf + b" ", record.sequence, status.size, path, root)
            )


@pytest.mark.parametrize("size", SIZES)
def test_sigstore_accepts_proofs_in_trees_of_any_shape(size: int) -> None:
    leaves = [b"leaf %d" % i for i in range(size)]

    def subtree(level: int, index: int) -> bytes:
        if level == 0:
            return leaf_hash(leaves[index])
        return node_hash(subtree(level - 1, 2 * index), subtree(level - 1, 2 * index + 1))

    roots = set()
    for index, leaf in enumerate(leaves):
        path = inclusion_proof(index, size, subtree)
        root = root_from_inclusion(index, size, leaf_hash(leaf), path)
        verify_merkle_inclusion(entry(leaf, index, size, path, root))
        roots.add(root)
    assert len(roots) == 1


def test_libsodium_accepts_the_checkpoint_by_each_key_that_signed_it(store: SqlStore) -> None:
    rotate_key(store, actor="keeper")
    note = SignedCheckpoint.from_text(store.status().checkpoint or "").signed_note
    keys = store.verifier_keys()[-2:]
    assert len(note.signatures) == 2  # old and new, right at the handover
    for signature, key in zip(note.signatures, keys, strict=True):
        assert (signature.name, signature.sig_hash) == (key.name, key.hash)
        value = b64decode(signature.signature)
        VerifyKey(key.public).verify(note.note.encode(), value)
        with pytest.raises(BadSignatureError):
            VerifyKey(key.public).verify(note.note.encode() + b" ", value)


def test_securesystemslib_and_in_toto_accept_every_record(store: SqlStore) -> None:
    keys = [
        SSlibKey.from_crypto(
            Ed25519PublicKey.from_public_bytes(key.public), keyid=key_id(key.public)
        )
        for key in store.verifier_keys()
    ]
    for record in store.find():
        envelope = Envelope.from_dict(json.loads(record.envelope))
        signed = 2 if record.evidence.kind == "key-rotation" else 1
        assert len(envelope.verify(keys, signed)) == signed
        with pytest.raises(DsseError):
            Envelope(envelope.payload + b" ", envelope.payload_type, envelope.signatures).verify(
                keys, 1
            )
        parsed = Parse(envelope.payload, statement_pb2.Statement())
        statement = Statement.copy_from_pb(parsed)
        statement.validate()
        assert statement.pb.predicate_type == record.evidence.predicate_type
        assert [s.digest["sha256"] for s in statement.pb.subject] == [
            subject.sha256 for subject in record.evidence.subjects
        ]


def test_jcs_writes_every_statement_and_leaf_as_they_are_stored(store: SqlStore) -> None:
    for record in store.find():
        payload = Envelope.from_dict(json.loads(record.envelope)).payload
        for content in (payload, record.leaf, record.envelope):
            assert jcs.canonicalize(json.loads(content)) == content


scalars = (
    st.none()
    | st.booleans()
    | st.integers(1 - 2**53, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@settings(deadline=None)
@given(values)
def test_jcs_writes_any_value_as_we_do(value: Any) -> None:
    assert canonical(value) == jcs.canonicalize(value)
