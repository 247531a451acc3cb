"""The side of the log that a prediction meets: counts it, queues it, and never raises or waits.

A thread of its own (`writer`) turns what is queued into files. At most `queue_rows` rows and
`queue_megabytes` are in memory; what comes while they are is dropped and counted. A single batch
may be larger, if nothing else waits. A forked child begins a log of its own; what the parent had
queued stays the parent's.
"""

from __future__ import annotations

import atexit
import concurrent.futures.thread  # noqa: F401  it cannot be imported as the process ends
import contextlib
import logging
import weakref
from typing import TYPE_CHECKING, Any

from aims_mlops.inference_log.columns.rows import UNREAD, Call, LogSettings
from aims_mlops.inference_log.recorder.queue import Queue
from aims_mlops.inference_log.recorder.request import is_sampled
from aims_mlops.inference_log.recorder.snapshot import count_rows, size_of, snapshot
from aims_mlops.inference_log.storage.tally import Tally
from aims_mlops.inference_log.storage.trouble import Trouble
from aims_mlops.processes import around_fork

if TYPE_CHECKING:
    from aims_mlops.inference_log.recorder.writer import Writer
    from aims_mlops.inference_log.storage.layout import Folder
    from aims_mlops.inventory.project import Project

_WAKE_ROWS = 10_000  # the writer does not wait for its interval above this

_logger = logging.getLogger("aims_mlops.inference")
_open: weakref.WeakSet[Recorder] = weakref.WeakSet()


class Recorder(Queue):
    """Takes what one model of a system does in this process.

    trouble : a log that cannot be opened counts every row as dropped and writes none.  spools : its
    evidence goes to the spool, since it is not known where else.
    `errors` counts what the function raised, by the name of the error's class.
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
        self._keeps_inputs = bool(kept.features)
        super().__init__(project, system, folder, kept, trouble=trouble, spools=spools)
        _open.add(self)

    def _begin(self) -> None:
        super()._begin()
        self._complaints: set[str] = set()
        self._writer: Writer | None = None

    def wants(self, request_id: str) -> bool:
        """Whether the sample keeps this request."""
        settings = self.kept.settings
        return is_sampled(request_id, settings.sample, settings.seed)

    def inputs(self, request_id: str, value: Any) -> Any:
        """What to hold of an input until the writer reads it: None if nothing of it is kept."""
        if not self._keeps_inputs or self.unopened or not self.wants(request_id):
            return None
        try:
            return snapshot(value)
        except Exception:  # noqa: BLE001  it is told as unread
            return None

    def take(
        self, request_id: str, inputs: Any, output: Any, started_ns: int, latency_ns: int
    ) -> None:
        """Take one answered call; `inputs` as `inputs()` gave them."""
        try:
            keep = self.wants(request_id)
            rows, held = _answer(output, keep=keep and not self.unopened)
            size = size_of(inputs) + size_of(held) if keep else 0
            if self._count(rows, size, keep=keep):
                self._queue.append(
                    Call(request_id, started_ns, latency_ns, rows, inputs, held, size)
                )
                crowded = self._queued >= _WAKE_ROWS or self._held * 4 >= self._bound
                if crowded and self._writer is not None:
                    self._writer.wake()
        except Exception as error:  # noqa: BLE001  a prediction is on its way
            self._complain(error)

    def _complain(self, error: Exception) -> None:
        """Say once of each kind of trouble that a call was not logged."""
        name = type(error).__name__
        if name not in self._complaints:
            self._complaints.add(name)
            _logger.error("aims: calls of %s are not logged: %s: %s", self.system, name, error)

    def failed(self, error: BaseException) -> None:
        """Count a call that raised."""
        self.failed_as(type(error).__name__)

    def failed_as(self, what: str) -> None:
        """The same under a name."""
        with contextlib.suppress(Exception), self._lock:
            self._started()
            self.counts.failed += 1
            self.errors[what] += 1
            self.tally.put(self.counts)

    def _count(self, rows: int, size: int, *, keep: bool) -> bool:
        with self._lock:
            self._started()
            counts = self.counts
            counts.calls += 1
            counts.rows += rows
            accepted = False
            if keep and rows:
                counts.sampled += rows
                waiting = counts.waiting
                if self.unopened:
                    counts.accepted += rows
                    counts.unwritten += rows
                elif waiting and (
                    waiting + rows > self.kept.settings.queue_rows
                    or self._held + size > self._bound
                ):
                    counts.queue_full += rows
                else:
                    counts.accepted += rows
                    self._queued += rows
                    self._held += size
                    accepted = True
            self.tally.put(counts)
            return accepted

    def flush(self) -> None:
        """Write what is queued now; for tests, and for jobs that end."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Write what is queued, put the counts on record and let the files go."""
        writer = self._writer
        if writer is not None:
            writer.close()
            self._begin()

    def start(self) -> None:
        """Begin before the first call, such as to tell what an earlier process lost."""
        with self._lock:
            self._start()

    def _started(self) -> None:
        """A thread that cannot be started now is tried again by the next call, which is counted."""
        try:
            self._start()
        except Exception as error:  # noqa: BLE001  a prediction is on its way
            self._complain(error)

    def _start(self) -> None:
        """The tally and the thread, with the first call and again if the thread has died."""
        if self._writer is not None and self._writer.is_alive():
            return
        from aims_mlops.inference_log.recorder.writer import Writer

        if self._writer is None:
            _close_with_process()
            self._writer = Writer(self)
            self.tally = _tally(self)
        self._writer.start()


def _answer(output: Any, *, keep: bool) -> tuple[int, Any]:
    """How many rows an output has, and what to hold of it; UNREAD if it cannot be copied."""
    try:
        return count_rows(output), snapshot(output) if keep else None
    except Exception:  # noqa: BLE001  its row is counted and told
        return 1, UNREAD


def _close_with_process() -> None:
    """A child of multiprocessing ends without `atexit`; it has its own list of what to do last."""
    import multiprocessing

    if multiprocessing.parent_process() is not None:
        from multiprocessing.util import Finalize

        Finalize(None, close_inference_logs, exitpriority=10)


def _tally(recorder: Recorder) -> Tally:
    from aims_mlops.evidence.clock import now
    from aims_mlops.inference_log.storage.state import state_folder

    about = {
        "system": recorder.system,
        "folder": recorder.folder.url,
        "said": recorder.folder.said,
        "started": now(),
        "model": recorder.kept.model,
        "version": recorder.kept.version,
        "target": recorder.kept.target,
        "trouble": recorder.trouble.to_body() if recorder.trouble else None,
    }
    try:
        return Tally.create(state_folder(recorder.project.root), recorder.process, about)
    except (OSError, AttributeError) as error:  # no pwrite on Windows
        _logger.warning(
            "aims: if this process is killed, what it had not written of %s is not counted: %s",
            recorder.system,
            error,
        )
        return Tally(None, None)


def close_inference_logs() -> None:
    """Close every log of this process; also called as it ends."""
    for recorder in list(_open):
        try:
            recorder.close()
        except Exception as error:  # noqa: BLE001  the others are closed all the same
            _logger.error("aims: the log of %s was not closed: %s", recorder.system, error)


def _after_fork() -> None:
    for recorder in list(_open):
        recorder.tally.close(remove=False)  # the parent's; its lock stays with the parent
        recorder._begin()


atexit.register(close_inference_logs)
around_fork(after_in_child=_after_fork)
