"""What each record of a log is about, as this machine itself read it under a signed head.

The index columns of a database and the searches of a server are claims: whoever writes the database
hides a revocation from a search by changing a column beside a signed envelope. This index is made
of the leaves and statements alone, each read once, in order; together they must give the root that
the log's key signed, or nothing of them is kept. It says which records a search has to find, and
the leaf hash of each.

It lies in the user's state folder, and can be thrown away: it is made anew from the log.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
import orjson

from aims_mlops.errors import StoreUnavailableError, VerificationError
from aims_mlops.evidence.encoding.envelope import payload_of
from aims_mlops.evidence.transparency.merkle import HASH, grow, leaf_hash, root_of
from aims_mlops.store.disk.spool import state_folder

FOLDER = Path("aims-mlops") / "index"  # in the user's state folder
PAGE = 1000  # records read at a time to follow the log
_CHUNK = 20_000  # answers of a search that are in memory at once
_WAIT = 120.0  # seconds for another process that follows the same log
_VERIFY = "aims evidence verify"
_log = logging.getLogger("aims_mlops.store")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS state (
    one INTEGER PRIMARY KEY CHECK (one = 1), log TEXT NOT NULL, size INTEGER NOT NULL,
    frontier BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS entries (
    sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, system TEXT, run TEXT, leaf BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS entries_kind ON entries (kind, sequence);
CREATE INDEX IF NOT EXISTS entries_system ON entries (system, sequence);
CREATE INDEX IF NOT EXISTS entries_run ON entries (run, sequence);
CREATE TABLE IF NOT EXISTS subjects (
    sha256 TEXT NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (sha256, sequence)) WITHOUT ROWID
"""


class _Predicate(msgspec.Struct, gc=False):
    system: str | None = None
    run: str | None = None


class _Statement(msgspec.Struct, gc=False):
    predicate: _Predicate


_read_statement = msgspec.json.Decoder(_Statement).decode


class Entry(NamedTuple):
    """What one record is about; `leaf` is the hash of its leaf."""

    sequence: int
    kind: str
    system: str | None
    run: str | None
    leaf: bytes
    subjects: Sequence[str]


class Wanted(NamedTuple):
    """A search of records [low, high), high at most what was followed; None: no such filter."""

    kinds: Sequence[str] | None = None
    system: str | None = None
    subject: str | None = None
    run: str | None = None
    low: int = 0
    high: int = 0
    newest_first: bool = False
    limit: int | None = None


Read = Callable[[int, int], Iterable[Entry]]  # records [start, end), in order


def entry_of(sequence: int, leaf: bytes, envelope: bytes) -> Entry:
    """What the leaf and the statement say; VerificationError if they are not of one record."""
    try:
        said = orjson.loads(leaf)
        about = _read_statement(payload_of(envelope)).predicate
        digest = hashlib.sha256(envelope).hexdigest()
        if (said["sequence"], said["envelope"]) != (sequence, digest):
            raise VerificationError(
                f"record {sequence} is not what was stored",
                got="a leaf and an envelope that disagree",
                next_step=_VERIFY,
            )
        return Entry(
            sequence, said["kind"], about.system, about.run, leaf_hash(leaf), said["subjects"]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise VerificationError(
            f"record {sequence} cannot be read",
            got=type(error).__name__,
            next_step=_VERIFY,
        ) from error


class VerifiedIndex:
    """The index of one log at one place; safe to use from threads, processes and after a fork.

    place : URL of the store; a copy of a log elsewhere has an index of its own.
    """

    def __init__(self, log_id: str, place: str) -> None:
        name = hashlib.sha256(place.encode()).hexdigest()[:16]
        self.path = state_folder() / FOLDER / f"{log_id}-{name}.db"
        self._log_id = log_id
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._pid = 0
        self._in_memory = False

    @property
    def size(self) -> int:
        """How many records of the log it has."""
        with self._usable() as connection:
            return self._state(connection)[0]

    def follow(self, size: int, root: bytes, read: Read) -> None:
        """Read what it lacks of the `size` records whose signed root is `root`.

        Raises VerificationError if they do not give that root; then nothing of them is kept. An
        index that has more than `size` records stays as it is.
        """
        try:
            self._follow(size, root, read)
        except sqlite3.Error as error:
            _log.info("the verified index %s is not used: %s", self.path, error)
            with self._lock:
                self.close()
                self._in_memory = True
            self._follow(size, root, read)

    def _follow(self, size: int, root: bytes, read: Read) -> None:
        with self._usable() as connection:
            known, frontier = self._state(connection)
            if known < size:
                self._extend(connection, size, root, read)
            elif known == size and root_of(frontier) != root:
                raise self._another()

    def after(self, size: int, root: bytes, entries: Sequence[Entry], since: int) -> list[Entry]:
        """Entries from `since` on of a log of `size` records, of which it has less; keeps nothing.

        For a moment that may be undone. `entries` are those that it lacks, or more: another process
        may have followed the log further since they were read.
        """
        with self._usable() as connection:
            known, frontier = self._state(connection)
            lacking = [entry for entry in entries if entry.sequence >= known]
            for number, entry in enumerate(lacking, known):
                if entry.sequence != number:
                    raise self._missing(number)
                grow(frontier, number, entry.leaf)
            if known + len(lacking) != size or root_of(frontier) != root:
                raise self._another()
            newer = (entry for entry in lacking if entry.sequence >= since)
            return [*self._entries(connection, since), *newer]

    def search(self, wanted: Wanted) -> Iterator[tuple[int, bytes]]:
        """(sequence, leaf hash) of each record that a search has to find, in its order."""
        low, high, left = wanted.low, wanted.high, wanted.limit
        while left is None or left > 0:
            count = _CHUNK if left is None else min(_CHUNK, left)
            sql, values = _query(wanted._replace(low=low, high=high, limit=count))
            with self._usable() as connection:
                if self._state(connection)[0] < wanted.high:
                    # Another thread lost the file, or this process was forked: it begins anew.
                    raise StoreUnavailableError(
                        "the verified index of the log was lost", next_step="try again"
                    )
                found = connection.execute(sql, values).fetchall()
            yield from found
            if len(found) < count:
                return
            if wanted.newest_first:
                high = found[-1][0]
            else:
                low = found[-1][0] + 1
            left = None if left is None else left - len(found)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    # ---- the file

    @contextmanager
    def _usable(self) -> Iterator[sqlite3.Connection]:
        """A connection to it; one in memory where the file cannot be used."""
        if self._pid not in (0, os.getpid()):  # forked: another thread may have held the lock
            self._lock, self._connection, self._pid = threading.RLock(), None, os.getpid()
        with self._lock:
            if self._connection is None:
                self._connection, self._pid = self._opened(), os.getpid()
            yield self._connection

    def _opened(self) -> sqlite3.Connection:
        if not self._in_memory:
            for damaged in (False, True):
                try:
                    return self._open_file()
                except sqlite3.DatabaseError as error:
                    if damaged or isinstance(error, sqlite3.OperationalError):
                        _log.info("the verified index %s is not used: %s", self.path, error)
                        break
                    with suppress(OSError):  # damaged: made anew from the log
                        self.path.unlink()
                except OSError as error:
                    _log.info("the verified index %s is not kept: %s", self.path, error.strerror)
                    break
            self._in_memory = True
        return self._prepared(_connect(":memory:"))

    def _open_file(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = _connect(str(self.path))
        try:
            return self._prepared(connection)
        except BaseException:
            connection.close()
            raise

    def _prepared(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
        connection.execute("INSERT OR IGNORE INTO state VALUES (1, ?, 0, ?)", (self._log_id, b""))
        self._state(connection)
        return connection

    def _state(self, connection: sqlite3.Connection) -> tuple[int, list[bytes]]:
        log, size, joined = connection.execute("SELECT log, size, frontier FROM state").fetchone()
        frontier = [joined[i : i + HASH] for i in range(0, len(joined), HASH)]
        if log != self._log_id or len(frontier) != size.bit_count():
            raise sqlite3.DatabaseError("it does not agree with itself")
        return size, frontier

    def _extend(self, connection: sqlite3.Connection, size: int, root: bytes, read: Read) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            start, frontier = self._state(connection)  # another process may have gone on
            if start < size:
                for low in range(start, size, PAGE):
                    high = min(size, low + PAGE)
                    self._add(connection, list(read(low, high)), low, high, frontier)
                if root_of(frontier) != root:
                    raise self._another()
                connection.execute(
                    "UPDATE state SET size = ?, frontier = ?", (size, b"".join(frontier))
                )
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    def _add(
        self,
        connection: sqlite3.Connection,
        entries: Sequence[Entry],
        low: int,
        high: int,
        frontier: list[bytes],
    ) -> None:
        for number in range(low, high):
            if number - low >= len(entries) or entries[number - low].sequence != number:
                raise self._missing(number)
            grow(frontier, number, entries[number - low].leaf)
        connection.executemany(
            "INSERT INTO entries VALUES (?, ?, ?, ?, ?)", [entry[:5] for entry in entries]
        )
        links = [(digest, e.sequence) for e in entries for digest in set(e.subjects)]
        connection.executemany("INSERT INTO subjects VALUES (?, ?)", links)

    def _entries(self, connection: sqlite3.Connection, since: int) -> Iterator[Entry]:
        for row in connection.execute("SELECT * FROM entries WHERE sequence >= ?", (since,)):
            sequence, kind, system, run, leaf = row
            yield Entry(sequence, kind, system, run, leaf, ())

    def _missing(self, sequence: int) -> VerificationError:
        return VerificationError(
            f"record {sequence} of the log is missing",
            expected="every record that the log's key signed",
            next_step=_VERIFY,
        )

    def _another(self) -> VerificationError:
        return VerificationError(
            "the records of the log are not those that its key signed, or not those that were read "
            "here before",
            got="another root",
            next_step=f"{_VERIFY}; if the log was replaced on purpose, move {self.path} aside",
        )


def _connect(name: str) -> sqlite3.Connection:
    return sqlite3.connect(name, timeout=_WAIT, isolation_level=None, check_same_thread=False)


def _query(wanted: Wanted) -> tuple[str, list[object]]:
    joined = "" if wanted.subject is None else " JOIN subjects s USING (sequence)"
    conditions = ["e.sequence >= ?", "e.sequence < ?"]
    values: list[object] = [wanted.low, wanted.high]
    if wanted.subject is not None:
        conditions.append("s.sha256 = ?")
        values.append(wanted.subject)
    if wanted.kinds is not None:
        conditions.append(f"e.kind IN ({','.join('?' * len(wanted.kinds))})")
        values.extend(wanted.kinds)
    for name, value in (("system", wanted.system), ("run", wanted.run)):
        if value is not None:
            conditions.append(f"e.{name} = ?")
            values.append(value)
    order = " DESC" if wanted.newest_first else ""
    sql = (
        f"SELECT e.sequence, e.leaf FROM entries e{joined} "  # noqa: S608  only constants
        f"WHERE {' AND '.join(conditions)} ORDER BY e.sequence{order} LIMIT ?"
    )
    return sql, [*values, wanted.limit]
