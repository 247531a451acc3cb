"""Connections to SQLite and PostgreSQL: how they are opened, and what their errors mean.

SQLite before 3.51.3 has a bug that can corrupt a database in WAL mode, and in WAL mode it keeps
commits through a power cut only at synchronous=FULL. So: rollback journal and synchronous=EXTRA.
Source: sqlite.org/wal.html, sqlite.org/pragma.html#pragma_synchronous.
"""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import sqlalchemy as sa  # noqa: TID253  the adapter itself
from sqlalchemy import event, exc, pool  # noqa: TID253

from aims_mlops.errors import InputError, MissingExtraError, StoreError, StoreUnavailableError
from aims_mlops.processes import around_fork
from aims_mlops.store.database.limits import (
    ANSWER_TIMEOUT,
    CONNECT_TIMEOUT,
    LOCK_TIMEOUT,
    LOCK_VARIABLE,
    STATEMENT_TIMEOUT,
    STATEMENT_VARIABLE,
    Breaker,
    Watchdog,
    seconds_of,
)

WAL_IS_SAFE_FROM = (3, 51, 3)


class Database:
    """One engine a process; safe to use from threads and after a fork.

    `url` is shown without its password; `dsn` is the URL as given.
    """

    def __init__(self, url: str, *, create: bool) -> None:
        try:
            parsed = sa.make_url(url)
        except exc.ArgumentError as error:
            raise InputError(
                "the store's URL cannot be read",
                expected="such as sqlite:///evidence.db or postgresql://user@host/name",
            ) from error
        self.dsn = url
        self.url = parsed.set(query={}).render_as_string(hide_password=True)  # ?password=… too
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.path: Path | None = None
        self.lock = threading.RLock()
        self._breaker = Breaker()
        self._patience = seconds_of(LOCK_VARIABLE, LOCK_TIMEOUT)
        self._transaction_limit: float | None = None  # seconds; a file answers or fails by itself
        if self.is_sqlite:
            if not parsed.database or parsed.database == ":memory:":
                raise InputError(
                    "an evidence log cannot live in memory",
                    got=self.url,
                    expected="a file, such as sqlite:///evidence.db",
                )
            # A process that changes its working directory must not change its store.
            self.path = Path(parsed.database).absolute()
            self.dsn = f"sqlite:///{self.path}"
            self._connect_to_file(create)
        else:
            self._connect_to_server(parsed)
        _forget_after_fork(self)

    def _connect_to_file(self, create: bool) -> None:
        path = self.path
        assert path is not None
        mode = "rwc" if create else "rw"
        patience = self._patience

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(
                f"{path.as_uri()}?mode={mode}",
                uri=True,
                timeout=patience,
                isolation_level=None,  # we say BEGIN ourselves, see below
                check_same_thread=False,
            )

        engine = sa.create_engine(
            "sqlite://", creator=connect, poolclass=pool.QueuePool, pool_size=4, max_overflow=-1
        )

        @event.listens_for(engine, "connect")
        def _settings(connection: sqlite3.Connection, _: object) -> None:
            set_sqlite_durability(connection)

        @event.listens_for(engine, "begin")
        def _begin(connection: sa.Connection) -> None:
            writing = connection.get_execution_options().get("aims_write")
            # By the driver itself: SQLAlchemy's way there costs more than the statement does.
            own: Any = connection.connection.driver_connection
            own.execute("BEGIN IMMEDIATE" if writing else "BEGIN").close()

        self.engine: sa.Engine = engine
        self._writer: sa.Engine = engine.execution_options(aims_write=True)

    def _connect_to_server(self, parsed: sa.URL) -> None:
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.drivername != "postgresql+psycopg":
            raise InputError(
                "no evidence log can live there",
                got=f"{parsed.drivername}://",
                expected="sqlite:// or postgresql://",
            )
        try:
            self.engine = sa.create_engine(
                parsed,
                isolation_level="READ COMMITTED",
                pool_size=4,
                pool_timeout=self._patience,
                connect_args={"connect_timeout": CONNECT_TIMEOUT, **parsed.query},
            )
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                "an evidence log on PostgreSQL", library="psycopg", extra="postgres"
            ) from error
        self._writer = self.engine
        limits = {
            "lock_timeout": self._patience,
            "statement_timeout": seconds_of(STATEMENT_VARIABLE, STATEMENT_TIMEOUT),
        }

        # The server ends a statement that is late; only a cut ends one that it no longer looks at.
        self._transaction_limit = sum(limits.values()) + ANSWER_TIMEOUT

        @event.listens_for(self.engine, "connect")
        def _limits(connection: Any, _: object) -> None:
            with connection.cursor() as cursor:
                for name, seconds in limits.items():
                    cursor.execute(f"SET {name} = {max(int(seconds * 1000), 1)}")
            connection.commit()

        @event.listens_for(self.engine, "checkout")
        def _answers(connection: Any, *_: object) -> None:
            try:
                with _watchdog.limited(connection, ANSWER_TIMEOUT):
                    connection.execute("SELECT 1")
                    connection.rollback()
            except Exception as error:
                raise exc.DisconnectionError("the connection does not answer") from error

    def compiled(self, statement: Any) -> str:
        """A Core statement as SQL for the driver's own cursor, its parameters by place.

        An INSERT takes the columns in the order of its table; no other value may be in it.
        """
        kind: Any = type(self.engine.dialect)
        dialect = kind(paramstyle="qmark" if self.is_sqlite else "format")
        return str(statement.compile(dialect=dialect))

    @property
    def integrity_error(self) -> tuple[type[Exception], ...]:
        """What a broken constraint raises, through SQLAlchemy and from the driver."""
        driver: Any = self.engine.dialect.loaded_dbapi
        return (exc.IntegrityError, driver.IntegrityError)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One write transaction: committed at the end, rolled back on any exception.

        On SQLite the database is locked from the start. The lock also holds back a fork, so that no
        child inherits a transaction that is under way.
        """
        with (
            self._breaker.watching(self.url),
            self._locked(),
            meaning(self),
            self._writer.connect() as connection,
            self._in_time(connection),
        ):
            connection.begin()
            yield connection
            connection.commit()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """This process's turn to write; another thread may be waiting for the database."""
        lock = self.lock
        if not lock.acquire(timeout=self._patience + ANSWER_TIMEOUT):
            raise StoreUnavailableError(
                f"the store {self.url} is not usable", got="another thread of this process holds it"
            )
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One short read transaction; it sees one state of the log."""
        with (
            self._breaker.watching(self.url),
            meaning(self),
            self.engine.connect() as connection,
            self._in_time(connection),
        ):
            yield connection

    def _in_time(self, connection: sa.Connection) -> AbstractContextManager[None]:
        """Cut a transaction on a server that has stopped answering in the middle of it."""
        if self._transaction_limit is None:
            return nullcontext()
        return _watchdog.limited(connection.connection.driver_connection, self._transaction_limit)

    def close(self) -> None:
        """Close every connection; the next use opens them again."""
        self.engine.dispose()


def set_sqlite_durability(connection: sqlite3.Connection) -> None:
    """Make a commit that returned survive a power cut."""
    cursor = connection.cursor()
    try:
        if sqlite3.sqlite_version_info < WAL_IS_SAFE_FROM:
            # Emptied at a commit and synced, not unlinked: the folder need not be synced as well,
            # and nothing of an erased key stays in it, as it would with PERSIST.
            cursor.execute("PRAGMA journal_mode=TRUNCATE")
        cursor.execute("PRAGMA synchronous=EXTRA")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA trusted_schema=OFF")
        cursor.execute("PRAGMA recursive_triggers=ON")
        cursor.execute("PRAGMA secure_delete=ON")
    finally:
        cursor.close()


@contextmanager
def meaning(database: Database) -> Iterator[None]:
    """Turn a driver's errors into ours, with the reason of the operating system."""
    driver: Any = database.engine.dialect.loaded_dbapi
    try:
        yield
    except (exc.IntegrityError, driver.IntegrityError):
        raise
    except exc.TimeoutError as error:
        raise StoreUnavailableError(f"the store {database.url} has no free connection") from error
    except exc.DBAPIError as error:
        raise _translated(database, error.orig) from error
    except driver.Error as error:
        raise _translated(database, error) from error


def _translated(database: Database, cause: Any) -> StoreError:
    reason = " ".join(str(cause).split())[:300] or type(cause).__name__
    low = reason.lower()
    if database.is_sqlite and ("not a database" in low or "malformed" in low):
        return StoreError(
            f"the store {database.url} is damaged",
            got=reason,
            next_step="restore it from a backup, then run: aims evidence verify",
        )
    if "insert-only" in low or "only grows" in low:
        return StoreError(
            f"the store {database.url} refuses to change what is in the log: {reason}"
        )
    step = None
    if "locked" in low or "busy" in low:
        step = "another process holds the store; try again when it is done"
    elif "readonly" in low or "read-only" in low or "permission denied" in low:
        step = "make the file and its folder writable for this user"
    elif "full" in low or "no space" in low:
        step = "free space on the disk; nothing was half-written"
    elif "unable to open" in low:
        step = "check that the folder exists and may be written"
    return StoreUnavailableError(
        f"the store {database.url} is not usable", got=reason, next_step=step
    )


_watchdog = Watchdog()
_open: weakref.WeakSet[Database] = weakref.WeakSet()
_held: list[Database] = []


def _forget_after_fork(database: Database) -> None:
    _open.add(database)


def _before_fork() -> None:
    _held.extend(_open)
    for database in _held:
        database.lock.acquire()


def _after_fork_in_parent() -> None:
    for database in _held:
        database.lock.release()
    _held.clear()


def _after_fork_in_child() -> None:
    # No transaction was under way, so connections that the child drops unused do no harm; it must
    # only never speak through them.
    for database in _held:
        database.lock = threading.RLock()
        database.engine.dispose(close=False)
    _held.clear()


around_fork(
    before=_before_fork,
    after_in_parent=_after_fork_in_parent,
    after_in_child=_after_fork_in_child,
)
