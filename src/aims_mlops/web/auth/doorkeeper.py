"""Invitations that work once, and the sessions that they begin: hashed at rest, ended on time.

An invitation and a session are 256 random bits each, of which only the SHA-256 is kept, in one
SQLite file beside the tokens; so a restart or a second worker signs nobody out.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aims_mlops.errors import InputError, StoreUnavailableError
from aims_mlops.evidence.clock import parse, stamp

FILE = ".aims/console.db"
IDLE = timedelta(hours=1)
ABSOLUTE = timedelta(hours=12)
MOST_HOURS = 72  # of an invitation
_TOUCH = timedelta(minutes=1)

_TABLES = """
CREATE TABLE IF NOT EXISTS invitations (
    hash TEXT PRIMARY KEY, person TEXT NOT NULL, made_by TEXT NOT NULL, systems TEXT,
    until TEXT, expires_at TEXT NOT NULL, used_at TEXT
);
CREATE TABLE IF NOT EXISTS sessions (
    hash TEXT PRIMARY KEY, person TEXT NOT NULL, csrf TEXT NOT NULL, systems TEXT, until TEXT,
    begun_at TEXT NOT NULL, seen_at TEXT NOT NULL, ended_at TEXT
);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One signed-in browser. id : the hash of its secret.  systems : None for every one."""

    id: str
    person: str
    csrf: str
    systems: frozenset[str] | None
    begun_at: str
    seen_at: str


class Doorkeeper:
    """Invitations and sessions of one project, in a file of mode 0600."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            if not self.path.exists():
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self.path.touch(mode=0o600)
            with closing(sqlite3.connect(self.path, timeout=30)) as connection:
                connection.row_factory = sqlite3.Row
                connection.executescript(_TABLES)
                with connection:
                    yield connection
        except (OSError, sqlite3.Error) as error:
            raise StoreUnavailableError(
                f"the sessions in {self.path} cannot be used", got=str(error)
            ) from error

    def invite(
        self,
        person: str,
        *,
        by: str,
        hours: float = 1,
        systems: Sequence[str] = (),
        until: datetime | None = None,
    ) -> str:
        """A new invitation's secret, shown this once; raises InputError.

        systems : the only ones that the session may see.  until : when access ends for good.
        """
        if not 0 < hours <= MOST_HOURS:
            raise InputError(
                "an invitation cannot last that long",
                got=f"{hours:g} hours",
                expected=f"more than 0 and at most {MOST_HOURS} hours",
            )
        secret = secrets.token_urlsafe(32)
        with self._open() as connection:
            connection.execute(
                "INSERT INTO invitations VALUES (?, ?, ?, ?, ?, ?, NULL)",
                (
                    _hash(secret),
                    person,
                    by,
                    json.dumps(sorted(systems)) if systems else None,
                    stamp(until) if until else None,
                    stamp(datetime.now(UTC) + timedelta(hours=hours)),
                ),
            )
        return secret

    def invited(self, secret: str) -> str | None:
        """The person whom an invitation that still works is for."""
        with self._open() as connection:
            row = connection.execute(
                "SELECT person FROM invitations WHERE hash = ? AND used_at IS NULL"
                " AND expires_at > ?",
                (_hash(secret), stamp(datetime.now(UTC))),
            ).fetchone()
        return None if row is None else str(row["person"])

    def accept(self, secret: str) -> str | None:
        """Use an invitation up: the secret of a new session; None if it does not work (any more).

        Of several who try at once, one gets in.
        """
        now = stamp(datetime.now(UTC))
        with self._open() as connection:
            used = connection.execute(
                "UPDATE invitations SET used_at = ? WHERE hash = ? AND used_at IS NULL"
                " AND expires_at > ?",
                (now, _hash(secret), now),
            )
            if used.rowcount != 1:
                return None
            row = connection.execute(
                "SELECT * FROM invitations WHERE hash = ?", (_hash(secret),)
            ).fetchone()
            session = secrets.token_urlsafe(32)
            connection.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
                (
                    _hash(session), row["person"], secrets.token_urlsafe(32), row["systems"],
                    row["until"], now, now,
                ),
            )  # fmt: skip
        return session

    def begin(self, person: str) -> str | None:
        """The secret of a new session of somebody who has proved who they are.

        It may see what their newest invitation that was used allows, and no longer than that; None
        for somebody who never was let in.
        """
        now = stamp(datetime.now(UTC))
        with self._open() as connection:
            row = connection.execute(
                "SELECT * FROM invitations WHERE person = ? AND used_at IS NOT NULL"
                " ORDER BY used_at DESC LIMIT 1",
                (person,),
            ).fetchone()
            if row is None or (row["until"] is not None and row["until"] <= now):
                return None
            session = secrets.token_urlsafe(32)
            connection.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
                (
                    _hash(session), person, secrets.token_urlsafe(32), row["systems"],
                    row["until"], now, now,
                ),
            )  # fmt: skip
        return session

    def session(self, secret: str) -> Session | None:
        """The session of a secret, if it is neither ended, idle for too long, nor too old."""
        now = datetime.now(UTC)
        with self._open() as connection:
            row = connection.execute(
                "SELECT * FROM sessions WHERE hash = ? AND ended_at IS NULL", (_hash(secret),)
            ).fetchone()
            if row is None or not _lives(row, now):
                return None
            if now - parse(row["seen_at"]) > _TOUCH:
                connection.execute(
                    "UPDATE sessions SET seen_at = ? WHERE hash = ?", (stamp(now), row["hash"])
                )
        return _session(row)

    def sessions(self) -> list[Session]:
        """Every session that still works, newest first."""
        now = datetime.now(UTC)
        with self._open() as connection:
            rows = connection.execute(
                "SELECT * FROM sessions WHERE ended_at IS NULL ORDER BY begun_at DESC"
            ).fetchall()
        return [_session(row) for row in rows if _lives(row, now)]

    def end_short(self, start: str) -> bool:
        """End the one session whose id begins so, 16 hex digits; whether there was one."""
        found = [session for session in self.sessions() if session.id[:16] == start]
        return len(found) == 1 and self.end(found[0].id)

    def end(self, id_: str) -> bool:
        """End a session by its id; whether there was one."""
        with self._open() as connection:
            ended = connection.execute(
                "UPDATE sessions SET ended_at = ? WHERE hash = ? AND ended_at IS NULL",
                (stamp(datetime.now(UTC)), id_),
            )
        return ended.rowcount == 1


def _lives(row: sqlite3.Row, now: datetime) -> bool:
    if row["until"] is not None and now >= parse(row["until"]):
        return False
    return now - parse(row["seen_at"]) < IDLE and now - parse(row["begun_at"]) < ABSOLUTE


def _session(row: sqlite3.Row) -> Session:
    systems = row["systems"]
    return Session(
        id=row["hash"],
        person=row["person"],
        csrf=row["csrf"],
        systems=None if systems is None else frozenset(json.loads(systems)),
        begun_at=row["begun_at"],
        seen_at=row["seen_at"],
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
