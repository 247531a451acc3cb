"""What a recorder puts in and its writer takes out: calls that wait, and the counts of both."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections import Counter, deque
from dataclasses import replace
from typing import TYPE_CHECKING

from aims_mlops.inference_log.columns.rows import Call, LogSettings
from aims_mlops.inference_log.storage.tally import Counts, Tally
from aims_mlops.inference_log.storage.trouble import Trouble

if TYPE_CHECKING:
    from aims_mlops.inference_log.storage.layout import Folder
    from aims_mlops.inventory.project import Project


class Queue:
    """Calls of one model of a system in this process, bounded in rows and in bytes.

    trouble, spools : as the recorder has them.  tally : the counts on disk.
    """

    def __init__(
        self,
        project: Project,
        system: str,
        folder: Folder,
        kept: LogSettings,
        *,
        trouble: Trouble | None = None,
        spools: bool = False,
    ) -> None:
        self.project = project
        self.system = system
        self.folder = folder
        self.kept = kept
        self.trouble = trouble
        self.spools = spools
        self.unopened = trouble is not None and trouble.what == "log"
        self._bound = int(kept.settings.queue_megabytes * 1e6)
        self._begin()

    def _begin(self) -> None:
        self.process = uuid.uuid4().hex[:16]
        self.counts = Counts()
        self.errors: Counter[str] = Counter()
        self.tally = Tally(None, None)
        self._queue: deque[Call] = deque()
        self._queued = 0
        self._held = 0  # bytes, about
        self._lock = threading.Lock()

    def drain(self) -> list[Call]:
        """What is queued; the queue is empty then."""
        calls: list[Call] = []
        with contextlib.suppress(IndexError):
            while True:
                calls.append(self._queue.popleft())
        with self._lock:
            self._queued -= min(self._queued, sum(call.rows for call in calls))
        return calls

    def hold(self, size: int) -> None:
        """Count bytes that are held on the way to a file, or no longer if negative."""
        with self._lock:
            self._held = max(0, self._held + size)

    def add(self, **rows: int) -> None:
        """Add to counts, by name."""
        with self._lock:
            for name, more in rows.items():
                setattr(self.counts, name, getattr(self.counts, name) + more)
            self.tally.put(self.counts)

    def seen(self) -> tuple[Counts, Counter[str]]:
        """The counts of this moment."""
        with self._lock:
            return replace(self.counts), Counter(self.errors)
