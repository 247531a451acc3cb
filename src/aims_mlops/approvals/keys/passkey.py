"""A signature by a passkey (WebAuthn) over a consent. Pure.

The challenge of the ceremony is the SHA-256 of the bytes that a key in a file would sign, so the
authenticator's signature, over its own data and the digest of the browser's, covers exactly them.

- `passkey` is signed: credential, public key, the origin and the relying party of its pages. The
  record's `public_key` is the digest of all four, so a confirmed key is confirmed for one origin.
- `assertion` is what the authenticator and the browser said, as they said it; counter, backup flags
  and user verification are in the authenticator's data.
- Presence and verification of the person (PIN, fingerprint, face) are both required.
Source: W3C Web Authentication Level 3, section 7.2, steps 11 to 21; algorithms ES256, RS256, EdDSA.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aims_mlops.errors import VerificationError
from aims_mlops.evidence.encoding.canonical import canonical

FIELDS = ("credential", "origin", "public_key", "rp_id")
ASSERTION = "assertion"
_HEAD = 37  # bytes: SHA-256 of the relying party, flags, counter
_PRESENT, _VERIFIED, _MAY_BACK_UP, _BACKED_UP = 0x01, 0x04, 0x08, 0x10
_LEAST_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class AuthenticatorData:
    """What the authenticator says. counter : 0 where it keeps none."""

    counter: int
    may_be_backed_up: bool
    is_backed_up: bool


def passkey_id(passkey: Mapping[str, Any]) -> str:
    """What stands for a passkey in records, hex; raises VerificationError."""
    if sorted(passkey) != list(FIELDS) or not all(isinstance(v, str) for v in passkey.values()):
        raise VerificationError(f"a passkey has exactly the texts {', '.join(FIELDS)}")
    return hashlib.sha256(canonical(dict(passkey))).hexdigest()


def challenge_of(signed: bytes) -> bytes:
    """The challenge of the ceremony that signs these bytes."""
    return hashlib.sha256(signed).digest()


def verify_passkey(body: Mapping[str, Any], signed: bytes) -> str:
    """The id of the passkey that signed a body; raises VerificationError if none did.

    signed : what a signature over the body covers, without signature and assertion.
    """
    passkey, assertion = body.get("passkey"), body.get(ASSERTION)
    if not isinstance(passkey, Mapping) or not isinstance(assertion, Mapping):
        raise VerificationError("a passkey's signature needs its passkey and its assertion")
    public = passkey_id(passkey)
    if body.get("public_key") != public:
        raise VerificationError("the record names another key than its passkey")
    try:
        signature = bytes.fromhex(str(body.get("signature")))
    except ValueError as error:
        raise VerificationError("the passkey's signature is not hex") from error
    verify_assertion(passkey, assertion, signature, challenge_of(signed))
    return public


def verify_assertion(
    passkey: Mapping[str, Any], assertion: Mapping[str, Any], signature: bytes, challenge: bytes
) -> AuthenticatorData:
    """What an authenticator said with a signature that holds; raises VerificationError.

    assertion : `authenticator_data` and `client_data`, base64url without padding.
    """
    data = _bytes(assertion.get("authenticator_data"), "the authenticator's data")
    client = _bytes(assertion.get("client_data"), "the browser's data")
    _check_client(client, passkey, challenge)
    said = authenticator_data(data, str(passkey["rp_id"]))
    _check_signature(
        _bytes(passkey["public_key"], "the public key"),
        signature,
        data + hashlib.sha256(client).digest(),
    )
    return said


def authenticator_data(data: bytes, rp_id: str) -> AuthenticatorData:
    """The flags and counter of an authenticator's data; raises VerificationError."""
    if len(data) < _HEAD:
        raise VerificationError("the authenticator's data is too short")
    if data[:32] != hashlib.sha256(rp_id.encode()).digest():
        raise VerificationError("the passkey signed for another relying party (rpId)")
    flags = data[32]
    if not flags & _PRESENT:
        raise VerificationError("the authenticator saw nobody (user presence)")
    if not flags & _VERIFIED:
        raise VerificationError("the authenticator did not verify the person (user verification)")
    if flags & _BACKED_UP and not flags & _MAY_BACK_UP:
        raise VerificationError("the authenticator contradicts itself about its backup")
    return AuthenticatorData(
        int.from_bytes(data[33:37], "big"), bool(flags & _MAY_BACK_UP), bool(flags & _BACKED_UP)
    )


def _check_client(client: bytes, passkey: Mapping[str, Any], challenge: bytes) -> None:
    try:
        said = json.loads(client)
    except (ValueError, RecursionError) as error:
        raise VerificationError("the browser's data is not JSON") from error
    if not isinstance(said, dict) or said.get("type") != "webauthn.get":
        raise VerificationError("the browser's data is not that of a signature")
    if said.get("challenge") != encode(challenge):
        raise VerificationError("the passkey signed something else than this record")
    origin = str(passkey["origin"])
    if said.get("origin") != origin or said.get("crossOrigin") not in (None, False):
        raise VerificationError("the passkey signed on another site (origin)")
    address, rp_id = urlsplit(origin), str(passkey["rp_id"])
    host = address.hostname or ""
    if host != rp_id and not host.endswith(f".{rp_id}"):
        raise VerificationError("the site is not one of the relying party")
    if address.scheme != "https" and host != "localhost":
        raise VerificationError("the site was reached without TLS")


def _check_signature(public: bytes, signature: bytes, message: bytes) -> None:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(public)
        if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
            key.verify(signature, message, ec.ECDSA(SHA256()))
        elif isinstance(key, rsa.RSAPublicKey) and key.key_size >= _LEAST_RSA_BITS:
            key.verify(signature, message, padding.PKCS1v15(), SHA256())
        elif isinstance(key, ed25519.Ed25519PublicKey):
            from aims_mlops.evidence.transparency.public_keys import check_public_key

            check_public_key(key.public_bytes_raw())
            key.verify(signature, message)
        else:
            raise VerificationError("the passkey's algorithm is none of ES256, RS256 and EdDSA")
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise VerificationError("the passkey's signature does not hold") from error


def encode(content: bytes) -> str:
    """Base64url without padding, as browsers write it."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(said: Any, what: str) -> bytes:
    try:
        if isinstance(said, str):
            content = base64.b64decode(said + "=" * (-len(said) % 4), altchars=b"-_", validate=True)
            if encode(content) == said:
                return content
    except (ValueError, binascii.Error):
        pass
    raise VerificationError(f"{what} is not base64url")
