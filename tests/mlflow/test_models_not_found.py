"""A model that is not where `aims` looks: the log knows why, and the next step leads to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """
import numpy as np
from sklearn.linear_model import LogisticRegression

import aims_mlops as aims

@aims.training(register="loans", quality=False)
def train():
    return LogisticRegression().fit(np.arange(20.0).reshape(10, 2), [0, 1] * 5)

train()
"""

# Imported by Python as it starts: nothing of MLflow can be found, as if it were not installed.
WITHOUT_MLFLOW = """
import sys

class Without:
    def __init__(self, finders):
        self.finders = finders

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "mlflow":
            return None
        found = (finder.find_spec(name, path, target) for finder in self.finders)
        return next((spec for spec in found if spec is not None), None)

    def find_distributions(self, *context):
        for finder in self.finders:
            yield from getattr(finder, "find_distributions", lambda *_: ())(*context)

sys.meta_path[:] = [Without(sys.meta_path[:])]
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "srv" / "app"
    folder.mkdir(parents=True)
    (folder / "aims.yaml").write_text(
        "systems:\n  - id: loans\n    owner: ana\n    models: [loans]\n"
        "targets:\n  production:\n    policy: baseline\n"
    )
    (folder / "train.py").write_text(SCRIPT)
    return folder


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


@pytest.fixture
def without_mlflow(tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "without"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(WITHOUT_MLFLOW)
    return {"PYTHONPATH": str(folder)}


def started(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    names = ("PYTEST_CURRENT_TEST", "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "AIMS_MLFLOW")
    environment = {k: v for k, v in os.environ.items() if k not in names}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**environment, "AIMS_CAPTURE_ERRORS": "warn", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert "Traceback" not in done.stderr
    return done


def gate(folder: Path, **variables: str) -> dict[str, Any]:
    command = ("-m", "aims_mlops", "gate", "models:/loans/1", "--for", "production", "--json")
    found: dict[str, Any] = json.loads(started(folder, *command, **variables).stdout)
    return found


def messages(folder: Path, **variables: str) -> dict[str, str]:
    """Gaps of the log: {where: message}."""
    listing = ("-m", "aims_mlops", "evidence", "list", "--kind", "gap", "--json")
    found = json.loads(started(folder, *listing, **variables).stdout)
    shown = [("-m", "aims_mlops", "evidence", "show", entry["id"], "--json") for entry in found]
    records = [json.loads(started(folder, *show, **variables).stdout) for show in shown]
    bodies = [record["statement"]["predicate"]["body"] for record in records]
    return {body["where"]: body["message"] for body in bodies}


def test_run_started_elsewhere_says_where_mlflow_kept_it_and_the_gate_leads_there(
    app: Path, elsewhere: Path
) -> None:
    done = started(elsewhere, str(app / "train.py"))
    place = f"sqlite:///{elsewhere}/mlflow.db"
    assert "MLflow keeps this run and its models outside of the project" in done.stderr
    (message,) = messages(app).values()
    assert f"set MLFLOW_TRACKING_URI=sqlite:///{app}/mlflow.db" in message

    decision = gate(app)
    assert decision["verdict"] == "undecided"
    (reason,) = decision["reasons"]
    assert reason["next_step"].startswith(f"set MLFLOW_TRACKING_URI={place}")
    assert gate(app, MLFLOW_TRACKING_URI=place)["verdict"] == "refused"


def test_run_started_in_its_project_or_with_a_tracking_uri_has_no_such_gap(
    app: Path, elsewhere: Path
) -> None:
    started(app, "train.py")
    started(elsewhere, str(app / "train.py"), MLFLOW_TRACKING_URI=f"sqlite:///{app}/mlflow.db")
    assert messages(app) == {}
    assert gate(app)["verdict"] == "refused"


def test_model_trained_without_mlflow_is_to_be_trained_again_with_it(
    app: Path, without_mlflow: dict[str, str]
) -> None:
    done = started(app, "train.py", **without_mlflow)
    assert "and train again: the model itself is kept nowhere" in done.stderr
    for variables in (without_mlflow, {}):  # installing it where the gate runs does not help
        (reason,) = gate(app, **variables)["reasons"]
        assert "train again" in reason["next_step"]
        assert "was not registered as 'loans', and is kept nowhere" in reason["next_step"]


def test_model_that_was_registered_elsewhere_needs_mlflow_here_and_the_place(
    app: Path, elsewhere: Path, without_mlflow: dict[str, str]
) -> None:
    (reason,) = gate(app, **without_mlflow)["reasons"]
    assert "the log knows no model registered as 'loans'" in reason["next_step"]
    place = f"sqlite:///{elsewhere}/mlflow.db"
    started(elsewhere, str(app / "train.py"), MLFLOW_TRACKING_URI=place)
    (reason,) = gate(app, **without_mlflow)["reasons"]
    assert reason["next_step"].startswith(
        f"pip install 'aims-mlops[mlflow]', and set MLFLOW_TRACKING_URI={place}"
    )
