"""An authenticator with a passkey of any algorithm, for tests; it signs whatever it is asked to."""

from __future__ import annotations

import hashlib
import json

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aims_mlops.approvals.keys.passkey import encode, passkey_id
from aims_mlops.approvals.keys.signature import signed_bytes

ORIGIN, RP_ID = "https://aims.example.org", "aims.example.org"
PRESENT, VERIFIED, MAY_BACK_UP, BACKED_UP = 1, 4, 8, 16
ALGORITHMS = ("ES256", "RS256", "EdDSA")


class Device:
    """One passkey. `flags` and `client` change what it says of itself and of the page."""

    def __init__(self, algorithm="ES256", *, origin=ORIGIN, rp_id=RP_ID):
        self.algorithm = algorithm
        self.key = {
            "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
            "RS256": lambda: rsa.generate_private_key(65537, 2048),
            "EdDSA": ed25519.Ed25519PrivateKey.generate,
            "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
        }[algorithm]()
        public = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.passkey = {
            "credential": encode(hashlib.sha256(public).digest()[:16]),
            "origin": origin,
            "public_key": encode(public),
            "rp_id": rp_id,
        }
        self.counter = 0

    @property
    def id(self):
        return passkey_id(self.passkey)

    def assertion(self, challenge, /, *, flags=PRESENT | VERIFIED, rp_id=None, **client):
        """(assertion, signature) over a challenge."""
        self.counter += 1
        said = {
            "type": "webauthn.get",
            "challenge": encode(challenge),
            "origin": self.passkey["origin"],
            "crossOrigin": False,
            **client,
        }
        head = hashlib.sha256((rp_id or self.passkey["rp_id"]).encode()).digest()
        data = head + bytes([flags]) + self.counter.to_bytes(4, "big")
        content = json.dumps(said).encode()
        message = data + hashlib.sha256(content).digest()
        if self.algorithm == "RS256":
            signature = self.key.sign(message, padding.PKCS1v15(), SHA256())
        elif self.algorithm == "EdDSA":
            signature = self.key.sign(message)
        else:
            signature = self.key.sign(message, ec.ECDSA(SHA256()))
        return {"authenticator_data": encode(data), "client_data": encode(content)}, signature

    def sign(self, body, **said):
        """A consent's body signed with it."""
        to_sign = {**body, "passkey": self.passkey, "public_key": self.id}
        challenge = hashlib.sha256(signed_bytes(to_sign)).digest()
        assertion, signature = self.assertion(challenge, **said)
        return {**to_sign, "assertion": assertion, "signature": signature.hex()}
