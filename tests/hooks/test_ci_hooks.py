"""The files under hooks/ do what their READMEs say, with the real command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

HOOKS = Path(__file__).parents[2] / "hooks"


def load(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text())


def github_script() -> str:
    job = load(HOOKS / "github-actions" / "aims-gate.yml")["jobs"]["gate"]
    return next(step["run"] for step in job["steps"] if step.get("name") == "Decide")


def gitlab_script() -> str:
    job = load(HOOKS / "gitlab-ci" / "aims-gate.yml")["aims-gate"]
    lines = [*job["before_script"], *(s for s in job["script"] if "pip install" not in s)]
    return "\n".join(lines)


def run(script: str, folder: Path, model: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "MODEL": model,
        "TARGET": "production",
        "AIMS_STORE_URL": f"sqlite:///{folder}/evidence.db",
    }
    return subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "aims_mlops", "init", str(tmp_path), "--system", "loans"], check=True
    )
    (tmp_path / "model.bin").write_bytes(b"weights")
    return tmp_path


@pytest.mark.parametrize("script", [github_script, gitlab_script], ids=["github", "gitlab"])
def test_refused_model_fails_the_job_and_leaves_the_decision(script: Any, project: Path) -> None:
    done = run(script(), project, "model.bin")
    assert done.returncode == 1, done.stdout + done.stderr
    decision = json.loads((project / "decision.json").read_text())
    assert decision["allowed"] is False
    assert decision["reasons"]


@pytest.mark.parametrize("script", [github_script, gitlab_script], ids=["github", "gitlab"])
def test_model_that_is_not_there_fails_the_job_with_another_code(
    script: Any, project: Path
) -> None:
    assert run(script(), project, "no-such-file.bin").returncode == 2


def test_every_folder_has_a_readme_and_stands_in_the_table() -> None:
    table = (HOOKS / "README.md").read_text()
    folders = [path for path in HOOKS.iterdir() if path.is_dir()]
    assert folders
    for folder in folders:
        assert (folder / "README.md").is_file(), folder.name
        assert f"`{folder.name}/`" in table


def test_inputs_never_become_script_text() -> None:
    assert "${{" not in github_script()
