"""The folder of a log on a developer's machine."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from aims_mlops.errors import InputError, StoreUnavailableError
from aims_mlops.store.opening import open_sql_store


def _seen_by_git(project: Path) -> str:
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    listed = subprocess.run(
        ["git", "-C", str(project), "status", "--short", "--untracked-files=all"],
        check=True,
        capture_output=True,
        text=True,
    )
    return listed.stdout


def test_new_log_in_a_repository_is_not_seen_by_git(tmp_path: Path) -> None:
    open_sql_store(f"sqlite:///{tmp_path}/project/.aims/evidence.db").close()
    assert list((tmp_path / "project/.aims/keys").iterdir())
    assert _seen_by_git(tmp_path / "project") == ""


def test_log_after_the_spool_made_its_folder_is_not_seen_by_git(tmp_path: Path) -> None:
    (tmp_path / "project/.aims/spool").mkdir(parents=True)
    open_sql_store(f"sqlite:///{tmp_path}/project/.aims/evidence.db").close()
    assert _seen_by_git(tmp_path / "project") == ""


def test_folder_of_somebody_else_gets_no_file_that_hides_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    open_sql_store(f"sqlite:///{folder}/evidence.db").close()
    assert not (folder / ".gitignore").exists()


@pytest.mark.parametrize("said", ["soon", "-1", "nan", "4000"])
def test_time_to_wait_for_a_lock_that_is_no_time_is_refused(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMS_LOCK_TIMEOUT", said)
    with pytest.raises(InputError, match="AIMS_LOCK_TIMEOUT is not a time"):
        open_sql_store(f"sqlite:///{tmp_path}/evidence.db")


def test_locked_log_is_given_up_after_the_time_that_was_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_sql_store(f"sqlite:///{tmp_path}/evidence.db")
    store.close()
    other = sqlite3.connect(tmp_path / "evidence.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    monkeypatch.setenv("AIMS_LOCK_TIMEOUT", "0.2")
    start = time.monotonic()
    with pytest.raises(StoreUnavailableError, match="lock"):
        open_sql_store(f"sqlite:///{tmp_path}/evidence.db").status()
    assert time.monotonic() - start < 10  # and not the 15 s of the default
    other.close()
