"""DSSE: the specification's own vector, Ed25519 of RFC 8032, and another implementation."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from aims_mlops.errors import EvidenceFormatError, VerificationError
from aims_mlops.evidence.encoding.canonical import parse_canonical
from aims_mlops.evidence.encoding.envelope import Signature, key_id, pae, seal, sign, unseal, verify
from aims_mlops.store.disk.key_file import FileSigner

# RFC 8032, 7.1, tests 1 to 3: secret key, public key, message, signature
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd"
            "25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c3"
            "87b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594"
            "a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_signature_of_rfc_8032_is_reproduced(
    secret: str, public: str, message: str, signature: str
) -> None:
    signer = FileSigner(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)))
    assert signer.public.hex() == public
    assert signer.sign(bytes.fromhex(message)).hex() == signature


def test_pae_is_the_one_in_the_specification() -> None:
    # dsse/protocol.md, "Test Vectors"
    found = pae("http://example.com/HelloWorld", b"hello world")
    assert found == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_pae_counts_bytes_and_not_characters() -> None:
    assert pae("é", b"") == b"DSSEv1 2 \xc3\xa9 0 "


@pytest.fixture
def signer() -> FileSigner:
    return FileSigner(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def public_keys(*signers: FileSigner) -> dict[str, Ed25519PublicKey]:
    return {key_id(s.public): Ed25519PublicKey.from_public_bytes(s.public) for s in signers}


def test_envelope_is_canonical_and_opens_again(signer: FileSigner) -> None:
    content = seal(b'{"a":1}', [sign(b'{"a":1}', signer)])
    parse_canonical(content)
    opened = unseal(content)
    assert opened.payload == b'{"a":1}'
    assert verify(opened, public_keys(signer)) == (key_id(signer.public),)


def test_other_implementation_accepts_the_envelope(signer: FileSigner) -> None:
    dsse = pytest.importorskip("securesystemslib.dsse")
    keys = pytest.importorskip("securesystemslib.signer")
    content = seal(b"payload", [sign(b"payload", signer)])
    public = Ed25519PublicKey.from_public_bytes(signer.public)
    key = keys.SSlibKey.from_crypto(public, keyid=key_id(signer.public))
    envelope = dsse.Envelope.from_dict(json.loads(content))
    assert set(envelope.verify([key], 1)) == {key_id(signer.public)}


def test_changed_payload_or_type_does_not_verify(signer: FileSigner) -> None:
    signature = sign(b"payload", signer)
    for content in (
        seal(b"payloae", [signature]),
        seal(b"payload", [signature], payload_type="text/plain"),
        seal(b"payload", [Signature(signature.key_id, bytes(64))]),
    ):
        with pytest.raises(VerificationError, match="does not hold"):
            verify(unseal(content), public_keys(signer))


def test_signature_by_a_stranger_does_not_count(signer: FileSigner) -> None:
    stranger = FileSigner(Ed25519PrivateKey.generate())
    content = seal(b"payload", [sign(b"payload", stranger)])
    with pytest.raises(VerificationError, match="no known key"):
        verify(unseal(content), public_keys(signer))


def test_second_signature_by_a_person_stands_beside_the_logs(signer: FileSigner) -> None:
    person = FileSigner(Ed25519PrivateKey.generate())
    content = seal(b"payload", [sign(b"payload", signer), sign(b"payload", person)])
    found = verify(unseal(content), public_keys(signer, person))
    assert found == (key_id(signer.public), key_id(person.public))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b'{"payload":"!","payloadType":"a","signatures":[]}',
        b'{"payload":"","payloadType":"a","signatures":[1]}',
    ],
)
def test_bytes_that_are_no_envelope_are_refused(content: bytes) -> None:
    with pytest.raises(EvidenceFormatError):
        unseal(content)
