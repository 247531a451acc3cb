"""Tags of the run-context provider, on runs of a client that has our package."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import aims_mlops as aims
from aims_mlops.capture.facts.code import _looked_at
from aims_mlops.inventory.project import forget_stores
from aims_mlops.mlflow_plugin.client.context_provider import AimsRunContext


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A git repository with one commit, as the folder of the running script."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "train.py").write_text("x = 1\n")
    for command in (
        ("init", "-q"),
        ("add", "."),
        ("-c", "user.email=a@example.org", "-c", "user.name=a", "commit", "-q", "-m", "one"),
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
    monkeypatch.chdir(folder)
    monkeypatch.setattr("__main__.__file__", str(folder / "train.py"), raising=False)
    _looked_at.cache_clear()
    yield folder
    _looked_at.cache_clear()
    forget_stores()


def test_clean_tree_is_tagged_with_its_commit(repository: Path) -> None:
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert AimsRunContext().tags() == {"aims.git.commit": commit, "aims.git.dirty": "false"}


def test_changed_tree_is_tagged_dirty_with_the_digest_of_the_difference(repository: Path) -> None:
    (repository / "train.py").write_text("x = 2\n")
    tags = AimsRunContext().tags()
    assert tags["aims.git.dirty"] == "true"
    assert len(tags["aims.git.diff"]) == 64


def test_git_is_asked_once_a_process_and_folder(repository: Path) -> None:
    first = AimsRunContext().tags()
    (repository / "train.py").write_text("x = 3\n")
    assert AimsRunContext().tags() == first
    assert _looked_at.cache_info().misses == 1


def test_folder_without_git_has_no_tags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr("__main__.__file__", str(tmp_path / "train.py"), raising=False)
    assert AimsRunContext().tags() == {}


def test_run_of_ours_is_named_on_every_mlflow_run_inside(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMS_MLFLOW", "off")
    with aims.run("training", system=None) as run:
        assert AimsRunContext().tags()["aims.run"] == run.id


def test_mlflow_finds_the_provider(repository: Path) -> None:
    import mlflow.tracking.context.registry as registry

    tags: dict[str, Any] = registry.resolve_tags()
    assert tags["aims.git.dirty"] == "false"


def test_capture_switched_off_gives_no_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMS_CAPTURE", "off")
    assert AimsRunContext().in_context() is False
