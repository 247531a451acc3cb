"""hooks/mlflow-server: the steps of its README, with a real server at the end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

HOOK = Path(__file__).parents[2] / "hooks" / "mlflow-server"
BIN = Path(sys.executable).parent


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """The environment file, edited as step 2 says, beside a project and a new database."""
    subprocess.run(
        [BIN / "aims", "init", str(tmp_path / "aims"), "--system", "loans"],
        check=True,
        capture_output=True,
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = (HOOK / "aims-mlflow.env").read_text()
    text = text.replace("/srv/aims", str(tmp_path / "aims"))
    text = text.replace("/srv/mlflow", str(tmp_path / "mlflow"))
    text = text.replace("=5000", f"={port}").replace("MLFLOW_WORKERS=2", "MLFLOW_WORKERS=1")
    (tmp_path / "mlflow").mkdir()
    path = tmp_path / "aims-mlflow.env"
    path.write_text(text)
    return path


def environment(settings: Path) -> dict[str, str]:
    return os.environ | {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "AIMS_PROJECT": str(settings.parent / "aims"),
        "PYTHONWARNINGS": "ignore",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }


def run(settings: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environment(settings),
        cwd=settings.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.fixture
def database(settings: Path) -> str:
    url = f"sqlite:///{settings.parent}/mlflow/mlflow.db"
    done = run(settings, "mlflow", "db", "upgrade", url)
    assert done.returncode == 0, done.stderr
    return url


@pytest.fixture
def started(settings: Path, database: str) -> Iterator[str]:
    done = run(settings, "aims", "mlflow", "protect", database)
    assert done.returncode == 0, done.stderr
    with (settings.parent / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [str(HOOK / "start.sh"), str(settings)],
            env=environment(settings),
            cwd=settings.parent,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    port = next(line for line in settings.read_text().splitlines() if "MLFLOW_PORT" in line)
    url = f"http://127.0.0.1:{port.partition('=')[2]}"
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5).close()
            break
        except OSError:
            assert server.poll() is None, (settings.parent / "server.log").read_text()
            time.sleep(0.2)
    yield url
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def post(url: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"{url}/api/2.0/mlflow/{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_database_without_triggers_does_not_start(settings: Path, database: str) -> None:
    done = run(settings, str(HOOK / "start.sh"), str(settings))
    assert done.returncode == 1
    assert "not protected" in done.stdout
    assert "aims mlflow protect" in done.stdout


def test_project_without_a_configuration_does_not_start(settings: Path, database: str) -> None:
    (settings.parent / "aims" / "aims.yaml").write_text("systems: [")
    done = run(settings, str(HOOK / "start.sh"), str(settings))
    assert done.returncode == 2
    assert "aims.yaml" in done.stderr


def test_started_server_refuses_a_promotion(started: str) -> None:
    assert post(started, "registered-models/create", {"name": "loans"})[0] == 200
    run = post(started, "runs/create", {"experiment_id": "0", "start_time": 1})[1]["run"]["info"]
    source = f"{run['artifact_uri']}/model"
    version = {"name": "loans", "source": source, "run_id": run["run_id"]}
    assert post(started, "model-versions/create", version)[0] == 200
    alias = {"name": "loans", "alias": "champion", "version": "1"}
    status, answer = post(started, "registered-models/alias", alias)
    assert status == 403
    assert answer["error_code"] == "PERMISSION_DENIED"
    with urllib.request.urlopen(f"{started}/aims/health", timeout=30) as health:
        found = json.load(health)
    assert (found["gate"], found["triggers"]) == ("decides", "in place")


def test_compose_file_publishes_on_loopback_and_runs_the_script() -> None:
    service = YAML(typ="safe").load((HOOK / "compose.yaml").read_text())["services"]["mlflow"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert "/hooks/start.sh" in service["command"][-1]
