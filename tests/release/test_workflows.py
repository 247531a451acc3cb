"""The workflows run what this machine runs, on all that is supported; nothing in them moves."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def load(name: str) -> Any:
    return YAML(typ="safe").load((ROOT / ".github" / "workflows" / name).read_text())


def assigned(name: str) -> Any:
    """What noxfile.py gives a name; nox itself is not needed to read it."""
    for node in ast.parse((ROOT / "noxfile.py").read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"noxfile.py has no {name}")


def sessions() -> set[str]:
    functions = ast.parse((ROOT / "noxfile.py").read_text()).body
    return {
        node.name
        for node in functions
        if isinstance(node, ast.FunctionDef)
        and any("session" in ast.unparse(d) for d in node.decorator_list)
    }


def rows() -> list[dict[str, str]]:
    """Every job of the matrix that is made of systems, interpreters and sessions."""
    matrix = load("ci.yml")["jobs"]["tests"]["strategy"]["matrix"]
    crossed = [
        {"system": system, "python": python, "session": session}
        for system in matrix["system"]
        for python in matrix["python"]
        for session in matrix["session"]
    ]
    return crossed + matrix["include"]


def test_matrix_has_every_supported_python_on_every_system() -> None:
    declared = [c.rpartition(" ")[2] for c in PROJECT["project"]["classifiers"] if ":: 3." in c]
    assert declared == assigned("PYTHONS") == ["3.11", "3.12", "3.13", "3.14"]
    assert PROJECT["project"]["requires-python"] == f">={declared[0]}"
    ran = {(row["system"].partition("-")[0], row["python"]) for row in rows()}
    assert ran == {(s, p) for s in ("ubuntu", "macos", "windows") for p in declared}


def test_matrix_has_lowest_and_newest_dependencies_and_both_ends_of_mlflow() -> None:
    names = {row["session"] for row in rows()}
    assert {"lowest", "newest", "mlflow(mlflow='oldest')", "mlflow(mlflow='newest')"} <= names
    checks = load("ci.yml")["jobs"]["checks"]["strategy"]["matrix"]["session"]
    assert {name.partition("(")[0] for name in (*names, *checks)} == sessions()


def test_mlflow_of_the_matrix_is_that_of_the_package_and_of_make() -> None:
    versions = assigned("MLFLOW")
    makefile = (ROOT / "Makefile").read_text()
    assert f"OLDEST := {versions['oldest']}\n" in makefile
    assert f"NEWEST := {versions['newest']}\n" in makefile
    (bounds,) = re.findall(
        r"mlflow>=([\d.]+),<([\d.]+)",
        " ".join(PROJECT["project"]["optional-dependencies"]["mlflow"]),
    )
    assert versions["oldest"] == f"{bounds[0]}.0"
    major, minor = map(int, bounds[1].split("."))
    assert versions["newest"].startswith(f"{major}.{minor - 1}.")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_digest_as_it_is_in_hooks(path: Path) -> None:
    pinned = dict(re.findall(r"uses: (\S+@[0-9a-f]{40})  # (v\d+\.\d+\.\d+)\n", path.read_text()))
    assert len(pinned) == len(set(re.findall(r"uses: (\S+)", path.read_text())))
    hooks = "".join(p.read_text() for p in (ROOT / "hooks/github-actions").glob("*.yml"))
    for action, version in pinned.items():
        name = action.partition("@")[0]
        for other, its_version in re.findall(rf"uses: ({name}@\S+)  # (\S+)", hooks):
            assert (action, version) == (other, its_version)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_reads_only_keeps_no_credentials_and_ends(path: Path) -> None:
    workflow = load(path.name)
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 120
        for step in job["steps"]:
            if "checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False
            assert "${{" not in step.get("run", "")  # what a name says is input, never script
    assert "secrets." not in path.read_text()


def test_release_is_by_tag_and_only_publishing_may_say_who_it_is() -> None:
    workflow = load("release.yml")
    (tags,) = workflow[True].values() if True in workflow else workflow["on"].values()
    assert tags == {"tags": ["v[0-9]+.[0-9]+.[0-9]+"]}
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    assert "permissions" not in build
    assert publish["permissions"] == {"id-token": "write"}
    assert (publish["needs"], publish["environment"]) == ("build", "release")
    (upload,) = [s for s in publish["steps"] if "pypi-publish" in s["uses"]]
    assert upload["with"] == {"attestations": True}


def test_zizmor_finds_nothing() -> None:
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("zizmor")),
            *("--offline", "--no-progress", ".github/workflows", "hooks/github-actions"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_hook_before_a_commit_runs_a_tool_of_the_folders_own_environment() -> None:
    configuration = YAML(typ="safe").load((ROOT / ".pre-commit-config.yaml").read_text())
    (repository,) = configuration["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        assert hook["language"] == "system"
        program = hook["entry"].split()[0]
        assert program.startswith(".venv/bin/")
        assert Path(sys.executable).with_name(Path(program).name).exists(), program
