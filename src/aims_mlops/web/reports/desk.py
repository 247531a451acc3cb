"""Where reports are asked for and kept: a queue of one worker, and files named by their digest.

What was asked, how far it is and what came of it stand in one SQLite file, so that another worker
of the server shows the same; the content lies beside it under its SHA-256.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aims_mlops.errors import AimsError, EvidenceNotFoundError, StoreUnavailableError
from aims_mlops.evidence.clock import stamp

FOLDER = ".aims/console-reports"
_log = logging.getLogger("aims_mlops.web")
_TABLE = """
CREATE TABLE IF NOT EXISTS reports (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, about TEXT NOT NULL, person TEXT NOT NULL,
    asked_at TEXT NOT NULL, state TEXT NOT NULL, done INTEGER NOT NULL, of INTEGER NOT NULL,
    sha256 TEXT, size INTEGER, name TEXT NOT NULL, problem TEXT, server TEXT NOT NULL
)
"""
Tell = Callable[[int, int], None]  # how many records of how many


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report. state : waiting, running, done or failed; `problem` says why it failed.

    about : the AI system or the digest of the model; '' for everything.  name : of the file.
    """

    id: str
    kind: str
    about: str
    person: str
    asked_at: str
    state: str
    done: int
    of: int
    sha256: str | None
    size: int | None
    name: str
    problem: str | None


class Desk:
    """The reports of one project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="report")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with closing(sqlite3.connect(self.folder / "reports.db", timeout=30)) as connection:
                connection.row_factory = sqlite3.Row
                connection.execute(_TABLE)
                with connection:
                    yield connection
        except (OSError, sqlite3.Error) as error:
            raise StoreUnavailableError(
                f"the reports in {self.folder} cannot be used", got=str(error)
            ) from error

    def ask(
        self, kind: str, about: str, *, person: str, name: str, make: Callable[[Tell], bytes]
    ) -> str:
        """Queue a report; its id. make : gives its bytes, and tells how far it is."""
        id_ = uuid.uuid4().hex
        with self._open() as connection:
            connection.execute(
                "INSERT INTO reports VALUES"
                " (?, ?, ?, ?, ?, 'waiting', 0, 0, NULL, NULL, ?, NULL, ?)",
                (id_, kind, about, person, stamp(datetime.now(UTC)), name, str(os.getpid())),
            )
        self._worker.submit(self._make, id_, make)
        return id_

    def _make(self, id_: str, make: Callable[[Tell], bytes]) -> None:
        def tell(done: int, of: int) -> None:
            self._set(id_, state="running", done=done, of=of)

        try:
            tell(0, 0)
            content = make(tell)
            digest = hashlib.sha256(content).hexdigest()
            draft = self.folder / f".{id_}"
            draft.write_bytes(content)
            draft.replace(self.folder / digest)
            self._set(id_, state="done", sha256=digest, size=len(content))
        except AimsError as error:
            self._set(id_, state="failed", problem=error.thing)
        except Exception:  # noqa: BLE001  whatever it is, the page has to say so
            _log.exception("a report failed")
            self._set(id_, state="failed", problem="the server failed; its log says why")

    def _set(self, id_: str, **values: object) -> None:
        names = ", ".join(f"{name} = ?" for name in values)  # ours, never anybody's text
        with self._open() as connection:
            connection.execute(
                f"UPDATE reports SET {names} WHERE id = ?",  # noqa: S608
                (*values.values(), id_),
            )

    def reports(self, *, limit: int = 50) -> list[Report]:
        """The newest, newest first."""
        with self._open() as connection:
            rows = connection.execute(
                "SELECT * FROM reports ORDER BY asked_at DESC LIMIT ?", (limit,)
            ).fetchall()
        return [_report(row) for row in rows]

    def report(self, id_: str) -> Report:
        """One report; EvidenceNotFoundError for none."""
        with self._open() as connection:
            row = connection.execute("SELECT * FROM reports WHERE id = ?", (id_,)).fetchone()
        if row is None:
            raise EvidenceNotFoundError("no such report", got=id_[:32])
        return _report(row)

    def content(self, report: Report) -> bytes:
        """The bytes of a report that is done, checked against its digest."""
        if report.sha256 is None:
            raise EvidenceNotFoundError("the report is not made yet", got=report.state)
        content = (self.folder / report.sha256).read_bytes()
        if hashlib.sha256(content).hexdigest() != report.sha256:
            raise EvidenceNotFoundError("the kept report is not what was made; ask for it again")
        return content


def _report(row: sqlite3.Row) -> Report:
    found = {name: row[name] for name in Report.__slots__}
    if found["state"] in ("waiting", "running") and not _runs(row["server"]):
        found |= {"state": "failed", "problem": "the server was stopped meanwhile; ask again"}
    return Report(**found)


def _runs(process: str) -> bool:
    """Whether the process that took a report on is there."""
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError):
        return True  # somebody else's, or no number of ours
    return True
