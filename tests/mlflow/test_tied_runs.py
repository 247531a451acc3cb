"""Which MLflow run belongs to a run of ours, and what is written back to it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aims_mlops as aims
import mlflow
from aims_mlops.evidence.records import Evidence

Recorded = Callable[..., list[Evidence]]
Runs = Callable[[], list[Any]]


@aims.training
def quiet() -> str:
    return "trained"


def test_run_is_opened_at_the_end_where_the_user_has_none(
    recorded: Recorded, mlflow_runs: Runs, tracking: Any
) -> None:
    @aims.training(tags={"team": "risk"})
    def train(rate: float) -> str:
        assert mlflow.active_run() is None
        return "trained"

    train(0.5)
    (found,) = mlflow_runs()
    (run,) = recorded("run")
    assert run.body["links"]["mlflow_run"] == found.info.run_id
    assert found.info.status == "FINISHED"
    assert found.info.experiment_id == tracking.get_experiment_by_name("loans").experiment_id
    assert found.data.params == {"rate": "0.5"}
    assert found.data.tags["aims.run"] == run.run
    assert found.data.tags["team"] == "risk"
    assert mlflow.active_run() is None


def test_tag_names_every_record_of_the_run(recorded: Recorded, mlflow_runs: Runs) -> None:
    quiet()
    from aims_mlops.inventory.project import find_project

    ids = [record.id for record in find_project().open_store().find()]
    assert mlflow_runs()[0].data.tags["aims.evidence"].split(",") == ids


def test_active_run_is_used_and_left_active(recorded: Recorded, mlflow_runs: Runs) -> None:
    with mlflow.start_run() as active:
        quiet()
        assert mlflow.active_run().info.run_id == active.info.run_id
    (found,) = mlflow_runs()
    (run,) = recorded("run")
    assert run.body["links"]["mlflow_run"] == active.info.run_id
    assert found.data.tags["aims.run"] == run.run


def test_run_that_the_users_code_begins_is_used(recorded: Recorded, mlflow_runs: Runs) -> None:
    @aims.training
    def train() -> str:
        with mlflow.start_run() as inside:
            mlflow.log_metric("auc", 0.9)
        return inside.info.run_id

    run_id = train()
    (found,) = mlflow_runs()
    assert found.info.run_id == run_id
    assert recorded("run")[0].body["links"]["mlflow_run"] == run_id
    assert found.data.metrics == {"auc": 0.9}


def test_each_call_that_logs_without_a_run_gets_one_of_its_own(
    recorded: Recorded, mlflow_runs: Runs
) -> None:
    @aims.training
    def train(rate: float) -> None:
        mlflow.log_param("rate", rate)

    train(0.1)
    train(0.2)
    assert [run.data.params for run in mlflow_runs()] == [{"rate": "0.1"}, {"rate": "0.2"}]
    assert {run.info.status for run in mlflow_runs()} == {"FINISHED"}
    assert mlflow.active_run() is None


def test_mlflow_true_has_the_run_active_inside(recorded: Recorded, mlflow_runs: Runs) -> None:
    @aims.training(mlflow=True)
    def train() -> str:
        mlflow.log_metric("auc", 0.9)
        assert aims.current_run().links["mlflow_run"] == mlflow.active_run().info.run_id
        return mlflow.active_run().info.run_id

    run_id = train()
    (found,) = mlflow_runs()
    assert (found.info.run_id, found.info.status) == (run_id, "FINISHED")
    assert found.data.metrics == {"auc": 0.9}
    assert mlflow.active_run() is None


def test_failed_function_fails_its_mlflow_run(recorded: Recorded, mlflow_runs: Runs) -> None:
    @aims.training
    def train() -> None:
        mlflow.log_metric("loss", 1.0)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train()
    assert [run.info.status for run in mlflow_runs()] == ["FAILED"]
    assert recorded("run")[0].body["status"] == "failed"


def test_runs_that_share_an_mlflow_run_both_stand_in_its_tags(
    recorded: Recorded, mlflow_runs: Runs
) -> None:
    with mlflow.start_run():
        quiet()
        quiet()
    first, second = (e.run for e in recorded("run"))
    assert mlflow_runs()[0].data.tags["aims.run"] == f"{second},{first}"


def test_nested_run_shares_the_mlflow_run_of_the_users_code(
    recorded: Recorded, mlflow_runs: Runs
) -> None:
    @aims.training
    def train() -> None:
        with mlflow.start_run():
            quiet()

    train()
    assert len(mlflow_runs()) == 1
    assert len({e.body["links"]["mlflow_run"] for e in recorded("run")}) == 1


def test_concurrent_coroutines_have_runs_of_their_own(
    recorded: Recorded, mlflow_runs: Runs
) -> None:
    @aims.training
    async def train(rate: float) -> None:
        await asyncio.sleep(0.01)

    async def both() -> None:
        await asyncio.gather(train(0.1), train(0.2))

    asyncio.run(both())
    assert sorted(run.data.params["rate"] for run in mlflow_runs()) == ["0.1", "0.2"]


@pytest.mark.parametrize("mode", ["off", "active"])
def test_no_run_is_opened_when_told_so(
    recorded: Recorded, mlflow_runs: Runs, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("AIMS_MLFLOW", mode)
    quiet()
    assert mlflow_runs() == []
    assert recorded("run")[0].body["links"] == {}


def test_mlflow_false_keeps_away_from_an_active_run(recorded: Recorded, tracking: Any) -> None:
    @aims.training(mlflow=False)
    def train() -> None:
        pass

    with mlflow.start_run():
        train()
    assert recorded("run")[0].body["links"] == {}


def test_unknown_mode_is_a_gap(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch, fails_open: None
) -> None:
    monkeypatch.setenv("AIMS_MLFLOW", "sometimes")
    with pytest.warns(aims.errors.CaptureWarning, match="off, active or open"):
        assert quiet() == "trained"
    assert len(recorded("gap")) == 1


def test_server_that_does_not_answer_is_a_gap_at_once(recorded: Recorded, fails_open: None) -> None:
    mlflow.set_tracking_uri("http://127.0.0.1:9")
    with pytest.warns(aims.errors.CaptureWarning, match="does not answer"):
        assert quiet() == "trained"
    (run,) = recorded("run")
    assert run.body["links"] == {}
    assert run.body["duration_seconds"] < 5


def test_link_holds_no_password(recorded: Recorded, tracking: Any) -> None:
    from aims_mlops.evidence.urls import without_credentials

    assert without_credentials("http://u:p@mlflow.example.org") == "http://mlflow.example.org"
    quiet()
    uri = recorded("run")[0].body["links"]["mlflow_tracking_uri"]
    assert uri == mlflow.get_tracking_uri()


def test_everything_works_where_mlflow_is_not_installed(tmp_path: Path) -> None:
    """In a process that cannot import it."""
    script = (
        "import sys; sys.modules['mlflow'] = None\n"
        "import aims_mlops as aims\n"
        "from aims_mlops.inventory.project import find_project\n"
        "@aims.training(system='loans')\n"
        "def train(): return 'trained'\n"
        "assert train() == 'trained'\n"
        "found = [r.evidence for r in find_project().open_store().find()]\n"
        "assert [e.kind for e in found] == ['run', 'environment', 'code', 'parameters'], found\n"
        "assert found[0].body['links'] == {}, found\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "AIMS_CAPTURE_ERRORS": "raise"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_telemetry_is_off_in_what_we_start(tmp_path: Path) -> None:
    """MLflow, imported on our account alone, has no client that could send anything."""
    environment = {k: v for k, v in os.environ.items() if k not in _TELEMETRY}
    script = (
        "import aims_mlops as aims\n"
        "@aims.training\n"
        "def train(): return 'trained'\n"
        "train()\n"
        "import mlflow.telemetry.client as client\n"
        "assert client.get_telemetry_client() is None\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


_TELEMETRY = ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK", "CI", "PYTEST_CURRENT_TEST")
