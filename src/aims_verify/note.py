"""Signed notes and checkpoints, read independently of the log's own code.

Sources: c2sp.org/signed-note, c2sp.org/tlog-checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from aims_verify.ed25519 import is_public_key
from aims_verify.encoding import from_base64
from aims_verify.findings import UnreadableError

MAX_NOTE = 65_536  # characters
_ED25519 = b"\x01"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed note that says: this log has `size` records with this root (32 bytes).

    signatures : (key name, 4-byte key hash, signature).  text : the exact text that is signed.
    """

    origin: str
    size: int
    root: bytes
    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]

    @classmethod
    def parse(cls, note: str) -> Checkpoint:
        """Read a note; raises UnreadableError."""
        text, split, tail = note.rpartition("\n\n")
        text += "\n"
        lines = text.split("\n")
        if (
            not split
            or len(note) > MAX_NOTE
            or not note.endswith("\n")
            or len(lines) < 4
            or "" in lines[:-1]
            or any(c < " " and c != "\n" for c in note)
        ):
            raise UnreadableError("not a signed checkpoint")
        size, root = lines[1], from_base64(lines[2])
        if not (size.isascii() and size.isdigit() and len(size) < 20 and str(int(size)) == size):
            raise UnreadableError("a checkpoint whose size is not a number")
        if root is None or len(root) != 32:
            raise UnreadableError("a checkpoint whose root is not a SHA-256 hash")
        signatures = []
        for line in tail[:-1].split("\n"):
            dash, _, rest = line.partition(" ")
            name, _, encoded = rest.rpartition(" ")
            raw = from_base64(encoded)
            if dash != "—" or not name or " " in name or raw is None or len(raw) < 5:
                raise UnreadableError("a checkpoint with a malformed signature line")
            signatures.append((name, raw[:4], raw[4:]))
        return cls(lines[0], int(size), root, text, tuple(signatures))

    def signed_by(self, publics: Iterable[bytes]) -> bytes | None:
        """The first of the raw public keys that signed it under the log's own name."""
        for public in publics:
            hashed = key_hash(self.origin, public)
            for name, claimed, signature in self.signatures:
                if (
                    name == self.origin
                    and claimed == hashed
                    and holds(public, signature, self.text.encode())
                ):
                    return public
        return None


def key_hash(name: str, public: bytes) -> bytes:
    """The 4 bytes by which a note's signature line names its key."""
    return sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


@lru_cache(maxsize=64)
def _key(public: bytes) -> Ed25519PublicKey:
    if not is_public_key(public):
        raise ValueError("no key that a log may have")
    return Ed25519PublicKey.from_public_bytes(public)


def holds(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether an Ed25519 signature by a raw public key holds."""
    try:
        _key(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def parse_key(text: str) -> tuple[str, bytes, str]:
    """(key id in hex, raw bytes or b'', name or '') of a verifier key `name+hash+base64` or an id.

    Raises UnreadableError.
    """
    text = text.strip()
    if len(text) == 64 and all(c in "0123456789abcdef" for c in text):
        return text, b"", ""
    name, _, rest = text.partition("+")
    digits, _, encoded = rest.partition("+")
    raw = from_base64(encoded)
    if raw is None or len(raw) != 33 or raw[:1] != _ED25519:
        raise UnreadableError(
            "not a key: expected name+hash+base64 as `aims key list` prints it, or 64 hex digits"
        )
    if key_hash(name, raw[1:]).hex() != digits:
        raise UnreadableError("the key does not match its own hash: it was mistyped or changed")
    if not is_public_key(raw[1:]):
        raise UnreadableError("the key is not one that a log may have: anybody could sign by it")
    return key_id(raw[1:]), raw[1:], name


def key_id(public: bytes) -> str:
    """SHA-256 (hex) of a raw public key."""
    return sha256(public).hexdigest()
