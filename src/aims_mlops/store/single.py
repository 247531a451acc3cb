"""One process at a time, by a lock that the system takes back when the process ends."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def only_process(path: Path) -> Iterator[bool]:
    """Hold the lock of a file for the block; False if another process does.

    Without file locks (Windows) every process holds it: evidence is stored once all the same,
    because a store knows a statement by its key.
    """
    try:
        import fcntl
    except ImportError:
        yield True
        return
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("ab"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
