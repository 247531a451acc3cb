"""Personal content: encrypted under a key of its own, so that erasing is destroying the key.

The log commits to HMAC-SHA256(salt, content): without the salt nobody can test a guess at what was
erased. Salt, key and the name of the stored object are kept in one row, wrapped with AES-256-GCM
under a key in the store's key folder, so that the database alone opens nothing.
"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass
from pathlib import Path

from aims_mlops.errors import StoreError, StoreUnavailableError, VerificationError
from aims_mlops.store.disk.atomic_write import make_folder, write_file

BLOB_KEY = "blob.key"
_NONCE = 12  # bytes
_KEY = 32  # bytes


@dataclass(frozen=True, slots=True)
class Secrets:
    """What opens one blob: salt and key (32 bytes each) and the name of the stored object."""

    salt: bytes
    key: bytes
    name: str

    def to_bytes(self) -> bytes:
        """Salt, key and name as bytes of a fixed length."""
        return self.salt + self.key + bytes.fromhex(self.name)

    @classmethod
    def from_bytes(cls, content: bytes) -> Secrets:
        """Read back what `to_bytes` wrote."""
        if len(content) != 3 * _KEY:
            raise VerificationError("the key of a blob is damaged")
        return cls(content[:_KEY], content[_KEY : 2 * _KEY], content[2 * _KEY :].hex())


def commitment_of(salt: bytes, content: bytes) -> str:
    """HMAC-SHA256(salt, content) in hex: what the log holds in the place of a digest."""
    return hmac.digest(salt, content, "sha256").hex()


def lock(content: bytes) -> tuple[str, bytes, bytes, bytes]:
    """Encrypt content; returns (commitment, ciphertext, salt, key)."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, key, nonce = os.urandom(_KEY), os.urandom(_KEY), os.urandom(_NONCE)
    commitment = commitment_of(salt, content)
    sealed = AESGCM(key).encrypt(nonce, content, bytes.fromhex(commitment))
    return commitment, nonce + sealed, salt, key


def unlock(commitment: str, ciphertext: bytes, secrets: Secrets) -> bytes:
    """Decrypt content and check it against its commitment; raises VerificationError."""
    content = _open(secrets.key, ciphertext, bytes.fromhex(commitment), f"blob {commitment[:16]}")
    if commitment_of(secrets.salt, content) != commitment:
        raise VerificationError(f"the blob {commitment[:16]} is not what was stored")
    return content


def wrap(folder: Path, commitment: str, secrets: Secrets) -> bytes:
    """The secrets of one blob, encrypted under the store's key."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    kept = AESGCM(_store_key(folder, create=True))
    return nonce + kept.encrypt(nonce, secrets.to_bytes(), bytes.fromhex(commitment))


def unwrap(folder: Path, commitment: str, wrapped: bytes) -> Secrets:
    """The secrets of one blob; raises VerificationError, StoreError if the store's key is gone."""
    what = f"the key of blob {commitment[:16]}"
    key = _store_key(folder, create=False)
    return Secrets.from_bytes(_open(key, wrapped, bytes.fromhex(commitment), what))


def _open(key: bytes, sealed: bytes, about: bytes, what: str) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], about)
    except (InvalidTag, ValueError):
        raise VerificationError(f"{what} is not what was stored") from None


def _store_key(folder: Path, *, create: bool) -> bytes:
    path = folder / BLOB_KEY
    try:
        if create and not path.exists():
            make_folder(folder, mode=0o700)
            write_file(path, os.urandom(_KEY).hex().encode() + b"\n", mode=0o600, replace=False)
        return bytes.fromhex(path.read_text("ascii").strip())
    except FileNotFoundError:
        raise StoreError(
            f"the key of encrypted blobs is not at {path}", next_step="restore it from its backup"
        ) from None
    except (OSError, ValueError) as error:
        raise StoreUnavailableError(
            f"the key of encrypted blobs at {path} cannot be used", got=str(error)[:200]
        ) from error
