"""Where drafts are kept: one SQLite file beside the tokens, every version of every draft in it.

Not in the log: a draft is nobody's statement until it is submitted. It outlives a restart and is
shared by every worker of the machine, whatever the store of the evidence does meanwhile.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aims_mlops.errors import StoreUnavailableError
from aims_mlops.evidence.clock import stamp
from aims_mlops.web.drafts.merge import merge

_TABLE = """
CREATE TABLE IF NOT EXISTS drafts (
    name TEXT NOT NULL, version INTEGER NOT NULL, document TEXT NOT NULL,
    person TEXT NOT NULL, saved_at TEXT NOT NULL, PRIMARY KEY (name, version)
)
"""
_NEWEST = "SELECT * FROM drafts WHERE name = ? ORDER BY version DESC LIMIT 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One version of one draft. name : of what it is about, such as a model's digest.

    conflicts : field -> (what stands there, what the person wrote), where two wrote at once.
    """

    name: str
    version: int
    document: dict[str, Any]
    person: str
    saved_at: str
    conflicts: dict[str, tuple[Any, Any]]


class Drafts:
    """The drafts of one server, in a file of mode 0600."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            if not self.path.exists():
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self.path.touch(mode=0o600)
            with closing(sqlite3.connect(self.path, timeout=30)) as connection:
                connection.isolation_level = None
                connection.row_factory = sqlite3.Row
                connection.execute(_TABLE)
                yield connection
        except (OSError, sqlite3.Error) as error:
            raise StoreUnavailableError(
                f"the drafts in {self.path} cannot be used", got=str(error)
            ) from error

    def newest(self, name: str) -> Draft | None:
        """The newest version of a draft; None if nobody began one."""
        with self._open() as connection:
            return _draft(connection.execute(_NEWEST, (name,)).fetchone())

    def save(self, name: str, document: dict[str, Any], *, on: int, person: str) -> Draft:
        """Keep what a person wrote on top of version `on`, which is 0 for the first.

        What others saved since is kept: other fields come together, and where both wrote into the
        same one, theirs stays and `conflicts` has both.
        """
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                newest = _draft(connection.execute(_NEWEST, (name,)).fetchone())
                conflicts: dict[str, tuple[Any, Any]] = {}
                if newest is not None and newest.version != on:
                    row = connection.execute(
                        "SELECT document FROM drafts WHERE name = ? AND version = ?", (name, on)
                    ).fetchone()
                    base = json.loads(row["document"]) if row else {}
                    merged = merge(base, newest.document, document)
                    document, conflicts = merged.document, merged.conflicts
                version = newest.version if newest is not None else 0
                saved_at = newest.saved_at if newest is not None else ""
                if newest is None or document != newest.document:
                    version, saved_at = version + 1, stamp(datetime.now(UTC))
                    connection.execute(
                        "INSERT INTO drafts VALUES (?, ?, ?, ?, ?)",
                        (name, version, json.dumps(document), person, saved_at),
                    )
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise
        return Draft(
            name=name, version=version, document=document, person=person,
            saved_at=saved_at, conflicts=conflicts,
        )  # fmt: skip

    def end(self, name: str) -> None:
        """Forget a draft that was submitted: what it says is in the log now."""
        with self._open() as connection:
            connection.execute("DELETE FROM drafts WHERE name = ?", (name,))


def _draft(row: sqlite3.Row | None) -> Draft | None:
    if row is None:
        return None
    return Draft(
        name=row["name"],
        version=row["version"],
        document=json.loads(row["document"]),
        person=row["person"],
        saved_at=row["saved_at"],
        conflicts={},
    )
