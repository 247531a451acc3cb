"""`make demo` does what the README says, and what it wrote verifies offline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_demo_refuses_then_promotes_and_leaves_a_log_that_verifies(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "diabetes_demo.py"), str(folder)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    transcript = (folder / "transcript.txt").read_text()
    refusal = transcript.split("refused: models:/diabetes-risk/1", 1)[1].split("exit code 1", 1)[0]
    for rule in ("assessment.submitted", "performance.recall", "fairness.missed-patients"):
        assert rule in refusal
    assert "allowed: models:/diabetes-risk/2 for production" in transcript
    for name in ("coverage.html", "card.html", "card.md"):
        assert (folder / name).stat().st_size > 5_000, name

    def aims(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "aims_mlops", *arguments],
            cwd=folder,
            env=os.environ | {"MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    state = json.loads(aims("status", "--json"))
    assert state["gaps"]["count"] == 0
    assert [p["model"] for p in state["systems"][0]["promoted"]] == ["diabetes-risk/2"]
    aims("evidence", "export", "demo.bundle")
    verified = subprocess.run(
        [str(Path(sys.executable).with_name("aims-verify")), "demo.bundle"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert f"{state['store']['size']} records are the whole log" in verified.stdout
