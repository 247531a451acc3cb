"""Which key signs the log now, and what it last signed."""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path

from aims_mlops.errors import StoreError
from aims_mlops.evidence.envelope import Signer, key_id
from aims_mlops.store.keys import LOG_KEY, LastSigned, load_key


class LogKeys:
    """The signer of one log, loaded at the first append; a reader needs no key.

    folder : where `log.key` is, and where this machine remembers what it signed.
    signer : used instead of the file, such as one in a key management service.
    """

    def __init__(self, folder: Path, signer: Signer | None = None) -> None:
        self.folder = folder
        if signer is not None:
            self.__dict__["signer"] = signer
        self._last = LastSigned(folder / "log.seen")
        self._memory: tuple[str, int, bytes] | None = None
        self._lock = threading.Lock()

    @cached_property
    def signer(self) -> Signer:
        return load_key(self.folder / LOG_KEY)

    def check_signer(self, current: str) -> None:
        """Raise StoreError unless our key is the one that the log is signed with now."""
        own = key_id(self.signer.public)
        if own == current:
            return
        self.__dict__.pop("signer", None)  # another process may have rotated it: look again
        raise StoreError(
            "the key at hand is not the log's",
            got=f"key {own[:16]}",
            expected=f"key {current[:16]}",
            next_step=f"put the log's key at {self.folder / LOG_KEY}, or see: aims key list",
        )

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
        return self._last.rolled_back(url, size, seen)
