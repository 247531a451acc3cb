"""Counts of one process that outlive it: what a killed one had accepted and not written is known.

Each count is written to a small file as it changes, without waiting for the disk: a SIGKILL loses
none, a power cut may lose the last seconds. The file is locked as long as the process lives, so
that whoever finds it unlocked knows that nobody writes those rows any more.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAMES = (
    "calls",
    "failed",
    "rows",
    "sampled",
    "accepted",
    "written",
    "queue_full",
    "unreadable",
    "unwritten",
    "recorded",
    "files",
    "recorded_files",
)
ENDING = ".tally"
_HEADER_BYTES = 3072
_COUNTS = struct.Struct(f"<{len(NAMES)}q")


@dataclass(slots=True)
class Counts:
    """Of one process and log, since it began.

    calls : that were answered; failed : that raised.  rows : of answered calls; sampled : of those
    that the sample keeps.  accepted = written + unreadable + unwritten + what waits; a sampled row
    that was not accepted is queue_full.  recorded : rows that evidence speaks of.  files : written;
    recorded_files : that evidence names.
    """

    calls: int = 0
    failed: int = 0
    rows: int = 0
    sampled: int = 0
    accepted: int = 0
    written: int = 0
    queue_full: int = 0
    unreadable: int = 0
    unwritten: int = 0
    recorded: int = 0
    files: int = 0
    recorded_files: int = 0

    @property
    def waiting(self) -> int:
        """Rows in memory: accepted and neither written nor given up."""
        return self.accepted - self.written - self.unreadable - self.unwritten

    def packed(self) -> bytes:
        """The counts as bytes of a fixed length."""
        return _COUNTS.pack(
            self.calls,
            self.failed,
            self.rows,
            self.sampled,
            self.accepted,
            self.written,
            self.queue_full,
            self.unreadable,
            self.unwritten,
            self.recorded,
            self.files,
            self.recorded_files,
        )


class Tally:
    """The file of a living process; without one (`path` is None) nothing outlives the process."""

    def __init__(self, descriptor: int | None, path: Path | None) -> None:
        self._descriptor = descriptor
        self.path = path

    @classmethod
    def create(cls, folder: Path, process: str, about: Mapping[str, Any]) -> Tally:
        """A new file in `folder`. Raises OSError if it cannot be written or locked."""
        header = {**about, "process": process, "pid": os.getpid(), "host": socket.gethostname()}
        content = json.dumps(header).encode().ljust(_HEADER_BYTES) + Counts().packed()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{process}{ENDING}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _lock(descriptor)
            # As real bytes, so that a disk that is full later still takes the counts.
            os.pwrite(descriptor, content, 0)
            os.fsync(descriptor)
        except OSError:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
        return cls(descriptor, path)

    def put(self, counts: Counts) -> None:
        """Write the counts over the last ones. Raises nothing: a prediction is on its way."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.pwrite(self._descriptor, counts.packed(), _HEADER_BYTES)

    def close(self, *, remove: bool) -> None:
        """Let the file go; `remove` if nothing is left to tell."""
        if self._descriptor is None:
            return
        if remove and self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            os.close(self._descriptor)
        self._descriptor = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that ended without closing its log; its file stays locked until `done`.

    about : system, folder, process, pid, host, started and what else it was created with.
    """

    path: Path
    about: Mapping[str, Any]
    counts: Counts
    descriptor: int

    def done(self, *, remove: bool) -> None:
        """Let it go, and remove its file once it is on record."""
        if remove:
            self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


def ended(folder: Path) -> list[Ended]:
    """The files in a folder whose process is gone, each locked for whoever asked first."""
    found = []
    for path in sorted(folder.glob(f"*{ENDING}")):
        one = _take(path)
        if one is not None:
            found.append(one)
    return found


def _take(path: Path) -> Ended | None:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        _lock(descriptor)
        content = os.pread(descriptor, _HEADER_BYTES + _COUNTS.size, 0)
        about = json.loads(content[:_HEADER_BYTES])
        counts = Counts(*_COUNTS.unpack(content[_HEADER_BYTES:]))
        if not os.path.samestat(os.fstat(descriptor), path.stat()):
            raise FileNotFoundError(path)
        return Ended(path, about, counts, descriptor)
    except (OSError, ValueError, struct.error):
        os.close(descriptor)  # alive, or begun and not finished, or taken by another
        return None


def _lock(descriptor: int) -> None:
    """Raises BlockingIOError if another process has it."""
    try:
        import fcntl
    except ImportError:  # Windows: two that look at once tell a loss twice, under one key
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
