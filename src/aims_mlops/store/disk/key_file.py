"""The log's Ed25519 key in a file, and what it last signed.

The file is PEM (PKCS 8), mode 0600, with a passphrase if one is given. People's keys live
elsewhere: a log key signs records and checkpoints and nothing else.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from aims_mlops.errors import InputError, StoreError, StoreUnavailableError
from aims_mlops.evidence.encoding.envelope import key_id
from aims_mlops.store.disk.atomic_write import make_folder, write_file

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PASSPHRASE_VARIABLE = "AIMS_KEY_PASSPHRASE"  # noqa: S105  the name of a variable
LOG_KEY = "log.key"


class FileSigner:
    """A private key held in memory; `public` is the raw key, 32 bytes."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self.public = private.public_key().public_bytes_raw()
        self.sign = private.sign

    @property
    def key_id(self) -> str:
        """The key's id as the log names it."""
        return key_id(self.public)


def create_key(path: Path, *, passphrase: str | None = None) -> FileSigner:
    """Make a key and its file, durable and 0600; a key that is there already is loaded instead.

    Raises StoreUnavailableError with the reason of the operating system.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    passphrase = passphrase if passphrase is not None else os.environ.get(PASSPHRASE_VARIABLE)
    encryption: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(passphrase.encode())
        if passphrase
        else serialization.NoEncryption()
    )
    content = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    try:
        make_folder(path.parent, mode=0o700)
        written = write_file(path, content, mode=0o600, replace=False)
    except OSError as error:
        raise StoreUnavailableError(
            f"the key {path} cannot be written", got=error.strerror or str(error)
        ) from error
    return FileSigner(private) if written else load_key(path, passphrase=passphrase)


def load_key(path: Path, *, passphrase: str | None = None) -> FileSigner:
    """Read a private key; raises InputError naming what is wrong with the file."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    passphrase = passphrase if passphrase is not None else os.environ.get(PASSPHRASE_VARIABLE)
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(
            f"the key {path} is missing",
            next_step="restore it from its backup",
        ) from None
    except OSError as error:
        raise StoreUnavailableError(
            f"the key {path} cannot be read", got=error.strerror or str(error)
        ) from error
    if mode & 0o077:
        raise InputError(
            f"the key {path} may be read by others",
            got=f"mode {mode & 0o777:04o}",
            expected="mode 0600",
            next_step=f"chmod 600 {path}",
        )
    encrypted = b"ENCRYPTED" in content
    if encrypted and not passphrase:
        raise InputError(f"the key {path} has a passphrase", next_step=f"set {PASSPHRASE_VARIABLE}")
    try:
        private = load_pem_private_key(
            content, passphrase.encode() if encrypted and passphrase else None
        )
    except (ValueError, TypeError) as error:
        raise InputError(
            f"the key {path} cannot be opened",
            got="a wrong passphrase or a damaged file" if encrypted else "a damaged file",
        ) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise InputError(f"the key {path} is not an Ed25519 key")
    return FileSigner(private)


class LastSigned:
    """What this machine last signed, beside the key: a log that is behind it was rolled back.

    One line, size and root in hex, overwritten in place. It is written after the commit, so it may
    be behind the log but never ahead of it.
    """

    _LINE = re.compile(rb"([0-9a-f]{32}) ([0-9]{20}) ([0-9a-f]{64})\n")

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, log_id: str) -> tuple[int, bytes] | None:
        """Size and root last signed for this log; None if nothing was, or the line is torn."""
        try:
            match = self._LINE.match(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreUnavailableError(
                f"{self._path} cannot be read", got=error.strerror or str(error)
            ) from error
        if match is None or match[1].decode() != log_id:
            return None
        return int(match[2]), bytes.fromhex(match[3].decode())

    def write(self, log_id: str, size: int, root: bytes) -> None:
        """Remember; a failure to do so must not fail an append that is committed."""
        line = f"{log_id} {size:020d} {root.hex()}\n".encode()
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.pwrite(handle, line, 0)
            finally:
                os.close(handle)
        except OSError:
            return

    def rolled_back(self, url: str, size: int, seen: int) -> StoreError:
        """The error for a log that is behind what was signed here last."""
        return StoreError(
            f"the log {url} is not the one that was signed here before",
            got=f"{size} records that do not contain the {seen} signed",
            expected=f"the same {seen} records, and perhaps more",
            next_step=(
                "restore the newest backup; if the loss is accepted, tell whoever holds a "
                f"checkpoint and move {self._path} aside"
            ),
        )
