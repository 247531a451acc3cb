"""The folder of a log on a developer's machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

from aims_mlops.store.opening import open_store


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
    open_store(f"sqlite:///{tmp_path}/project/.aims/evidence.db").close()
    assert list((tmp_path / "project/.aims/keys").iterdir())
    assert _seen_by_git(tmp_path / "project") == ""


def test_log_after_the_spool_made_its_folder_is_not_seen_by_git(tmp_path: Path) -> None:
    (tmp_path / "project/.aims/spool").mkdir(parents=True)
    open_store(f"sqlite:///{tmp_path}/project/.aims/evidence.db").close()
    assert _seen_by_git(tmp_path / "project") == ""


def test_folder_of_somebody_else_gets_no_file_that_hides_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    open_store(f"sqlite:///{folder}/evidence.db").close()
    assert not (folder / ".gitignore").exists()
