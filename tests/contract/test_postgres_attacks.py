"""PostgreSQL: backends killed under eight writers, and a role that cannot change the log."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.errors import InputError, StoreUnavailableError
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.store.administration.roles import postgresql_role_script
from aims_mlops.store.log.sql import SqlStore
from aims_mlops.store.opening import open_sql_store
from aims_mlops.store.verify.verify import verify_store

PROCESSES = 8
APPENDS = 1_000
SINGLE = 100


def evidence(label: str) -> Evidence:
    return Evidence(
        kind="run",
        subjects=(Subject.of_name(label),),
        body={"label": label},
        actor="tester@example.org",
        claimed_at="2026-11-21T00:00:00.000000Z",
    )


def persist(action: Any) -> None:
    """Try until it is done: the same keys make the same records."""
    deadline = time.monotonic() + 600  # a busy machine recovers slowly
    while True:
        try:
            action()
            return
        except StoreUnavailableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def append_some(url: str, place: Path, name: int) -> None:
    # A crash of the server can hit the opening as well.
    opened: list[SqlStore] = []
    persist(lambda: opened.append(open_sql_store(url, blobs=str(place), keys=place / "keys")))
    store = opened[0]
    for i in range(SINGLE):
        label = f"{name}-{i}"
        persist(lambda label=label: store.append(evidence(label), key=label))
    for start in range(SINGLE, APPENDS, 20):
        labels = [f"{name}-{i}" for i in range(start, start + 20)]
        persist(lambda labels=labels: store.append_many([evidence(x) for x in labels], keys=labels))
    store.close()


def backends(address: str) -> list[int]:
    import psycopg

    try:
        with psycopg.connect(address, autocommit=True) as connection:
            rows = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' "
                "AND datname LIKE 't%' AND pid <> pg_backend_pid()"
            ).fetchall()
    except psycopg.Error:
        return []
    return [row[0] for row in rows]


@pytest.mark.slow
def test_8_processes_while_backends_are_killed(
    fresh_postgres: str, postgres: str, tmp_path: Path
) -> None:
    open_sql_store(fresh_postgres, blobs=str(tmp_path), keys=tmp_path / "keys").close()
    fork = multiprocessing.get_context("fork")
    crowd = [
        fork.Process(target=append_some, args=(fresh_postgres, tmp_path, i))
        for i in range(PROCESSES)
    ]
    for process in crowd:
        process.start()
    generator = random.Random(20261121)
    terminated = killed = 0
    while any(process.is_alive() for process in crowd):
        time.sleep(generator.uniform(0.05, 0.2))
        victims = backends(postgres)
        if not victims:
            continue
        victim = generator.choice(victims)
        try:
            if terminated % 10 == 4 and killed < 5:
                os.kill(victim, signal.SIGKILL)  # the whole server recovers after this
                killed += 1
            else:
                os.kill(victim, signal.SIGTERM)
            terminated += 1
        except ProcessLookupError:
            continue
    for process in crowd:
        process.join()
    assert [process.exitcode for process in crowd] == [0] * PROCESSES
    store = open_sql_store(fresh_postgres, blobs=str(tmp_path), keys=tmp_path / "keys")
    keys = []
    for expected, record in enumerate(store.find()):
        assert record.sequence == expected
        keys.append(record.key)
    assert len(keys) == len(set(keys)) == PROCESSES * APPENDS
    assert set(keys) == {f"{p}-{i}" for p in range(PROCESSES) for i in range(APPENDS)}
    report = verify_store(store)
    assert report.ok, report.failures
    store.close()
    print(
        f"{PROCESSES} processes x {APPENDS} records, {terminated} backends ended of which {killed} "
        f"by SIGKILL: {len(keys)} in order, 0 twice, 0 lost"
    )
    assert terminated > 5


FORBIDDEN = [
    "UPDATE aims_records SET kind = 'x'",
    "DELETE FROM aims_records",
    "TRUNCATE aims_records",
    "DELETE FROM aims_subjects",
    "UPDATE aims_tiles SET hashes = ''",
    "DELETE FROM aims_log_keys",
    "DELETE FROM aims_head",
    "UPDATE aims_head SET size = 0",
    "INSERT INTO aims_head SELECT 2, log_id, size, frontier, root, checkpoint FROM aims_head",
    "UPDATE aims_version SET version_num = 'x'",
    "ALTER TABLE aims_records DISABLE TRIGGER ALL",
    "DROP TRIGGER aims_records_insert_only ON aims_records",
    "DROP TABLE aims_records",
    "CREATE TABLE more (x int)",
    "SET session_replication_role = replica",
]


def _printed_script(role: str) -> bytes:
    """What the owner of the tables pipes into psql."""
    command = [sys.executable, "-m", "aims_mlops", "evidence", "role-script", role]
    return subprocess.run(command, capture_output=True, check=True).stdout


def test_application_role_appends_and_cannot_change_anything(
    fresh_postgres: str, tmp_path: Path
) -> None:
    import psycopg

    owner = open_sql_store(fresh_postgres, blobs=str(tmp_path / "b"), keys=tmp_path / "keys")
    owner.append(evidence("first"))
    role = f"app_{os.getpid()}"
    with psycopg.connect(fresh_postgres, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")
        connection.execute(_printed_script(role))
    scheme, _, rest = fresh_postgres.partition("://")
    url = f"{scheme}://{role}@{rest.partition('@')[2]}"
    application = open_sql_store(url, blobs=str(tmp_path / "b"), keys=tmp_path / "keys")
    application.append_many([evidence(f"more {i}") for i in range(300)])
    blob = application.put_blob(b"personal", media_type="text/plain", personal=True)
    assert application.get_blob(blob.sha256) == b"personal"
    assert verify_store(application).ok
    application.close()
    refused = 0
    for statement in FORBIDDEN:
        with psycopg.connect(url, autocommit=True) as connection, pytest.raises(psycopg.Error):
            connection.execute(statement)
        refused += 1
    print(f"{refused} statements refused to the application's role")
    assert owner.status().size == 301
    owner.close()


def test_role_name_that_needs_quotes_is_refused() -> None:
    for name in ("app; DROP TABLE x", "App", "", "a" * 64):
        with pytest.raises(InputError):
            postgresql_role_script(name)


def test_server_that_is_not_there_is_unavailable_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="not usable"):
        open_sql_store(
            "postgresql://nobody@127.0.0.1:9/none?connect_timeout=2",
            blobs=str(tmp_path),
            keys=tmp_path,
        )
    with pytest.raises(InputError, match="place for its"):
        open_sql_store("postgresql://nobody@127.0.0.1:9/none")
