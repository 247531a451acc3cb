"""Deliver a project's spool in the background, so that no run waits for a server.

One daemon thread a process and project drains the spool and ends. What it could not deliver stays
on disk for the next run or `aims push`.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from pathlib import Path

from aims_mlops.errors import StoreError

GRACE_VARIABLE = "AIMS_PUSH_GRACE"  # seconds that a process waits for its delivery as it ends
GRACE = 2.0
_log = logging.getLogger("aims_mlops.store")


class _Delivery:
    """The delivery of one spool to one store."""

    def __init__(self, root: Path, url: str) -> None:
        self._root, self._url = root, url
        self._lock = threading.Lock()
        self._again = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        with self._lock:
            if self._thread is not None:
                self._again = True  # it may have looked at the spool already
                return
            self._thread = threading.Thread(target=self._run, name="aims-delivery", daemon=True)
            self._thread.start()

    def wait(self, seconds: float) -> bool:
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
        return thread is None or not thread.is_alive()

    def _run(self) -> None:
        while True:
            try:
                self._deliver()
            except Exception as error:  # noqa: BLE001  nobody is there to catch it; the spool stays
                _log.info("delivery to %s stopped: %s", self._url, error)
            with self._lock:
                if not self._again:
                    self._thread = None
                    return
                self._again = False

    def _deliver(self) -> None:
        from aims_mlops.inventory.project import open_store
        from aims_mlops.store.disk.spool import drain

        try:
            drain(self._root, open_store(self._url))
        except StoreError as error:
            _log.info("the spool of %s waits: %s", self._root, error)


_deliveries: dict[tuple[int, Path, str], _Delivery] = {}
_registry = threading.Lock()


def is_remote(url: str) -> bool:
    """Whether a store is reached over a network, so that runs must not wait for it."""
    return url.startswith(("http://", "https://"))


def deliver_soon(root: Path, url: str) -> None:
    """Begin to deliver the spool of a project; returns at once."""
    key = (os.getpid(), root.absolute(), url)  # a fork inherits no thread
    with _registry:
        delivery = _deliveries.get(key)
        if delivery is None:
            delivery = _deliveries[key] = _Delivery(root, url)
    delivery.start()


def wait_for_delivery(seconds: float) -> bool:
    """Wait for what is being delivered, in all at most so long; whether it came to an end."""
    until = time.monotonic() + seconds
    ended = True
    for (process, _, _), delivery in list(_deliveries.items()):
        if process == os.getpid():
            ended = delivery.wait(max(0.0, until - time.monotonic())) and ended
    return ended


@atexit.register
def _at_exit() -> None:
    try:
        seconds = float(os.environ.get(GRACE_VARIABLE, GRACE))
    except ValueError:
        seconds = GRACE
    wait_for_delivery(seconds)
