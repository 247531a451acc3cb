"""Capture against a real MLflow server over HTTP, artifacts included."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import aims_mlops as aims
import mlflow
from aims_mlops.inventory.project import find_project, forget_stores
from aims_mlops.measures.fingerprint.files import fingerprint_files
from aims_mlops.mlflow_plugin.plugin import resolve_model

pytestmark = pytest.mark.slow

_START_SECONDS = 120


@pytest.fixture
def server(
    tmp_path: Path, migrated_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A server on a port of its own; the folder that it keeps artifacts in."""
    database = tmp_path / "server.db"
    database.write_bytes(migrated_database.read_bytes())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{database}"]
    command += ["--artifacts-destination", str(tmp_path / "artifacts")]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    log = (tmp_path / "server.log").open("wb")
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/health", process)
        project = tmp_path / "project"
        project.mkdir()
        monkeypatch.chdir(project)
        mlflow.set_tracking_uri(address)
        mlflow.set_experiment("over-http")
        yield tmp_path / "artifacts"
    finally:
        mlflow.set_tracking_uri(None)
        mlflow.tracking.fluent._active_experiment_id = None
        forget_stores()
        os.killpg(process.pid, 15)
        process.wait(30)
        log.close()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the server did not start")


def test_model_is_logged_registered_and_found_over_http(server: Path, fitted: Any) -> None:
    @aims.training(register="loan-risk")
    def train() -> Any:
        return fitted

    train()
    records = {r.evidence.kind: r.evidence for r in find_project().open_store().find()}
    body = records["model"].body
    on_server = next(server.rglob("MLmodel")).parent
    assert body["sha256"] == fingerprint_files(on_server).sha256
    assert body["registered"] == {"name": "loan-risk", "version": "1"}
    assert resolve_model("models:/loan-risk/1").sha256 == body["sha256"]
    run = mlflow.MlflowClient().get_run(records["run"].body["links"]["mlflow_run"])
    assert run.info.status == "FINISHED"
    assert run.data.tags["aims.run"] == records["run"].run
