"""Which key signs the log now, and what it last signed."""

from __future__ import annotations

import threading
from pathlib import Path

from aims_mlops.errors import InputError, StoreError
from aims_mlops.evidence.encoding.envelope import Signer, key_id
from aims_mlops.store.disk.atomic_write import sync_folder
from aims_mlops.store.disk.key_file import LOG_KEY, LastSigned, create_key, load_key

NEXT_KEY = "log.key.next"


class KeyChangedError(Exception):
    """Another process rotated the key meanwhile; the signer is loaded anew: sign again."""


def key_is_gone(path: Path) -> InputError:
    """Only the key itself can sign for the log or hand it over, so no command makes another."""
    return InputError(
        f"the log's key {path} is missing, and without it nothing can be added to this log",
        expected="the key file that was made with the log",
        next_step=(
            "restore it from its backup. Without one nobody can hand this log over: read, verify "
            "and export it as it is, and set another `store` in aims.yaml, where a new log begins"
        ),
    )


class LogKeys:
    """The signer of one log, loaded at the first append; a reader needs no key.

    folder : where `log.key` is, and where this machine remembers what it signed.
    signer : used instead of the file, such as one in a key management service.
    """

    def __init__(self, folder: Path, signer: Signer | None = None) -> None:
        self.folder = folder
        self._given = signer
        self._loaded: Signer | None = None
        self._last = LastSigned(folder / "log.seen")
        self._memory: tuple[str, int, bytes] | None = None
        self._lock = threading.Lock()

    @property
    def signer(self) -> Signer:
        """The key that signs now."""
        if self._given is not None:
            return self._given
        if self._loaded is None:
            if not (self.folder / LOG_KEY).exists():
                raise key_is_gone(self.folder / LOG_KEY)
            self._loaded = load_key(self.folder / LOG_KEY)
        return self._loaded

    def at_hand(self) -> list[bytes]:
        """Public keys (raw) of the log that this machine holds: of the signer and of its files.

        Another process may have rotated the key, or been killed between the log and the key file.
        """
        if self._given is not None:
            return [self._given.public]
        found = [] if self._loaded is None else [self._loaded.public]
        for name in (LOG_KEY, NEXT_KEY):
            try:
                public = load_key(self.folder / name).public
            except (InputError, StoreError):
                continue
            if public not in found:
                found.append(public)
        return found

    def first(self) -> Signer:
        """The signer of a log that is about to be created; makes its key if there is none."""
        if self._given is None:
            self._loaded = create_key(self.folder / LOG_KEY)
        return self.signer

    def check_signer(self, current: str) -> None:
        """Return if our key is the one that the log is signed with now.

        Raises KeyChangedError if the key file holds it by now, StoreError if we do not have it.
        """
        own = key_id(self.signer.public)
        if own == current:
            return
        if self._given is None:
            # Another process rotated the key, or was killed between the log and the key file.
            for name in (LOG_KEY, NEXT_KEY):
                try:
                    found = load_key(self.folder / name)
                except InputError:
                    continue
                if found.key_id == current:
                    if name == NEXT_KEY:
                        self.promote()
                    self._loaded = found
                    raise KeyChangedError
        raise StoreError(
            "the key at hand is not the log's",
            got=f"key {own[:16]}",
            expected=f"key {current[:16]}",
            next_step=f"put the log's key at {self.folder / LOG_KEY}, or see: aims key list",
        )

    def prepare_next(self) -> Signer:
        """Make the key that a rotation will hand over to; it signs nothing yet."""
        if self._given is not None:
            raise InputError(
                "the log's key is in a key management service",
                next_step="make the new key there and pass it to the rotation",
            )
        path = self.folder / NEXT_KEY
        path.unlink(missing_ok=True)
        return create_key(path)

    def promote(self) -> None:
        """Put the next key in the place of the old one, which is gone with that."""
        (self.folder / NEXT_KEY).replace(self.folder / LOG_KEY)
        sync_folder(self.folder)
        self._loaded = None

    def use(self, signer: Signer) -> None:
        """Sign with this from now on."""
        self._given = signer

    def last_signed(self, log_id: str) -> tuple[int, bytes] | None:
        """Size and root that were last signed here, by this process or by another."""
        stored = self._last.read(log_id)
        with self._lock:
            own = self._memory
        if own is not None and own[0] == log_id and (stored is None or own[1] > stored[0]):
            return own[1], own[2]
        return stored

    def remember(self, log_id: str, size: int, root: bytes) -> None:
        """Remember what was just committed."""
        with self._lock:
            if self._memory is None or self._memory[0] != log_id or self._memory[1] < size:
                self._memory = (log_id, size, root)
        self._last.write(log_id, size, root)

    def rolled_back(self, url: str, size: int, seen: int) -> StoreError:
        """The error for a log that is behind what was signed here last."""
        return self._last.rolled_back(url, size, seen)
