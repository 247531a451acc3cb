from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from aims_mlops.inventory.actor import current_actor
from aims_mlops.inventory.project import find_project

ADDRESS = "ana.lima@clinic.example"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), "config", "user.email", ADDRESS], check=True)
    monkeypatch.delenv("AIMS_ACTOR")
    monkeypatch.chdir(folder)
    return folder


def test_found_address_of_nobody_listed_stays_out_of_evidence(repository: Path) -> None:
    actor = current_actor(find_project())
    assert actor.startswith("unlisted-")
    assert "ana" not in actor
    assert actor == current_actor(find_project())


def test_pseudonym_belongs_to_whoever_lists_the_address_later(repository: Path) -> None:
    actor = current_actor(find_project())
    (repository / "aims.yaml").write_text(
        f"people:\n  - id: ana\n    also_known_as: [{ADDRESS.upper()}]\n"
    )
    project = find_project()
    assert project.human(actor) == "ana"
    assert current_actor(project) == "ana"


def test_identity_that_is_said_stays_as_it_is(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMS_ACTOR", "train-bot")
    assert current_actor(find_project()) == "train-bot"
    assert os.environ["AIMS_ACTOR"] == "train-bot"
