"""Signed notes (C2SP signed-note): a text and Ed25519 signatures by named keys.

Source: c2sp.org/signed-note. A verifier key is `name+hash+base64(0x01 || public key)`.
"""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from aims_mlops.errors import EvidenceFormatError, VerificationError
from aims_mlops.evidence.encoding.envelope import Signer
from aims_mlops.evidence.transparency.public_keys import check_public_key

MAX_NOTE_BYTES = 1_000_000
_ED25519 = 0x01
_DASH = "— "


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A key by name: `public` is the raw Ed25519 key, 32 bytes."""

    name: str
    public: bytes

    @property
    def hash(self) -> bytes:
        """The first 4 bytes of SHA-256(name, newline, 0x01, public key)."""
        body = self.name.encode() + b"\n" + bytes([_ED25519]) + self.public
        return hashlib.sha256(body).digest()[:4]

    def __str__(self) -> str:
        encoded = b64encode(bytes([_ED25519]) + self.public).decode()
        return f"{self.name}+{self.hash.hex()}+{encoded}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read a verifier key; raises EvidenceFormatError."""
        try:
            name, digits, encoded = text.strip().split("+", 2)
            raw = b64decode(encoded, validate=True)
        except (ValueError, binascii.Error) as error:
            raise EvidenceFormatError(
                "not a verifier key", expected="name+hash+base64 of 0x01 and the key"
            ) from error
        if len(raw) != 33 or raw[0] != _ED25519 or not name:
            raise EvidenceFormatError("the verifier key is not an Ed25519 key")
        key = cls(name, check_public_key(raw[1:]))
        if key.hash.hex() != digits:
            raise EvidenceFormatError(
                f"the verifier key of {name} does not match its own hash", got=digits[:16]
            )
        return key


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: key name, 4-byte key hash, the signature's bytes."""

    name: str
    hash: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A note, opened; `text` ends with a newline. No signature is checked yet."""

    text: str
    signatures: tuple[NoteSignature, ...]


def sign_note(text: str, name: str, *signers: Signer) -> str:
    """The note, signed by each of the signers; `text` must end with a newline."""
    if not text.endswith("\n"):
        raise EvidenceFormatError("a note's text ends with a newline")
    lines = []
    for signer in signers:
        value = VerifierKey(name, signer.public).hash + signer.sign(text.encode())
        lines.append(f"{_DASH}{name} {b64encode(value).decode()}\n")
    return f"{text}\n{''.join(lines)}"


def parse_note(content: str) -> Note:
    """Open a note; raises EvidenceFormatError."""
    if len(content) > MAX_NOTE_BYTES or any(c < " " and c != "\n" for c in content):
        raise EvidenceFormatError("a note has a size or characters that are not allowed")
    split = content.rfind("\n\n")
    if split < 0 or not content.endswith("\n"):
        raise EvidenceFormatError("a note has no signatures")
    text, tail = content[: split + 1], content[split + 2 :]
    signatures = []
    for line in tail.split("\n")[:-1]:
        name, _, encoded = line.removeprefix(_DASH).rpartition(" ")
        try:
            raw = b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            raw = b""
        if not line.startswith(_DASH) or not name or " " in name or "+" in name or len(raw) < 5:
            raise EvidenceFormatError("a note has a malformed signature line")
        signatures.append(NoteSignature(name, raw[:4], raw[4:]))
    if not signatures:
        raise EvidenceFormatError("a note has no signatures")
    return Note(text, tuple(signatures))


def verify_note(note: Note, keys: Sequence[VerifierKey]) -> tuple[VerifierKey, ...]:
    """Those of `keys` that signed the note.

    Raises VerificationError if none did, or if a line that names one of them does not hold; lines
    by unknown keys are passed over, as the specification asks.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    known = {(key.name, key.hash): key for key in keys}
    good: list[VerifierKey] = []
    for signature in note.signatures:
        key = known.get((signature.name, signature.hash))
        if key is None:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(check_public_key(key.public)).verify(
                signature.value, note.text.encode()
            )
        except InvalidSignature:
            raise VerificationError(f"the note's signature by {key.name} does not hold") from None
        good.append(key)
    if not good:
        raise VerificationError(
            "no known key signed the note",
            got=", ".join(s.name for s in note.signatures)[:200],
            expected=", ".join(k.name for k in keys)[:200] or "no key is known",
        )
    return tuple(good)
