"""The log's key is lost: the advice is one that can be followed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from aims_mlops.store.opening import open_sql_store
from aims_mlops.store.verify.verify import verify_store


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert aims("init", "--system", "loans").returncode == 0
    assert aims("key", "init").returncode == 0
    assert aims("evidence", "hold", "a" * 64, "--reason", "case").returncode == 0
    return tmp_path


def aims(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aims_mlops", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_log_whose_key_is_gone_is_not_told_to_rotate_and_leaves_no_new_key(project: Path) -> None:
    (key,) = project.rglob("log.key")
    lost = key.rename(project / "backup.key")
    for command in (
        ("key", "rotate"),
        ("evidence", "hold", "b" * 64, "--reason", "case"),
        ("evidence", "anchor", "--file", "outside"),
    ):
        done = aims(*command)
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
        assert "key rotate" not in done.stderr
        assert "restore it from its backup" in done.stderr
        assert "set another `store` in aims.yaml" in done.stderr
    assert not list(key.parent.glob("log.key*"))
    # What the message says can be done: look at it, verify it and take it along.
    assert aims("evidence", "list").returncode == 0
    assert aims("evidence", "verify").returncode == 0
    assert aims("evidence", "export", "old.aims").returncode == 0
    # One way on: the backup.
    lost.rename(key)
    assert aims("key", "rotate").returncode == 0
    assert aims("evidence", "verify").returncode == 0


def test_log_whose_key_is_lost_for_good_is_followed_by_another(project: Path) -> None:
    (key,) = project.rglob("log.key")
    key.unlink()
    settings = (project / "aims.yaml").read_text()
    moved = re.sub("(?m)^store: .*$", "store: sqlite:///second/evidence.db", settings)
    assert moved != settings
    (project / "aims.yaml").write_text(moved)
    assert aims("evidence", "hold", "b" * 64, "--reason", "case").returncode == 0
    assert aims("evidence", "verify").returncode == 0
    (old,) = project.glob(".aims/evidence.db")
    store = open_sql_store(f"sqlite:///{old}", create=False)
    assert verify_store(store).ok
    store.close()
