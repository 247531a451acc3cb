"""One process at a time, by a lock that the system takes back when the process ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def only_process(path: Path) -> Iterator[bool]:
    """Hold the lock of a file for the block; False if another process does.

    Raises OSError where the file cannot be opened.
    Without file locks (Windows) every process holds it: evidence is stored once all the same,
    because a store knows a statement by its key.
    """
    try:
        import fcntl
    except ImportError:
        yield True
        return
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
