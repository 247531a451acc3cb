"""Runs that have begun: a spooled batch each, which counts once its process has died.

A marker is what a run would leave if it were never heard of again. It lies in the spool under a
name that delivery passes by, and its process holds a lock on it that the system takes back when
the process ends, however it ends. A run that ends removes its marker; whoever looks next turns
one that nobody holds into an ordinary batch.

The lock is that of POSIX (`lockf`): a forked child does not inherit it. Where there is none
(Windows), a file that is open cannot be renamed, which says the same.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aims_mlops.errors import StoreError, StoreUnavailableError
from aims_mlops.evidence.records import Evidence
from aims_mlops.store.disk.spool import (
    LOST,
    batch_content,
    batch_name,
    drain,
    pending,
    spool_folders,
)

__all__ = ["StartMarker", "adopt_orphans", "record_lost_runs"]

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

_SUFFIX = ".begun"

_held: dict[Path, int] = {}  # of this process; opening one of them again would end its lock


class StartMarker:
    """The marker of one run; its process holds it until `remove`."""

    def __init__(self, root: Path, batch: Sequence[Evidence]) -> None:
        """Write the marker and hold it; raises StoreUnavailableError if it cannot be written.

        root : the project's folder.  batch : what is known of the run, should it be lost.
        """
        self._process = os.getpid()
        content = batch_content(batch, "the run has begun")
        name = batch_name()
        problems: list[str] = []
        folders = spool_folders(root)
        if not folders[0].parent.is_dir():  # the log is elsewhere, or not made yet: leave no trace
            folders = folders[::-1]
        for folder in folders:
            try:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._path, self._descriptor = _written(folder, name, content)
                break
            except OSError as error:
                problems.append(f"{folder}: {error.strerror or type(error).__name__}")
        else:
            raise StoreUnavailableError(
                "the start of the run could not be written down, so its loss would leave nothing",
                got="; ".join(problems),
                next_step="make one of these folders writable, or set XDG_STATE_HOME to one that "
                "is",
            )
        _held[self._path] = self._process

    def remove(self) -> None:
        """The run has ended and its evidence is kept; only the process that began it removes it."""
        if self._process != os.getpid():
            return
        with contextlib.suppress(OSError):
            if os.name == "posix":
                self._path.unlink()
                os.close(self._descriptor)
            else:
                os.close(self._descriptor)  # an open file cannot be removed there
                self._path.unlink()
        _held.pop(self._path, None)


def adopt_orphans(root: Path) -> list[Path]:
    """Turn the markers of processes that died into batches to deliver, and return those.

    root : the project's folder. Costs a listing of the spool where nothing was lost. What cannot
    be read or renamed now is left to whoever looks next.
    """
    adopted: list[Path] = []
    for folder in spool_folders(root):
        with contextlib.suppress(OSError):
            for path in sorted(folder.glob(f"*{_SUFFIX}")):
                if _held.get(path) != os.getpid() and _is_orphan(path):
                    # After batches that ended: a run that was stored after all is not lost.
                    orphan = path.with_name(f"{LOST}{path.stem}.jsonl")
                    with contextlib.suppress(OSError):  # another process was quicker
                        path.rename(orphan)
                        adopted.append(orphan)
    return adopted


def record_lost_runs(root: Path, store: EvidenceStore) -> None:
    """Record the runs whose processes died; what the store does not take now stays pending.

    root : the project's folder. Nothing is read of the store where nothing was lost.
    """
    adopt_orphans(root)
    if any(path.name.startswith(LOST) for path in pending(root)):
        with contextlib.suppress(StoreError):
            drain(root, store)


def _written(folder: Path, name: str, content: bytes) -> tuple[Path, int]:
    """The marker's path and its open file, which is held before others can see it."""
    draft, path = folder / f"{name}.draft", folder / f"{name}{_SUFFIX}"
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with contextlib.suppress(OSError):  # a file system without locks: it is never adopted
            _lock(descriptor)
        os.write(descriptor, content)
        os.fsync(descriptor)
        draft.rename(path)
    except OSError:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    return path, descriptor


def _is_orphan(path: Path) -> bool:
    """Whether no process holds it; False where that cannot be told."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return _lock(descriptor)
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Whether this process holds it now; raises BlockingIOError if another one does."""
    try:
        import fcntl
    except ImportError:
        return True  # Windows: renaming tells
    fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True
