"""Runs of MLflow that have ended and are not evidence yet: one small file each.

The file's name is the run, so that several workers and several ends queue it once. It is not synced
to disk: a power failure loses an end, a crash of the server does not. Beside the servers one
process, held single by a lock, turns the files into evidence.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aims_mlops.store.disk.single import only_process

FOLDER = "mlflow-runs"
_SUFFIX = ".ended"
_FAILED = ".failed"  # could not be read time and again; kept for a person to look at
_LOCK = "writer.lock"
_SPAWN_SECONDS = 20.0  # between two looks at whether a writer is there
_ID = re.compile(r"[A-Za-z0-9-]{1,80}\Z")


@dataclass(frozen=True, slots=True)
class Ended:
    """One file: what ended, its id, and who was logged in when it did."""

    path: Path
    what: str
    id: str
    actor: str | None
    age: float


@dataclass(slots=True)
class RunQueue:
    """The queue of one project; `store_uri` and `artifact_uri` are told to the writer."""

    folder: Path
    store_uri: str
    artifact_uri: str | None
    _writer: subprocess.Popen[bytes] | None = None
    _looked: float = field(default=-_SPAWN_SECONDS)
    _pid: int = 0

    @classmethod
    def of_project(cls, store_uri: str, artifact_uri: str | None) -> RunQueue:
        """The queue beside the project at hand."""
        from aims_mlops.inventory.project import find_project

        return cls(_writable(find_project().root), store_uri, artifact_uri)

    def put(self, what: str, id_: str, *, actor: str | None) -> None:
        """Queue an end; one that is queued already stays as it is. Raises OSError."""
        if not _ID.match(id_):
            raise ValueError("not an id of MLflow")
        path = self.folder / f"{what}.{id_}{_SUFFIX}"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileNotFoundError:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        except FileExistsError:
            return
        with os.fdopen(descriptor, "wb") as file:
            file.write(json.dumps({"actor": actor}).encode())
        self.attend()

    def attend(self) -> None:
        """See, without waiting, that a writer is at work for this queue."""
        if self._pid != os.getpid():  # a forked worker starts its own
            self._writer, self._pid, self._looked = None, os.getpid(), -_SPAWN_SECONDS
        if time.monotonic() - self._looked < _SPAWN_SECONDS:
            return
        self._looked = time.monotonic()
        threading.Thread(target=self._spawn, name="aims-writer-start", daemon=True).start()

    def _spawn(self) -> None:
        if self._writer is not None and self._writer.poll() is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with held(self.folder) as free:
                if not free:
                    return
        except OSError:  # the next end tries again; `put` says what is wrong
            return
        with contextlib.suppress(OSError):
            self._writer = subprocess.Popen(
                [sys.executable, "-m", "aims_mlops.mlflow_plugin.tracking.writer"],
                stdin=subprocess.PIPE,  # its end tells the writer that this server is gone
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
            told: dict[str, Any] = {
                "folder": str(self.folder),
                "store_uri": self.store_uri,  # by pipe: a process list shows arguments
                "artifact_uri": self.artifact_uri,
            }
            if self._writer.stdin is not None:
                self._writer.stdin.write(json.dumps(told).encode() + b"\n")
                self._writer.stdin.flush()


def _writable(root: Path) -> Path:
    """The queue's folder: in the project, else in the user's state folder, as for the spool."""
    from aims_mlops.store.disk.spool import spool_folders

    in_project, in_state = spool_folders(root)
    for folder in (in_project.parent / FOLDER, in_state.parent.parent / FOLDER / in_state.name):
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if os.access(folder, os.W_OK | os.X_OK):
                return folder
    return in_project.parent / FOLDER


def waiting(folder: Path) -> list[Ended]:
    """What is queued, oldest first."""
    found: list[Ended] = []
    for path in folder.glob(f"*{_SUFFIX}"):
        what, _, id_ = path.name.removesuffix(_SUFFIX).partition(".")
        try:
            age = time.time() - path.stat().st_mtime
            actor = json.loads(path.read_bytes() or b"{}").get("actor")
        except (OSError, ValueError):
            continue  # another process is writing or has done it
        found.append(Ended(path, what, id_, actor if isinstance(actor, str) else None, age))
    return sorted(found, key=lambda one: -one.age)


def set_aside(ended: Ended) -> None:
    """Keep what could not be read, out of the queue."""
    with contextlib.suppress(OSError):
        ended.path.rename(ended.path.with_suffix(_FAILED))


@contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Hold the writer's lock for the block; False if another process does."""
    with only_process(folder / _LOCK) as mine:
        yield mine
