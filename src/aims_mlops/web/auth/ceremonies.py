"""What a browser was asked to sign: kept for minutes, taken once, by the session that asked."""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aims_mlops.errors import GovernanceError, StoreUnavailableError
from aims_mlops.evidence.clock import stamp

LASTS = timedelta(minutes=10)
NOBODY = ""  # the session of a browser that is signing in
_MOST_OF_NOBODY = 1_000
_TABLE = """
CREATE TABLE IF NOT EXISTS ceremonies (
    hash TEXT PRIMARY KEY, session TEXT NOT NULL, said TEXT NOT NULL, expires_at TEXT NOT NULL
);
"""


class Ceremonies:
    """Begun ceremonies, in the file of the sessions: a second worker can finish them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, session: str, said: Mapping[str, Any]) -> str:
        """A secret by which the session takes what is kept; raises GovernanceError if too many."""
        secret = secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        with self._open() as connection:
            connection.execute("DELETE FROM ceremonies WHERE expires_at <= ?", (stamp(now),))
            (open_,) = connection.execute(
                "SELECT COUNT(*) FROM ceremonies WHERE session = ?", (session,)
            ).fetchone()
            if open_ >= _MOST_OF_NOBODY:
                raise GovernanceError("too many signatures were begun; try again in ten minutes")
            connection.execute(
                "INSERT INTO ceremonies VALUES (?, ?, ?, ?)",
                (_hash(secret), session, json.dumps(dict(said)), stamp(now + LASTS)),
            )
        return secret

    def take(self, session: str, secret: str) -> dict[str, Any]:
        """What was kept, once; raises GovernanceError if there is nothing (any more)."""
        with self._open() as connection:
            row = connection.execute(
                "DELETE FROM ceremonies WHERE hash = ? AND session = ? AND expires_at > ?"
                " RETURNING said",
                (_hash(secret), session, stamp(datetime.now(UTC))),
            ).fetchone()
        if row is None:
            raise GovernanceError("this signature was not begun here, or too long ago: begin anew")
        found: dict[str, Any] = json.loads(row[0])
        return found

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=30)) as connection:
                connection.executescript(_TABLE)
                with connection:
                    yield connection
        except (OSError, sqlite3.Error) as error:
            raise StoreUnavailableError(
                f"the sessions in {self._path} cannot be used", got=str(error)
            ) from error


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
