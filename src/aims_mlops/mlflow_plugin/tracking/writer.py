"""The process that turns ended runs into evidence, beside the servers and out of their way.

    python -m aims_mlops.mlflow_plugin.tracking.writer      (started by the tracking store)

It lives as long as the server that started it. One is at work for each queue; when it goes, the
next server that queues something starts another. What it cannot store goes to the spool with a gap
that says so, and is delivered when the store is back.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aims_mlops.mlflow_plugin.tracking.queue import Ended, held, set_aside, waiting

if TYPE_CHECKING:
    from aims_mlops.evidence.records import Evidence
    from aims_mlops.inventory.project import Project

_SETTLE_SECONDS = 1.0  # what a client still logs right after a run's end is taken along
_CLIENT_SECONDS = 60.0  # how long a client that captures the run itself may take for it
_ROUND_SECONDS = 0.5
_DRAIN_SECONDS = 10.0
_TRIES = 5

_logger = logging.getLogger(__name__)


class Writer:
    """Works on one queue; `store` is the tracking store behind `aims://`."""

    def __init__(self, folder: Path, store: Any) -> None:
        self._folder = folder
        self._store = store
        self._tries: dict[str, int] = {}
        self._drained = 0.0

    def round(self, *, last: bool = False) -> int:
        """Take what is ready from the queue; gives how many ends became evidence or a gap."""
        from aims_mlops.inventory.project import find_project

        project = find_project()
        done = 0
        for ended in waiting(self._folder):
            if ended.age < _SETTLE_SECONDS and not last:
                continue
            done += self._take(project, ended)
        self._drain(project)
        return done

    def _take(self, project: Project, ended: Ended) -> bool:
        from aims_mlops.mlflow_plugin.tracking import run_evidence

        try:
            if ended.what == "run":
                mine = self._is_mine(project, ended)
                if mine is None:
                    return False
                if not mine:
                    ended.path.unlink(missing_ok=True)
                    return True
                batch = run_evidence.evidence_of_run(self._store, ended.id, project, ended.actor)
            else:
                batch = run_evidence.evidence_of_model(self._store, ended.id, project, ended.actor)
        except Exception as error:  # noqa: BLE001  tried again, then a gap
            return self._failed(project, ended, error)
        _store(project, ended, batch)
        ended.path.unlink(missing_ok=True)
        return True

    def _is_mine(self, project: Project, ended: Ended) -> bool | None:
        """False if a client has captured the run; None while one may still be at it."""
        from aims_mlops.mlflow_plugin.client.runs import RUN_TAG

        tag = dict(self._store.get_run(ended.id).data.tags).get(RUN_TAG, "")
        ids = [one for one in tag.split(",") if one]
        if not ids:
            return True
        try:
            store = project.open_store()
            for id_ in ids:
                for record in store.find(kind="run", run=id_):
                    links = record.evidence.body.get("links")
                    if isinstance(links, dict) and links.get("mlflow_run") == ended.id:
                        return False
        except Exception:  # noqa: BLE001  a store that is away tells nothing
            _logger.warning("aims: the evidence store could not be asked about run %s", ended.id)
        return None if ended.age < _CLIENT_SECONDS else True

    def _failed(self, project: Project, ended: Ended, error: Exception) -> bool:
        self._tries[ended.id] = self._tries.get(ended.id, 0) + 1
        if self._tries[ended.id] < _TRIES:
            return False
        _logger.warning("aims: %s %s is no evidence: %s", ended.what, ended.id, error)
        _store(project, ended, [_gap(ended, "mlflow tracking", error)])
        set_aside(ended)
        return True

    def _drain(self, project: Project) -> None:
        from aims_mlops.store.disk.spool import drain, pending

        if time.monotonic() - self._drained < _DRAIN_SECONDS or not pending(project.root):
            return
        self._drained = time.monotonic()
        with contextlib.suppress(Exception):  # it stays pending
            drain(project.root, project.open_store())


def _store(project: Project, ended: Ended, batch: list[Evidence]) -> None:
    """Store a batch, or spool it together with the gap that the store left."""
    from aims_mlops.store.disk.spool import spool_batch

    if not batch:
        return
    try:
        project.open_store().append_many(batch)
    except Exception as error:  # noqa: BLE001  whatever it is, the evidence must not be lost
        _logger.warning("aims: the evidence of %s %s is spooled: %s", ended.what, ended.id, error)
        gap = _gap(ended, "evidence store, when MLflow's run had ended", error)
        spool_batch(project.root, [*batch, gap], reason=type(error).__name__)


def _gap(ended: Ended, where: str, error: Exception) -> Evidence:
    from aims_mlops.errors import AimsError
    from aims_mlops.evidence.clock import now
    from aims_mlops.evidence.records import Evidence, Subject
    from aims_mlops.evidence.secrets import scrubbed
    from aims_mlops.mlflow_plugin.tracking.run_evidence import CAPTURED_BY

    message = scrubbed(str(error))[:300] if isinstance(error, AimsError) else ""
    return Evidence(
        kind="gap",
        subjects=(Subject.of_name(f"{ended.what}:{ended.id}"),),
        body={
            "where": where,
            "error": type(error).__name__,
            "message": message,
            "captured_by": CAPTURED_BY,
        },
        actor="mlflow:tracking-store",
        claimed_at=now(),
        run=ended.id if ended.what == "run" else None,
    )


def main() -> None:
    """Work until the server that started this process is gone, then once more."""
    told = json.loads(sys.stdin.buffer.readline() or b"{}")
    if not told:
        return
    folder = Path(told["folder"])
    with held(folder) as mine:
        if not mine:
            return
        if hasattr(os, "nice"):
            os.nice(10)
        gone = threading.Event()
        threading.Thread(target=_watch, args=(gone,), daemon=True).start()
        from aims_mlops.mlflow_plugin.client.availability import without_telemetry
        from aims_mlops.mlflow_plugin.tracking.store import plain_tracking

        without_telemetry()
        writer = Writer(folder, plain_tracking(told["store_uri"], told["artifact_uri"]))
        while not gone.wait(_ROUND_SECONDS):
            try:
                writer.round()
            except Exception:
                _logger.exception("aims: a round of the writer failed")
        writer.round(last=True)


def _watch(gone: threading.Event) -> None:
    while sys.stdin.buffer.readline():
        pass
    gone.set()


if __name__ == "__main__":
    main()
