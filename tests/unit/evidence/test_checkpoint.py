"""Signed notes, checkpoints and proofs as text."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aims_mlops.errors import EvidenceFormatError, VerificationError
from aims_mlops.evidence.transparency.checkpoint import (
    Checkpoint,
    check_proof,
    read_checkpoint,
    write_proof,
)
from aims_mlops.evidence.transparency.merkle import leaf_hash, node_hash
from aims_mlops.evidence.transparency.note import VerifierKey, parse_note, sign_note, verify_note
from aims_mlops.store.disk.key_file import FileSigner

# The example of golang.org/x/mod/sumdb/note, which the specification grew out of.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_SECRET = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
NEUMANN_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
NEUMANN_NOTE = (
    NEUMANN_TEXT
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngot"
    "pRZb6KE6RyyBwJnAM=\n"
)


def signer_from(seed: bytes) -> FileSigner:
    return FileSigner(Ed25519PrivateKey.from_private_bytes(seed))


def test_published_note_verifies_and_is_reproduced() -> None:
    import base64

    key = VerifierKey.parse(NEUMANN)
    assert str(key) == NEUMANN
    assert verify_note(parse_note(NEUMANN_NOTE), [key]) == (key,)
    signer = signer_from(base64.b64decode(NEUMANN_SECRET)[1:])
    assert sign_note(NEUMANN_TEXT, "PeterNeumann", signer) == NEUMANN_NOTE


def test_note_with_a_changed_byte_does_not_verify() -> None:
    key = VerifierKey.parse(NEUMANN)
    for position in range(len(NEUMANN_NOTE)):
        changed = (
            NEUMANN_NOTE[:position]
            + chr(ord(NEUMANN_NOTE[position]) ^ 1)
            + NEUMANN_NOTE[position + 1 :]
        )
        with pytest.raises((VerificationError, EvidenceFormatError)):
            verify_note(parse_note(changed), [key])


def test_line_by_an_unknown_key_is_passed_over() -> None:
    key = VerifierKey.parse(NEUMANN)
    witness = sign_note(NEUMANN_TEXT, "witness", signer_from(bytes(32))).rpartition("\n\n")[2]
    assert verify_note(parse_note(NEUMANN_NOTE + witness), [key]) == (key,)


@pytest.mark.parametrize(
    "text",
    ["", "name", NEUMANN.replace("c74f20a3", "c74f20a4"), NEUMANN[:-4], "a+b+!!!"],
)
def test_verifier_key_that_does_not_match_its_hash_is_refused(text: str) -> None:
    with pytest.raises(EvidenceFormatError):
        VerifierKey.parse(text)


@pytest.fixture
def signer() -> FileSigner:
    return signer_from(bytes(range(32)))


def test_checkpoint_reads_back(signer: FileSigner) -> None:
    checkpoint = Checkpoint("example.com/log", 3, hashlib.sha256(b"x").digest())
    key = VerifierKey("example.com/log", signer.public)
    assert read_checkpoint(checkpoint.sign(signer), [key]) == checkpoint


def test_checkpoint_signed_under_another_name_does_not_count(signer: FileSigner) -> None:
    checkpoint = Checkpoint("example.com/log", 3, bytes(32))
    note = sign_note(checkpoint.to_text(), "example.com/other", signer)
    with pytest.raises(VerificationError, match="own log"):
        read_checkpoint(note, [VerifierKey("example.com/other", signer.public)])


@pytest.mark.parametrize("size", ["-1", "01", "1.0", "", "٣", "1 "])
def test_checkpoint_with_a_size_that_is_not_a_number_is_refused(size: str) -> None:
    root = "A" * 43 + "="
    with pytest.raises(EvidenceFormatError):
        Checkpoint.from_text(f"log\n{size}\n{root}\n")


def test_proof_verifies_offline_and_for_nothing_else(signer: FileSigner) -> None:
    leaves = [b"a", b"b", b"c"]
    hashes = [leaf_hash(leaf) for leaf in leaves]
    root = node_hash(node_hash(hashes[0], hashes[1]), hashes[2])
    note = Checkpoint("log", 3, root).sign(signer)
    keys = [VerifierKey("log", signer.public)]
    proof = write_proof(1, [hashes[0], hashes[2]], note)
    assert check_proof(proof, b"b", keys)[0] == 1
    assert check_proof(write_proof(1, [hashes[0], hashes[2]], note, extra=b"x"), b"b", keys)[0] == 1
    for wrong in (b"a", b"c", b""):
        with pytest.raises(VerificationError):
            check_proof(proof, wrong, keys)
    for changed in (
        proof.replace("index 1", "index 0"),
        proof.replace("index 1", "index 3"),
        proof.replace("\n3\n", "\n4\n"),
    ):
        with pytest.raises(VerificationError):
            check_proof(changed, b"b", keys)
    for changed in (proof.replace("@v1", "@v2"), proof.replace("index 1", "index 01")):
        with pytest.raises(EvidenceFormatError):
            check_proof(changed, b"b", keys)
