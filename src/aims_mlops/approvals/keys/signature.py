"""A person's signature over exactly what was shown to them.

The signed bytes are the canonical JSON of the consent without its signature, in DSSE's
pre-authentication encoding under a type of its own: a signature made for anything else, a log
checkpoint or another document, is never one of consent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aims_mlops.approvals.keys.passkey import ASSERTION, verify_passkey
from aims_mlops.errors import EvidenceFormatError, VerificationError
from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.evidence.encoding.envelope import Signer, pae
from aims_mlops.evidence.transparency.public_keys import check_public_key

CONSENT_PAYLOAD = "application/vnd.aims-mlops.consent+json"
_UNSIGNED = ("signature",)


def signed_bytes(body: Mapping[str, Any]) -> bytes:
    """What a signature over a consent's body covers: everything but the signature.

    Of a passkey's, the assertion is a part of the signature; that it is one is signed.
    """
    unsigned = (*_UNSIGNED, ASSERTION) if "passkey" in body else _UNSIGNED
    return pae(CONSENT_PAYLOAD, canonical({k: v for k, v in body.items() if k not in unsigned}))


def sign_consent(body: Mapping[str, Any], signer: Signer) -> dict[str, Any]:
    """The body with the signer's public key and signature in it."""
    signed = {**body, "public_key": signer.public.hex()}
    return {**signed, "signature": signer.sign(signed_bytes(signed)).hex()}


def verify_consent(body: Mapping[str, Any]) -> str:
    """The public key (hex) that signed the body; raises VerificationError if none did.

    Of a passkey, the digest that stands for it.
    """
    if "passkey" in body:
        return verify_passkey(body, signed_bytes(body))
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        public = str(body["public_key"])
        key = Ed25519PublicKey.from_public_bytes(check_public_key(bytes.fromhex(public)))
        key.verify(bytes.fromhex(str(body["signature"])), signed_bytes(body))
    except KeyError as error:
        raise VerificationError(f"consent has no {error.args[0]}") from error
    except (ValueError, EvidenceFormatError, InvalidSignature) as error:
        raise VerificationError("the signature does not fit what it is said to sign") from error
    return public
