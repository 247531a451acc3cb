"""DSSE: a payload and the signatures over it, as one JSON object.

What is signed is the pre-authentication encoding (PAE) of the payload's bytes as stored; nothing is
ever re-serialised. Source: github.com/secure-systems-lab/dsse, protocol.md and envelope.md (v1).
"""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from aims_mlops.errors import EvidenceFormatError, VerificationError

STATEMENT_PAYLOAD = "application/vnd.in-toto+json"


class Signer(Protocol):
    """Something that signs with Ed25519: a key file, or a key management service."""

    @property
    def public(self) -> bytes:
        """The raw public key, 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature, 64 bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature (64 bytes) and the id of the key that is said to have made it."""

    key_id: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """An opened envelope; the signatures are not checked yet."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]


def key_id(public: bytes) -> str:
    """The id of an Ed25519 key: SHA-256 (hex) of its 32 raw bytes."""
    return hashlib.sha256(public).hexdigest()


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSEv1 SP LEN(type) SP type SP LEN(payload) SP payload."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, signer: Signer, *, payload_type: str = STATEMENT_PAYLOAD) -> Signature:
    """One signature over a payload."""
    return Signature(key_id(signer.public), signer.sign(pae(payload_type, payload)))


def seal(
    payload: bytes, signatures: Sequence[Signature], *, payload_type: str = STATEMENT_PAYLOAD
) -> bytes:
    """The envelope as canonical JSON; every part is ASCII, so it is written directly."""
    signed = b",".join(
        b'{"keyid":"%b","sig":"%b"}' % (s.key_id.encode(), b64encode(s.value)) for s in signatures
    )
    return b'{"payload":"%b","payloadType":"%b","signatures":[%b]}' % (
        b64encode(payload),
        payload_type.encode(),
        signed,
    )


def unseal(content: bytes) -> Envelope:
    """Open an envelope; raises EvidenceFormatError if it is not one. Checks no signature."""
    try:
        outer = orjson.loads(content)
        return Envelope(
            outer["payloadType"],
            binascii.a2b_base64(outer["payload"], strict_mode=True),
            tuple(
                Signature(s.get("keyid", ""), binascii.a2b_base64(s["sig"], strict_mode=True))
                for s in outer["signatures"]
            ),
        )
    except (KeyError, TypeError, AttributeError, binascii.Error, ValueError) as error:
        raise EvidenceFormatError(f"not a DSSE envelope: {type(error).__name__}") from error


def payload_of(content: bytes) -> bytes:
    """The payload alone; raises EvidenceFormatError for anything but an envelope."""
    try:
        outer = orjson.loads(content)
        if not outer["signatures"] or not isinstance(outer["payloadType"], str):
            raise ValueError("no signature or no type")
        return binascii.a2b_base64(outer["payload"], strict_mode=True)
    except (KeyError, TypeError, binascii.Error, ValueError) as error:
        raise EvidenceFormatError(f"not a DSSE envelope: {type(error).__name__}") from error


def verify(envelope: Envelope, keys: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of those of `keys` that signed the envelope.

    keys : key id -> Ed25519PublicKey. Raises VerificationError if none of them signed, or if a
    signature that names one of them does not hold.
    """
    from cryptography.exceptions import InvalidSignature

    message = pae(envelope.payload_type, envelope.payload)
    good: list[str] = []
    for signature in envelope.signatures:
        key = keys.get(signature.key_id)
        if key is None:
            continue
        try:
            key.verify(signature.value, message)
        except InvalidSignature:
            raise VerificationError(
                f"the signature by key {signature.key_id[:16]} does not hold"
            ) from None
        good.append(signature.key_id)
    if not good:
        raise VerificationError(
            "no known key signed the envelope",
            got=", ".join(s.key_id[:16] or "no key id" for s in envelope.signatures) or "nothing",
            expected=", ".join(k[:16] for k in keys) or "no key is known",
        )
    return tuple(good)
