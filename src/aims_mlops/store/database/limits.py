"""How long a database may be waited for, and what follows when it was waited for in vain.

A database that is locked or frozen must not hold everything that asks it, one after the other.
Statements and locks have time limits; a server that does not even answer has its connection cut;
and for a few seconds after somebody has waited in vain, whoever asks is told so at once.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aims_mlops.errors import InputError, StoreUnavailableError

LOCK_TIMEOUT = 15.0  # seconds to wait for another writer, where LOCK_VARIABLE says nothing
LOCK_VARIABLE = "AIMS_LOCK_TIMEOUT"
STATEMENT_TIMEOUT = 60.0  # seconds that one statement may take on PostgreSQL
STATEMENT_VARIABLE = "AIMS_STATEMENT_TIMEOUT"
CONNECT_TIMEOUT = 3  # seconds, whole ones, until a server has taken a connection
ANSWER_TIMEOUT = 3.0  # seconds until a connection that was idle has answered
_IN_VAIN = 1.0  # seconds of waiting from which on others are spared it
_REST = 5.0  # seconds for which they are


def seconds_of(variable: str, default: float) -> float:
    """Seconds that a variable says; raises InputError."""
    said = os.environ.get(variable)
    if said is None:
        return default
    try:
        seconds = float(said)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise InputError(
            f"{variable} is not a time to wait", got=repr(said), expected="0 to 3600 seconds"
        )
    return seconds


class Breaker:
    """Remembers that a database was waited for in vain."""

    def __init__(self) -> None:
        self._until = 0.0
        self._why = ""

    @contextmanager
    def watching(self, url: str) -> Iterator[None]:
        """Raises StoreUnavailableError at once while somebody has just waited in vain."""
        now = time.monotonic()
        if now < self._until:
            raise StoreUnavailableError(
                f"the store {url} did not answer just now",
                got=self._why,
                next_step=f"it is asked again in {self._until - now:.0f} s",
            )
        try:
            yield
        except StoreUnavailableError as error:
            if time.monotonic() - now >= _IN_VAIN:
                self._why = error.got or "no answer"
                self._until = time.monotonic() + _REST
            raise


class Watchdog:
    """Cuts connections that a server does not answer on: no time limit of its own runs there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due: dict[int, tuple[float, int]] = {}
        self._running = False

    @contextmanager
    def limited(self, connection: Any, seconds: float) -> Iterator[None]:
        """Cut the driver's connection unless the block ends in time."""
        try:
            handle = int(connection.fileno())
        except Exception:  # noqa: BLE001  closed, or a driver without one: nothing to cut
            yield
            return
        key = id(connection)
        with self._lock:
            self._due[key] = (time.monotonic() + seconds, handle)
            if not self._running:
                self._running = True
                threading.Thread(target=self._watch, name="aims-store", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                self._due.pop(key, None)

    def _watch(self) -> None:
        quiet = 0
        while True:
            time.sleep(0.2)
            with self._lock:
                for key, (due, handle) in list(self._due.items()):
                    if time.monotonic() >= due:
                        del self._due[key]
                        _cut(handle)
                quiet = 0 if self._due else quiet + 1
                if quiet > 50:
                    self._running = False
                    return


def _cut(handle: int) -> None:
    """End a socket that another thread waits on: it is told that the other side has gone."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(handle)) as ours:
        ours.shutdown(socket.SHUT_RDWR)
