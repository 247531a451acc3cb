"""A script that cron or systemd starts elsewhere finds its project, and says what it made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """\
import aims_mlops as aims

@aims.training(quality=False, mlflow=False)
def train(rate=0.1):
    return None

train()
"""


def started(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "AIMS_CAPTURE_ERRORS": "warn", **variables}
    environment.pop("PYTEST_CURRENT_TEST", None)
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def python(folder: Path, script: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return started(folder, sys.executable, str(script), **variables)


def status(folder: Path, **variables: str) -> dict[str, Any]:
    command = (sys.executable, "-m", "aims_mlops", "status", "--json")
    found: dict[str, Any] = json.loads(started(folder, *command, **variables).stdout)
    return found


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "srv" / "app"
    (folder / "jobs").mkdir(parents=True)
    (folder / "jobs" / "train.py").write_text(SCRIPT)
    return folder


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


def test_script_that_starts_elsewhere_writes_to_its_own_project(app: Path, elsewhere: Path) -> None:
    (app / "aims.yaml").write_text("systems:\n  - id: loans\n    owner: ana\n")
    done = python(elsewhere, app / "jobs" / "train.py")
    assert done.returncode == 0, done.stderr
    assert (app / ".aims" / "evidence.db").is_file()
    assert list(elsewhere.iterdir()) == []
    assert status(app)["store"]["size"] > 0


def test_script_behind_a_link_finds_its_project(app: Path, elsewhere: Path) -> None:
    (app / "aims.yaml").write_text("systems:\n  - id: loans\n    owner: ana\n")
    link = elsewhere / "nightly.py"
    link.symlink_to(app / "jobs" / "train.py")
    assert python(elsewhere, link).returncode == 0
    assert (app / ".aims" / "evidence.db").is_file()
    assert not (elsewhere / ".aims").exists()


def test_working_folder_comes_before_the_script(app: Path, elsewhere: Path) -> None:
    (app / "aims.yaml").write_text("systems:\n  - id: loans\n    owner: ana\n")
    (elsewhere / "aims.yaml").write_text("systems:\n  - id: cards\n    owner: bo\n")
    assert python(elsewhere, app / "jobs" / "train.py").returncode == 0
    assert (elsewhere / ".aims" / "evidence.db").is_file()
    assert not (app / ".aims").exists()


def test_log_beside_the_script_is_found_without_aims_yaml(app: Path, elsewhere: Path) -> None:
    jobs = app / "jobs"
    assert python(jobs, jobs / "train.py").returncode == 0
    size = status(jobs)["store"]["size"]
    done = python(elsewhere, jobs / "train.py")
    assert "new evidence log" not in done.stderr
    assert status(jobs)["store"]["size"] > size
    assert list(elsewhere.iterdir()) == []


def test_new_log_and_key_are_told_on_the_spot_and_only_then(app: Path, elsewhere: Path) -> None:
    script = app / "jobs" / "train.py"
    first = python(elsewhere, script)
    assert first.stderr.count("new evidence log") == 1
    assert str(elsewhere / ".aims" / "keys") in first.stderr
    assert "AIMS_CREATE_STORE=off" in first.stderr
    assert "new evidence log" not in python(elsewhere, script).stderr
    log = status(elsewhere)["log"]
    assert log["new"] is True
    assert log["made_by_this_command"] is False
    assert log["keys"] == str(elsewhere / ".aims" / "keys")
    table = started(elsewhere, sys.executable, "-m", "aims_mlops", "status").stdout
    assert "(NEW)" in table


def test_log_that_status_itself_makes_is_said_to_be_new(elsewhere: Path) -> None:
    done = started(elsewhere, sys.executable, "-m", "aims_mlops", "status")
    assert "NEW: this command made it and its key" in done.stdout
    assert "new evidence log" in done.stderr


def test_creating_that_is_off_makes_no_log_and_no_key(app: Path, elsewhere: Path) -> None:
    off = {"AIMS_CREATE_STORE": "off"}
    done = python(elsewhere, app / "jobs" / "train.py", **off)
    assert done.returncode == 0
    assert "spooled" in done.stderr
    assert not (elsewhere / ".aims" / "evidence.db").exists()
    assert not (elsewhere / ".aims" / "keys").exists()
    refused = started(elsewhere, sys.executable, "-m", "aims_mlops", "status", **off)
    assert refused.returncode != 0
    assert "AIMS_PROJECT" in refused.stderr
    assert python(elsewhere, app / "jobs" / "train.py").returncode == 0
    assert status(elsewhere, **off)["store"]["size"] > 0
