"""Evidence that the store cannot take waits on disk, whole, and is delivered once."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import aims_mlops as aims
from aims_mlops.errors import EvidenceFormatError, StoreUnavailableError
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.inventory.project import find_project, forget_stores
from aims_mlops.store.spool import (
    drain,
    pending,
    read_batch,
    set_aside,
    spool_batch,
    spool_folders,
)

Recorded = Callable[..., list[Evidence]]


def evidence(name: str) -> Evidence:
    return Evidence(
        kind="run",
        subjects=(Subject.of_name(f"run:{name}"),),
        body={"name": name},
        actor="tester",
        claimed_at=now(),
    )


@aims.training
def train() -> str:
    return "trained"


def test_spooled_batch_reads_back_as_it_was(project: Path) -> None:
    batch = [evidence("a"), evidence("b")]
    path = spool_batch(project, batch, reason="StoreUnavailableError")
    assert pending(project) == [path]
    assert read_batch(path) == batch
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_batches_are_delivered_oldest_first_and_once(project: Path, recorded: Recorded) -> None:
    for name in ("a", "b", "c"):
        spool_batch(project, [evidence(name)])
    store = find_project().open_store()
    assert len(drain(project, store)) == 3
    assert drain(project, store) == []
    assert [e.body["name"] for e in recorded("run")] == ["a", "b", "c"]


def test_crash_between_delivery_and_removal_stores_nothing_twice(
    project: Path, recorded: Recorded
) -> None:
    path = spool_batch(project, [evidence("a")])
    content = path.read_bytes()
    store = find_project().open_store()
    drain(project, store)
    path.write_bytes(content)  # as if the process had died before it removed the file
    drain(project, store)
    assert pending(project) == []
    assert len(recorded("run")) == 1


def test_damaged_batch_is_set_aside_and_the_rest_delivered(
    project: Path, recorded: Recorded
) -> None:
    damaged = spool_batch(project, [evidence("a")])
    damaged.write_bytes(damaged.read_bytes()[:-20])
    spool_batch(project, [evidence("b")])
    drain(project, find_project().open_store())
    assert [e.body["name"] for e in recorded("run")] == ["b"]
    assert pending(project) == []
    assert [path.stem for path in set_aside(project)] == [damaged.stem]


@pytest.mark.parametrize("content", [b"", b"{}\n", b'{"aims_spool": 2}\n', b"\x00\xff\n"])
def test_file_that_is_no_batch_is_refused(project: Path, content: bytes) -> None:
    path = spool_batch(project, [evidence("a")])
    path.write_bytes(content)
    with pytest.raises(EvidenceFormatError):
        read_batch(path)


def test_half_written_file_is_never_pending(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(StoreUnavailableError, match="No space left on device"):
        spool_batch(project, [evidence("a")])
    assert [p for folder in spool_folders(project) for p in folder.glob("*")] == []


def test_read_only_project_spools_into_the_state_folder(project: Path, recorded: Recorded) -> None:
    (project / ".aims").write_text("a file where the folder should be")
    path = spool_batch(project, [evidence("a")])
    assert path.parent == spool_folders(project)[1]
    assert pending(project) == [path]
    assert pending(project.parent) == []


@pytest.fixture
def locked(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """A second connection that holds the store's write lock; the store waits half a second."""
    monkeypatch.setattr("aims_mlops.store.database.LOCK_TIMEOUT", 0.5)
    find_project().open_store().append(evidence("before"))
    forget_stores()
    connection = sqlite3.connect(project / ".aims" / "evidence.db", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    yield connection
    connection.close()


def test_locked_store_spools_and_the_next_run_delivers(
    locked: sqlite3.Connection, project: Path, recorded: Recorded, fails_open: None
) -> None:
    with pytest.warns(aims.errors.CaptureWarning, match="aims push"):
        assert train() == "trained"
    assert len(pending(project)) == 1
    locked.execute("ROLLBACK")
    assert train() == "trained"
    assert pending(project) == []
    assert len(recorded("run")) == 3


def test_store_of_a_newer_version_spools_and_is_left_alone(
    project: Path, recorded: Recorded, fails_open: None
) -> None:
    find_project().open_store().append(evidence("before"))
    forget_stores()
    path = project / ".aims" / "evidence.db"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE aims_version SET version_num = '9999_future'")
    connection.close()
    content = path.read_bytes()
    with pytest.warns(aims.errors.CaptureWarning, match="StoreVersionError"):
        assert train() == "trained"
    assert path.read_bytes() == content
    assert len(pending(project)) == 1


def test_read_only_store_spools(project: Path, fails_open: None) -> None:
    find_project().open_store().append(evidence("before"))
    forget_stores()
    with sqlite3.connect(project / ".aims" / "evidence.db") as connection:
        connection.execute(
            "CREATE TRIGGER stop BEFORE UPDATE ON aims_head "
            "BEGIN SELECT RAISE(ABORT, 'read only'); END"
        )
    connection.close()
    with pytest.warns(aims.errors.CaptureWarning, match="spooled"):
        assert train() == "trained"
    assert len(pending(project)) == 1


def test_neither_store_nor_spool_only_warns(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_open: None
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where folders should be")
    (project / ".aims").write_text("likewise")
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    with pytest.warns(aims.errors.CaptureWarning, match="was not captured"):
        assert train() == "trained"
    assert blocked.read_text() == "a file where folders should be"


def test_store_failure_raises_under_pytest(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMS_STORE_URL", "nowhere://store")
    with pytest.raises(aims.errors.AimsError, match="nowhere"):
        train()
    assert len(pending(project)) == 1  # kept all the same


def test_broken_aims_yaml_loses_no_evidence(
    project: Path, monkeypatch: pytest.MonkeyPatch, fails_open: None
) -> None:
    (project / "aims.yaml").write_text("unheard_of: 1\n")
    below = project / "notebooks"
    below.mkdir()
    monkeypatch.chdir(below)
    with pytest.warns(aims.errors.CaptureWarning, match="DocumentError"):
        assert train() == "trained"
    assert len(pending(project)) == 1


def test_full_disk_leaves_the_store_whole_and_spools(project: Path) -> None:
    """A process that may not let any file grow: to SQLite that is a disk without space."""
    script = (
        "import resource, signal, os, sqlite3\n"
        "import aims_mlops as aims\n"
        "from aims_mlops.inventory.project import find_project, forget_stores\n"
        "from aims_mlops.store.spool import pending\n"
        "@aims.training\n"
        "def train(): return 'trained'\n"
        "train()\n"
        "size = os.path.getsize('.aims/evidence.db')\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))\n"
        "for _ in range(3): assert train() == 'trained'\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)\n"
        "left = len(pending(find_project().root))\n"
        "forget_stores()\n"
        "with sqlite3.connect('.aims/evidence.db') as c:\n"
        "    assert c.execute('PRAGMA integrity_check').fetchone() == ('ok',)\n"
        "train()\n"
        "found = list(find_project().open_store().find(kind='run'))\n"
        "print(left, len(pending(find_project().root)), len(found))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "AIMS_CAPTURE_ERRORS": "warn"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    left, pending_after, runs = (int(n) for n in done.stdout.split())
    assert left >= 1
    assert (pending_after, runs) == (0, 5)
    assert "CaptureWarning" in done.stderr
