"""The thread that turns queued calls into Parquet files and counts into evidence.

What cannot be written is kept, up to the bound of the queue, and tried again at the next interval.
What still cannot be written when the process ends is counted as dropped.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aims_mlops.evidence.clock import stamp
from aims_mlops.inference_log.columns.rows import Call, ConversionNotes, table_of
from aims_mlops.inference_log.storage import evidence
from aims_mlops.inference_log.storage.layout import part_name
from aims_mlops.inference_log.storage.schema import Shape
from aims_mlops.inference_log.storage.tally import Counts

if TYPE_CHECKING:
    import pyarrow as pa

    from aims_mlops.inference_log.recorder.queue import Queue

_FILES_TOLD = 500  # so many files, and evidence does not wait for its interval
_CLOSE_SECONDS = 10.0

_logger = logging.getLogger("aims_mlops.inference")


class Writer:
    """Writes for one recorder; `flush` and `close` may be called from any thread."""

    def __init__(self, recorder: Queue) -> None:
        self._recorder = recorder
        self._settings = recorder.kept.settings
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._stop = False
        self._thread: threading.Thread | None = None
        self._calls: list[Call] = []  # not yet a table, since the folder's columns are not known
        self._pending: list[tuple[date, pa.Table]] = []
        self._shape: Shape | None = None
        self._saved: dict[str, Any] = {}
        self._told = ConversionNotes()
        self._files: list[dict[str, Any]] = []
        self._number = 0
        self._recorded = Counts()
        self._errors_recorded: Counter[str] = Counter()
        self._since = datetime.now(UTC)
        self._evidence_due = time.monotonic() + self._settings.evidence_seconds
        self._trouble = ""
        self._told_trouble = False

    def start(self) -> None:
        """Start the thread, or another one if it has died."""
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="aims-inference", daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether the thread that writes is there."""
        return self._thread is not None and self._thread.is_alive()

    def wake(self) -> None:
        """Do not wait for the interval."""
        self._wake.set()

    def flush(self) -> None:
        """Write what is queued, and what could not be written before."""
        with self._lock:
            self._calls += self._recorder.drain()
            if self._calls and self._has_shape():
                tables = self._tables(self._calls)
                held = sum(call.size for call in self._calls)
                self._recorder.hold(sum(table.nbytes for _, table in tables) - held)
                self._pending += tables
                self._calls = []
            self._write()

    def close(self) -> None:
        """Write, count what cannot be written as dropped, and put everything on record.

        A folder that does not answer holds the end of the process for ten seconds and no longer.
        """
        self._stop = True
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_CLOSE_SECONDS)
        if not self.is_alive():
            self.flush()
        waiting = self._recorder.seen()[0].waiting
        if waiting:
            self._recorder.add(unwritten=waiting)
            self._pending, self._calls = [], []
        self._recorder.tally.close(remove=self._record())

    def _run(self) -> None:
        self._look_back()
        self._tell_trouble()
        while True:
            self._wake.wait(0 if self._stop else self._settings.flush_seconds)
            self._wake.clear()
            try:
                self.flush()
                self._tell_trouble()
                if time.monotonic() >= self._evidence_due or len(self._files) >= _FILES_TOLD:
                    self._record()
            except Exception as error:  # noqa: BLE001  the thread lives on
                self._say(f"{type(error).__name__}: {error}")
            if self._stop:
                return

    def _look_back(self) -> None:
        from aims_mlops.inference_log.recorder.recovery import tell_losses

        try:
            tell_losses(self._recorder.project)
        except Exception as error:  # noqa: BLE001  told by the next process that starts
            _logger.warning("aims: losses of earlier processes are not on record: %s", error)

    def _tell_trouble(self) -> None:
        """A gap, and the counts of the first calls, without waiting for an interval."""
        trouble, recorder = self._recorder.trouble, self._recorder
        if trouble is None or self._told_trouble:
            return
        try:
            said = evidence.gap(recorder.project, recorder.system, trouble)
            evidence.store(recorder.project, [said], spools=recorder.spools)
            self._told_trouble = True
            self._evidence_due = time.monotonic()
            self._wake.set()
        except Exception as error:  # noqa: BLE001  said with the counts
            self._say(f"no evidence: {type(error).__name__}: {error}")

    def _tables(self, calls: Sequence[Call]) -> list[tuple[date, pa.Table]]:
        found: list[tuple[date, pa.Table]] = []
        for day, of_day in _by_day(calls).items():
            try:
                found.append((day, self._table(of_day)))
            except Exception as error:  # noqa: BLE001  one odd call must not take the others along
                _logger.warning("aims: calls are read one by one: %s", type(error).__name__)
                found += [(day, table) for call in of_day if (table := self._alone(call))]
        return found

    def _alone(self, call: Call) -> pa.Table | None:
        try:
            return self._table([call])
        except Exception as error:  # noqa: BLE001  counted
            _logger.warning("aims: a call could not be read: %s", type(error).__name__)
            self._recorder.add(unreadable=call.rows)
            return None

    def _has_shape(self) -> bool:
        """Whether it is known which columns the log has; not if its folder cannot be read."""
        if self._shape is None:
            try:
                self._shape = Shape.load(self._recorder.folder, self._recorder.system)
            except Exception as error:  # noqa: BLE001  tried again at the next interval
                self._say(f"{type(error).__name__}: {error}")
                return False
            self._saved = dict(self._shape.kinds)
        return True

    def _table(self, calls: Sequence[Call]) -> pa.Table:
        assert self._shape is not None
        return table_of(calls, self._recorder.kept, self._shape, self._told)

    def _write(self) -> None:
        recorder = self._recorder
        while self._pending:
            day, table = self._pending[0]
            content = _parquet(table)
            name = part_name(datetime.now(UTC), recorder.process, self._number + 1)
            try:
                recorder.folder.write("predictions", recorder.system, day, name, content)
            except Exception as error:  # noqa: BLE001  a full disk, a bucket that is away
                self._say(f"{type(error).__name__}: {error}")
                return
            self._number += 1
            self._pending.pop(0)
            recorder.hold(-table.nbytes)
            recorder.add(written=table.num_rows, files=1)
            self._files.append(
                {
                    "name": name,
                    "day": day.isoformat(),
                    "rows": table.num_rows,
                    "size": len(content),
                    "sha256": hashlib.sha256(content).hexdigest(),
                }
            )
        if not self._calls:
            self._say("")
        self._keep_shape()

    def _keep_shape(self) -> None:
        if self._shape is None or self._shape.kinds == self._saved:
            return
        try:
            self._shape.save(self._recorder.folder, self._recorder.system)
            self._saved = dict(self._shape.kinds)
        except Exception as error:  # noqa: BLE001  tried again after the next file
            self._say(f"{type(error).__name__}: {error}")

    def _record(self) -> bool:
        """Put what happened since the last time on record; False if that was not possible."""
        recorder = self._recorder
        counts, errors = recorder.seen()
        self._evidence_due = time.monotonic() + self._settings.evidence_seconds
        before = self._recorded
        if (counts.calls, counts.failed, counts.files, counts.waiting) == (
            before.calls,
            before.failed,
            before.files,
            before.waiting,
        ):
            return True
        until = datetime.now(UTC)
        body = {
            **self._about(),
            "since": stamp(self._since),
            "until": stamp(until),
            **evidence.said_of(counts, before, unopened=recorder.unopened),
            "trouble": recorder.trouble.to_body() if recorder.trouble else None,
            "errors": dict(errors - self._errors_recorded),
            "files": self._files,
            "columns": self._columns(),
        }
        said = evidence.statement(recorder.project, recorder.system, "written", body)
        try:
            evidence.store(recorder.project, [said], spools=recorder.spools)
        except Exception as error:  # noqa: BLE001  said with the next one
            self._say(f"no evidence: {type(error).__name__}: {error}")
            return False
        self._recorded, self._errors_recorded = counts, errors
        self._since, self._files, self._told = until, [], ConversionNotes()
        if self._shape is not None:
            self._shape.retyped.clear()
        recorder.add(recorded=counts.rows - before.rows, recorded_files=counts.files - before.files)
        return True

    def _about(self) -> dict[str, Any]:
        recorder = self._recorder
        kept = recorder.kept
        return {
            "process": recorder.process,
            "folder": recorder.folder.address,
            "model": kept.model,
            "version": kept.version,
            "target": kept.target,
            "sample": kept.settings.sample,
        }

    def _columns(self) -> dict[str, Any]:
        settings, told = self._settings, self._told
        return {
            "allowed": list(settings.allow),
            "hashed": list(settings.hash),
            "bucketed": list(settings.bucket),
            "left_out": sorted(told.left_out),
            "missing": dict(told.missing),
            "retyped": dict(self._shape.retyped) if self._shape else {},
            "unread_inputs": told.unread_inputs,
            "unread_outputs": told.unread_outputs,
        }

    def _say(self, trouble: str) -> None:
        """Tell a trouble once, and that it is over."""
        if trouble and trouble != self._trouble:
            _logger.warning(
                "aims: the inference log of %s cannot be written; predictions go on, what does "
                "not fit in memory is dropped and counted: %s",
                self._recorder.system,
                trouble,
            )
        elif self._trouble and not trouble:
            _logger.warning("aims: the inference log of %s is written again", self._recorder.system)
        self._trouble = trouble


def _by_day(calls: Sequence[Call]) -> dict[date, list[Call]]:
    """Calls by the day on which they began, UTC."""
    days: dict[int, list[Call]] = {}
    for call in calls:
        days.setdefault(call.time_ns // 86_400_000_000_000, []).append(call)
    return {date(1970, 1, 1) + timedelta(days=day): of_day for day, of_day in days.items()}


def _parquet(table: pa.Table) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    # Numbers seldom repeat; looking for repetitions in them takes longer than writing them.
    words = [field.name for field in table.schema if pa.types.is_string(field.type)]
    pq.write_table(table, sink, compression="zstd", use_dictionary=words)
    return bytes(sink.getvalue().to_pybytes())
