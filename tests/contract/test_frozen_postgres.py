"""A PostgreSQL that stops looking at a connection in the middle of a transaction."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

import aims_mlops as aims
from aims_mlops.store.opening import open_sql_store


@pytest.mark.parametrize("way", ["reading", "writing"])
def test_server_that_freezes_inside_a_transaction_is_not_waited_for_for_ever(
    fresh_postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setenv("AIMS_STATEMENT_TIMEOUT", "1")
    monkeypatch.setenv("AIMS_LOCK_TIMEOUT", "1")
    store = open_sql_store(fresh_postgres, blobs=str(tmp_path / "blobs"), keys=tmp_path / "keys")
    stopped: list[int] = []

    def freeze() -> None:
        with getattr(store.database, way)() as connection:
            backend = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            stopped.append(backend)
            os.kill(backend, signal.SIGSTOP)
            connection.exec_driver_sql("SELECT 1")

    try:
        with pytest.raises(aims.errors.StoreUnavailableError):
            freeze()
    finally:
        for backend in stopped:
            os.kill(backend, signal.SIGCONT)
