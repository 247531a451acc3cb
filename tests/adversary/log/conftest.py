"""A log to attack, and the administrator of its database, who is not held by triggers."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aims_mlops.evidence import clock
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.store.log.sql import SqlStore
from aims_mlops.store.opening import open_sql_store


def evidence(n: object, **body: object) -> Evidence:
    """One record; `n` makes it unlike the others."""
    return Evidence(
        kind="run",
        subjects=(Subject.of_name(f"run:{n}"),),
        body={"n": str(n), **body},
        actor="attacker@example.org",
        claimed_at=clock.now(),
        system="loans",
        run=f"run-{n}",
    )


@pytest.fixture
def make_evidence() -> Callable[..., Evidence]:
    return evidence


class Administrator:
    """Who owns the database file: drops the triggers, changes what he likes, puts them back."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def inside(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, isolation_level=None)
        connection.execute("PRAGMA synchronous=OFF")
        triggers = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        for _, sql in triggers:
            connection.execute(sql)
        connection.close()


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    return tmp_path / "log" / "evidence.db"


@pytest.fixture
def store(log_path: Path) -> Iterator[SqlStore]:
    opened = open_sql_store(f"sqlite:///{log_path}")
    yield opened
    opened.close()


@pytest.fixture
def administrator(store: SqlStore, log_path: Path) -> Administrator:
    return Administrator(log_path)
