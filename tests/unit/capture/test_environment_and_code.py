"""Environment and code of a run, against what git and the interpreter say themselves."""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import linecache
import platform
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import aims_mlops as aims
import aims_mlops.errors
from aims_mlops.capture.facts.code import _looked_at, git_state
from aims_mlops.capture.state.packages import installed_packages
from aims_mlops.evidence.records import Evidence
from aims_mlops.evidence.urls import without_credentials

Recorded = Callable[..., list[Evidence]]


def git(folder: Path, *arguments: str) -> bytes:
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True
    )
    return done.stdout


def forget_git() -> None:
    _looked_at.cache_clear()


@pytest.fixture
def repository(project: Path) -> Iterator[Path]:
    git(project, "init", "-q")
    (project / "train.py").write_text("rate = 1\n")
    (project / ".gitignore").write_text(".aims/\n")
    git(project, "add", ".")
    git(project, "commit", "-qm", "first")
    forget_git()
    yield project
    forget_git()


def test_environment_says_what_the_interpreter_says(recorded: Recorded) -> None:
    with aims.run("job"):
        pass
    (evidence,) = recorded("environment")
    body = evidence.body
    assert body["python"] == platform.python_version()
    assert body["packages"]["pydantic"] == importlib.metadata.version("pydantic")
    assert body["cpu"]["count"] >= 1
    assert body["memory_bytes"] > 2**28
    assert "aims-captures" in [plugin["name"] for plugin in body["plugins"]]
    assert platform.node() not in str(body)


def test_packages_are_those_that_the_metadata_names() -> None:
    expected = {
        (d.metadata["Name"] or "").lower().replace("_", "-").replace(".", "-"): d.version
        for d in reversed(list(importlib.metadata.distributions()))
    }
    assert installed_packages() == dict(sorted(expected.items()))


def test_clean_commit_is_recorded(repository: Path) -> None:
    state = git_state(str(repository))
    assert state["commit"] == git(repository, "rev-parse", "HEAD").decode().strip()
    assert state["dirty"] is False
    assert state["diff_sha256"] is None
    assert state["remote"] is None


def test_uncommitted_change_is_dirty_with_the_digest_of_the_difference(repository: Path) -> None:
    (repository / "train.py").write_text("rate = 2\n")
    state = git_state(str(repository))
    difference = git(repository, "diff", "HEAD", "--binary")
    assert state["dirty"] is True
    assert state["diff_sha256"] == hashlib.sha256(difference).hexdigest()


def test_untracked_source_is_dirty_and_untracked_data_is_not(repository: Path) -> None:
    (repository / "data.csv").write_text("1,2\n")
    assert git_state(str(repository))["dirty"] is False
    forget_git()
    (repository / "model.py").write_text("depth = 3\n")
    first = git_state(str(repository))
    assert first["dirty"] is True
    forget_git()
    (repository / "model.py").write_text("depth = 4\n")
    assert git_state(str(repository))["diff_sha256"] != first["diff_sha256"]


def test_git_is_asked_once_a_process(repository: Path) -> None:
    git_state(str(repository))
    git_state(str(repository))
    assert _looked_at.cache_info().hits == 1


def test_folder_without_repository_is_no_error(project: Path) -> None:
    forget_git()
    assert git_state(str(project)) == {
        "commit": None,
        "dirty": None,
        "diff_sha256": None,
        "remote": None,
    }


def test_repository_without_a_commit_is_no_gap(
    project: Path, recorded: Recorded, fails_open: None
) -> None:
    git(project, "init", "-q")
    forget_git()
    with aims.run("job"):
        pass
    assert recorded("code")[0].body["commit"] is None
    assert recorded("gap") == []


def test_repository_without_a_git_binary_is_a_gap(
    repository: Path, recorded: Recorded, fails_open: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.warns(aims.errors.CaptureWarning, match="no git"), aims.run("job"):
        pass
    (gap,) = recorded("gap")
    assert gap.body["where"] == "code"
    assert "install git" in gap.body["message"]
    assert recorded("code")[0].body["commit"] is None


def test_repository_of_another_user_is_a_gap(
    repository: Path, recorded: Recorded, fails_open: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container whose volume belongs to somebody else."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own switch for its tests
    with pytest.warns(aims.errors.CaptureWarning, match="another user"), aims.run("job"):
        pass
    (gap,) = recorded("gap")
    assert "safe.directory" in gap.body["message"]


def test_difference_that_git_does_not_tell_is_not_clean(
    repository: Path, recorded: Recorded, fails_open: None
) -> None:
    (repository / ".git" / "index").write_bytes(b"not an index")
    with pytest.warns(aims.errors.CaptureWarning, match="git diff ended"), aims.run("job"):
        pass
    body = recorded("code")[0].body
    assert body["commit"] == git(repository, "rev-parse", "HEAD").decode().strip()
    assert body["dirty"] is None
    assert [gap.body["where"] for gap in recorded("gap")] == ["code"]


def test_remote_is_recorded_without_its_token(repository: Path) -> None:
    url = "https://oauth2:glpat-abcdefghij0123456789@git.example.org/team/loans.git"
    git(repository, "remote", "add", "origin", url)
    assert git_state(str(repository))["remote"] == "https://git.example.org/team/loans.git"


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("git@git.example.org:team/loans.git", "git.example.org:team/loans.git"),
        ("ssh://git@git.example.org:22/team/loans", "ssh://git.example.org:22/team/loans"),
        ("https://u:p%40ss@host/x?token=abc#frag", "https://host/x"),
        ("https://user:p@ss@host/x", "https://host/x"),
        ("sqlite:////data/mlflow.db", "sqlite:////data/mlflow.db"),
        ("/srv/git/loans.git", "/srv/git/loans.git"),
    ],
)
def test_credentials_leave_a_url(url: str, clean: str) -> None:
    assert without_credentials(url) == clean


def test_source_digest_is_that_of_the_decorated_source(recorded: Recorded) -> None:
    @aims.training
    def train() -> int:
        return 1

    train()
    source = inspect.getsource(inspect.unwrap(train))
    assert source.lstrip().startswith("@aims.training")
    (evidence,) = recorded("code")
    assert evidence.body["source_sha256"] == hashlib.sha256(source.encode()).hexdigest()
    assert evidence.body["qualified_name"].endswith(".train")


def test_function_without_source_has_none(recorded: Recorded) -> None:
    scope: dict[str, object] = {"aims": aims, "__name__": "typed_in"}
    exec("@aims.training\ndef train():\n    return 1\n", scope)
    train = scope["train"]
    assert callable(train)
    assert train() == 1
    assert recorded("code")[0].body["source_sha256"] is None


def test_cell_of_a_notebook_has_its_source_digested(recorded: Recorded) -> None:
    """IPython keeps each cell's source in linecache under a name of its own."""
    source = "@aims.training\ndef train():\n    return 1\n"
    name = "<ipython-input-7-cell>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    scope: dict[str, object] = {"aims": aims, "__name__": "__main__"}
    exec(compile(source, name, "exec"), scope)
    train = scope["train"]
    assert callable(train)
    assert train() == 1
    (evidence,) = recorded("code")
    assert evidence.body["source_sha256"] == hashlib.sha256(source.encode()).hexdigest()
