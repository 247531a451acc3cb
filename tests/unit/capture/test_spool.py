"""Evidence that the store cannot take waits on disk, whole, and is delivered once."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import aims_mlops as aims
from aims_mlops.errors import EvidenceFormatError, StoreUnavailableError
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.inventory.project import find_project, forget_stores
from aims_mlops.store.disk.spool import (
    drain,
    pending,
    read_batch,
    refusals,
    set_aside,
    spool_batch,
    spool_folders,
)
from aims_mlops.store.disk.spooled_blob import spool_blob

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


def test_blob_half_written_by_a_killed_process_is_swept_once_it_is_old(project: Path) -> None:
    killed = (
        "import os, pathlib\n"
        "from aims_mlops.store.disk.spooled_blob import spool_blob\n"
        "os.fsync = lambda handle: os._exit(9)\n"
        "import aims_mlops.store.disk.atomic_write as writing\n"
        "writing.sync_folder = lambda folder: None\n"
        f"spool_blob(pathlib.Path({str(project)!r}), b'half', media_type='text/plain')\n"
    )
    assert subprocess.run([sys.executable, "-c", killed], check=False).returncode == 9
    (draft,) = [p for f in spool_folders(project) for p in f.rglob(".*.blob.*") if p.is_file()]
    store = find_project().open_store()
    drain(project, store)
    assert draft.exists()  # somebody may still be writing it
    os.utime(draft, (0, 0))
    drain(project, store)
    assert not draft.exists()


def test_read_only_project_spools_into_the_state_folder(project: Path, recorded: Recorded) -> None:
    (project / ".aims").write_text("a file where the folder should be")
    path = spool_batch(project, [evidence("a")])
    assert path.parent == spool_folders(project)[1]
    assert pending(project) == [path]
    assert pending(project.parent) == []


@pytest.fixture
def locked(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """A second connection that holds the store's write lock; the store waits half a second."""
    monkeypatch.setattr("aims_mlops.store.database.database.LOCK_TIMEOUT", 0.5)
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
    with (
        pytest.warns(aims.errors.CaptureWarning, match="was not captured"),
        pytest.warns(aims.errors.CaptureWarning, match="start of the run"),
    ):
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
        "from aims_mlops.store.disk.spool import pending\n"
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


def _batch_with(project: Path, content: bytes) -> None:
    spool_batch(project, [evidence("odd")]).write_bytes(content)


def _line(**changes: object) -> bytes:
    statement = evidence("odd").to_statement()
    statement["predicate"].update(changes)
    return b'{"aims_spool":1}\n' + json.dumps(statement).encode() + b"\n"


ODD = {
    "body-null": _line(body=None),
    "body-text": _line(body="a string"),
    "body-list": _line(body=[1]),
    "controls-null": _line(controls=None),
    "actor-number": _line(actor=3),
    "actor-empty": _line(actor=""),
    "system-object": _line(system={"a": 1}),
    "claimed-in-words": _line(claimed_at="yesterday"),
    "line-null": b'{"aims_spool":1}\nnull\n',
    "line-list": b'{"aims_spool":1}\n[[[]]]\n',
    "header-true": b'{"aims_spool":true}\n',
    "empty": b"",
    "noise": b"\x00\xff\n",
}


@pytest.mark.parametrize("odd", ODD)
def test_one_odd_spool_file_is_set_aside_and_the_rest_delivered(
    project: Path, recorded: Recorded, odd: str
) -> None:
    spool_batch(project, [evidence("before")])
    _batch_with(project, ODD[odd])
    spool_batch(project, [evidence("behind")])
    drain(project, find_project().open_store())
    assert [e.body["name"] for e in recorded("run")] == ["before", "behind"]
    assert pending(project) == []
    assert len(set_aside(project)) == 1
    assert [why for _, why in refusals(project) if "Error" in why]
    (gap,) = recorded("gap")
    assert gap.body["where"].startswith("spool")
    assert "aims push" in gap.body["message"]


def test_folder_loop_link_and_pipe_named_like_a_batch_hold_up_nothing(
    project: Path, recorded: Recorded
) -> None:
    folder = spool_batch(project, [evidence("first")]).parent
    (folder / "00-folder.jsonl").mkdir()
    (folder / "01-loop.jsonl").symlink_to(folder / "01-loop.jsonl")
    (folder / "02-dangling.jsonl").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "03-pipe.jsonl")
    spool_batch(project, [evidence("last")])
    drain(project, find_project().open_store())
    assert [e.body["name"] for e in recorded("run")] == ["first", "last"]
    assert pending(project) == []
    assert len(set_aside(project)) == 4
    assert len(recorded("gap")) == 4
    drain(project, find_project().open_store())
    assert len(recorded("gap")) == 4


def test_refused_record_takes_nothing_else_of_its_batch_with_it(
    project: Path, recorded: Recorded
) -> None:
    path = spool_batch(project, [evidence("a"), evidence("b"), evidence("c")])
    lines = path.read_bytes().splitlines()
    bad = json.loads(lines[2])
    bad["predicate"]["claimed_at"] = "not a time"
    lines[2] = json.dumps(bad).encode()
    path.write_bytes(b"\n".join(lines) + b"\n")
    drain(project, find_project().open_store())
    assert [e.body["name"] for e in recorded("run")] == ["a", "c"]
    (gap,) = recorded("gap")
    assert gap.body["where"] == "spool: run"
    assert gap.body["error"] == "EvidenceFormatError"


def test_push_ends_where_a_refused_file_cannot_be_moved(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aims_mlops.cli.push import _deliver

    def fixed(self: Path, target: object) -> Path:
        raise PermissionError(13, "Permission denied")

    _batch_with(project, ODD["empty"])
    monkeypatch.setattr(Path, "rename", fixed)
    assert _deliver(find_project(), 0.0) is None
    assert len(pending(project)) == 1


@pytest.mark.parametrize("clip", [1e18, -(2.0**53), 1e300, 2.0**63, 10**18, 2**53 + 1])
def test_large_numbers_among_the_parameters_lose_nothing_of_a_run(
    project: Path, recorded: Recorded, monkeypatch: pytest.MonkeyPatch, clip: float
) -> None:
    @aims.training
    def fit(clip: float) -> str:
        return "trained"

    fit(clip)
    path = spool_batch(project, [e for e in recorded() if e.kind in ("run", "parameters")])
    (parameters,) = (e for e in read_batch(path) if e.kind == "parameters")
    kept = parameters.body["parameters"]["clip"]
    assert kept == (clip if isinstance(clip, float) else str(clip))
    assert type(kept) is (float if isinstance(clip, float) else str)
    assert drain(project, find_project().open_store())[0].sequence == 0
    assert recorded("gap") == []


def test_blob_that_the_locked_store_does_not_take_is_spooled_with_its_batch(
    locked: sqlite3.Connection, project: Path, recorded: Recorded, fails_open: None
) -> None:
    wide = pd.DataFrame(np.zeros((3, 2_001))).add_prefix("column_")
    with (
        pytest.warns(aims.errors.CaptureWarning, match="aims push"),
        aims.run("r", quality=False),
    ):
        aims.dataset(wide, "wide")
    locked.execute("ROLLBACK")
    store = find_project().open_store()
    drain(project, store)
    (dataset,) = recorded("dataset")
    assert recorded("gap") == []
    assert len(json.loads(store.get_blob(dataset.body["details"]["sha256"]))["columns"]) == 2_001


def test_blob_that_is_not_what_its_name_says_is_set_aside_and_told(
    project: Path, recorded: Recorded
) -> None:
    good = spool_blob(project, b"good", media_type="text/plain")
    bad = spool_blob(project, b"bad", media_type="text/plain")
    folder = spool_folders(project)[0] / "blobs"
    (folder / f"{bad.sha256}.blob").write_bytes(b'{"aims_blob":1,"media_type":"text/plain"}\nBAD')
    spool_batch(project, [evidence("a")])
    store = find_project().open_store()
    assert len(drain(project, store)) == 1
    assert store.get_blob(good.sha256) == b"good"
    assert [path.stem for path in set_aside(project)] == [bad.sha256]
    assert "does not hold what its name says" in refusals(project)[0][1]
    assert [e.body["where"] for e in recorded("gap")] == ["spool"]
