"""Whether a passkey signed what a record says, from the record alone.

The same rules as the log's own code has, written apart: the challenge is the SHA-256 of the consent
that a key in a file would sign; one origin, one relying party; person present and verified; ES256,
RS256 or EdDSA. Whose passkey it is, is said by records of kind `enrolment`, and is for the gate.
Source: W3C Web Authentication Level 3, section 7.2.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from aims_verify.ed25519 import is_public_key
from aims_verify.encoding import from_json

_TYPE = b"application/vnd.aims-mlops.consent+json"
_FIELDS = ["credential", "origin", "public_key", "rp_id"]
_PRESENT_AND_VERIFIED = 0x05
_MAY_BACK_UP, _BACKED_UP = 0x08, 0x10


def why_not(body: dict[str, Any]) -> str | None:
    """Why the passkey named in a body did not sign it; None if it did."""
    passkey, assertion = body.get("passkey"), body.get("assertion")
    if not isinstance(passkey, dict) or sorted(passkey) != _FIELDS:
        return "its passkey is malformed"
    if not isinstance(assertion, dict) or not all(type(v) is str for v in passkey.values()):
        return "its assertion or its passkey is malformed"
    try:
        if body.get("public_key") != sha256(_canonical(passkey)).hexdigest():
            return "it names another key"
        signed = _canonical({k: v for k, v in body.items() if k not in ("signature", "assertion")})
        data = _bytes(assertion.get("authenticator_data"))
        client = _bytes(assertion.get("client_data"))
        said = from_json(client)
        signature = bytes.fromhex(str(body.get("signature")))
        public = _bytes(passkey["public_key"])
    except (ValueError, TypeError):
        return "it is malformed"
    message = b"DSSEv1 %d %b %d %b" % (len(_TYPE), _TYPE, len(signed), signed)
    wrong = _why_not_client(said, passkey, _text(sha256(message).digest()))
    wrong = wrong or _why_not_data(data, passkey["rp_id"])
    if wrong is None and not _holds(public, signature, data + sha256(client).digest()):
        wrong = "the signature does not hold"
    return wrong


def _why_not_client(said: Any, passkey: dict[str, Any], challenge: str) -> str | None:
    if not isinstance(said, dict) or said.get("type") != "webauthn.get":
        return "the browser's data is not that of a signature"
    if said.get("challenge") != challenge:
        return "something else was signed"
    if said.get("origin") != passkey["origin"] or said.get("crossOrigin") not in (None, False):
        return "it was signed on another site"
    try:
        address = urlsplit(passkey["origin"])
    except ValueError:
        return "its site is malformed"
    host, rp_id = address.hostname or "", passkey["rp_id"]
    if host != rp_id and not host.endswith("." + rp_id):
        return "its site is not one of the relying party"
    if address.scheme != "https" and host != "localhost":
        return "its site was reached without TLS"
    return None


def _why_not_data(data: bytes, rp_id: str) -> str | None:
    if len(data) < 37 or data[:32] != sha256(rp_id.encode()).digest():
        return "it was signed for another relying party"
    flags = data[32]
    if flags & _PRESENT_AND_VERIFIED != _PRESENT_AND_VERIFIED:
        return "the authenticator did not verify the person"
    if flags & _BACKED_UP and not flags & _MAY_BACK_UP:
        return "the authenticator contradicts itself about its backup"
    return None


def _holds(public: bytes, signature: bytes, message: bytes) -> bool:
    try:
        key = load_der_public_key(public)
        if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
            key.verify(signature, message, ec.ECDSA(SHA256()))
        elif isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048:
            key.verify(signature, message, padding.PKCS1v15(), SHA256())
        elif isinstance(key, ed25519.Ed25519PublicKey) and is_public_key(key.public_bytes_raw()):
            key.verify(signature, message)
        else:
            return False
    except (ValueError, UnsupportedAlgorithm, InvalidSignature):
        return False
    return True


def _canonical(value: Any) -> bytes:
    """RFC 8785 for what a consent holds; raises ValueError for a number with a fraction."""
    return json.dumps(_sorted(value), separators=(",", ":"), ensure_ascii=False).encode()


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return {key: _sorted(value[key]) for key in keys}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    if isinstance(value, float):
        raise ValueError("a number with a fraction")
    return value


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(said: Any) -> bytes:
    content = urlsafe_b64decode(said + "=" * (-len(said) % 4))
    if _text(content) != said:
        raise ValueError("not base64url in its one spelling")
    return content
