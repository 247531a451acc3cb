"""The writer is killed at random points: nothing acknowledged is lost, no number used twice."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aims_mlops.evidence.records import Evidence
from aims_mlops.store.log.sql import SqlStore
from aims_mlops.store.opening import open_sql_store
from aims_mlops.store.verify.verify import verify_store

KILLS = 1_000
Make = Callable[..., Evidence]


def write_until_killed(store: SqlStore, name: int, make: Make, acknowledge: int) -> None:
    """Append singly, in groups and with blobs; say which record was acknowledged, and go on."""
    for i in range(10_000):
        label = f"{name}-{i}"
        if (name + i) % 3 == 0:
            records = [store.append(make(label))]
        elif (name + i) % 3 == 1:
            records = store.append_many([make(f"{label}-{j}") for j in range(5)])
        else:
            reference = store.put_blob(label.encode(), media_type="text/plain")
            blob = {"sha256": reference.sha256, "size": len(label), "media_type": "text/plain"}
            records = [store.append(make(label, report=blob))]
        lines = "".join(f"{r.sequence} {r.id}\n" for r in records)
        os.write(acknowledge, lines.encode())  # short of PIPE_BUF: written whole or not at all


def journalled(path: Path) -> bool:
    """Whether a transaction was under way when the writer died."""
    journal = path.with_name(path.name + "-journal")
    return journal.exists() and journal.stat().st_size > 0


def run_and_kill(
    store: SqlStore, name: int, make: Make, after: int, delay: float
) -> list[tuple[int, str]]:
    """What one writer acknowledged; it is killed `delay` seconds after `after` acknowledgements."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        try:
            write_until_killed(store, name, make, into)
        finally:
            os._exit(1)
    os.close(into)
    received = b""
    while received.count(b"\n") < after:
        part = os.read(out, 65536)
        assert part, "the writer ended by itself"
        received += part
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the writer ended by itself"
    while part := os.read(out, 65536):
        received += part
    os.close(out)
    lines = received.decode().splitlines()
    return [(int(sequence), record) for sequence, record in map(str.split, lines)]


@pytest.mark.slow
def test_writer_killed_at_1000_random_points_loses_nothing(
    tmp_path: Path, make_evidence: Make
) -> None:
    url = f"sqlite:///{tmp_path / 'log' / 'evidence.db'}"
    store = open_sql_store(url)
    store.append(make_evidence("first"))  # loads what the writers then have from the start
    generator = random.Random(20261121)
    acknowledged: dict[int, str] = {}
    verified = None
    interrupted = 0
    for kill in range(KILLS):
        after, delay = generator.randrange(3), generator.uniform(0.0, 0.004)
        for sequence, record in run_and_kill(store, kill, make_evidence, after, delay):
            assert sequence not in acknowledged, "a sequence number was used twice"
            acknowledged[sequence] = record
        interrupted += journalled(tmp_path / "log" / "evidence.db")
        if kill % 100 == 99:
            report = verify_store(store, since=verified)
            assert report.ok, report.failures
            verified = report.verified
    store.close()
    store = open_sql_store(url)
    report = verify_store(store)
    assert report.ok, report.failures
    stored = {record.sequence: record.id for record in store.find()}
    lost = [s for s, record in acknowledged.items() if stored.get(s) != record]
    store.close()
    print(
        f"{KILLS} kills, {interrupted} with a transaction half-way: {len(acknowledged)} records "
        f"acknowledged, {len(stored)} stored, {len(lost)} lost, 0 numbers used twice"
    )
    assert lost == []
    assert interrupted > 0
    assert len(acknowledged) > KILLS


def test_creation_killed_at_random_points_leaves_no_half_made_store(
    tmp_path: Path, make_evidence: Make
) -> None:
    """Migrations run in one transaction: killed half-way, the next opening starts anew."""
    import alembic.command  # noqa: F401  loaded once here and not in every child

    generator = random.Random(7)
    unfinished = 0
    for i in range(60):
        path = tmp_path / f"log{i}" / "evidence.db"
        child = os.fork()
        if child == 0:
            try:
                open_sql_store(f"sqlite:///{path}")
            finally:
                os._exit(0)
        time.sleep(generator.uniform(0.0, 0.06))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        unfinished += not path.exists() or journalled(path)
        store = open_sql_store(f"sqlite:///{path}")
        store.append(make_evidence(i))
        assert verify_store(store).ok
        store.close()
    print(f"60 creations killed, {unfinished} of them half-way")
