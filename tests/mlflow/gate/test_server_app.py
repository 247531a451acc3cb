"""`mlflow server --app-name aims`: no start ungated, frozen files, health."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_COUNT = iter(range(10_000))
_PREFIXES = ("/api/2.0", "/ajax-api/2.0")


@pytest.fixture(scope="module")
def under_gunicorn(start_server: Callable[..., Any]) -> Any:
    return start_server("--gunicorn-opts", "--timeout 120", app=True, wait=False)


@pytest.fixture(params=["uvicorn", "gunicorn"])
def served(request: pytest.FixtureRequest, gated: Any) -> Any:
    return gated if request.param == "uvicorn" else request.getfixturevalue("under_gunicorn").wait()


@pytest.fixture
def promoted(served: Any, organisation: Any, tmp_path: Path) -> tuple[str, str]:
    """A promoted version: its name, and the path of its file in the artifact store."""
    name = f"loans-frozen-{next(_COUNT)}"
    version = served.register(name, f"content {name} {served.port}")
    organisation.ready(f"content {name} {served.port}", tmp_path)
    status, answer = served.alias(name, version)
    assert status == 200, answer
    found = served.done("GET", f"model-versions/get?name={name}&version={version}")
    return name, f"0/{found['model_version']['run_id']}/artifacts/model/weights.txt"


def put(server: Any, path: str, prefix: str = "/api/2.0") -> tuple[int, Any]:
    return server.call("PUT", f"{prefix}/mlflow-artifacts/artifacts/{path}", b"tampered")


def delete(server: Any, path: str, prefix: str = "/api/2.0") -> tuple[int, Any]:
    return server.call("DELETE", f"{prefix}/mlflow-artifacts/artifacts/{path}")


def upload(server: Any, run: str, path: str) -> tuple[int, Any]:
    where = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path={path}"
    return server.call("POST", where, b"tampered")


def test_no_route_of_the_proxy_changes_files_of_a_promoted_version(
    served: Any, promoted: tuple[str, str]
) -> None:
    name, path = promoted
    folder, run = path.rpartition("/")[0], path.split("/")[1]
    stored = served.folder / "artifacts" / path
    before = stored.read_bytes()
    tried: dict[str, tuple[int, Any]] = {}
    for prefix in _PREFIXES:
        tried |= {
            f"{prefix} put": put(served, path, prefix),
            f"{prefix} put of a new file": put(served, f"{folder}/new.txt", prefix),
            f"{prefix} put in place of the folder": put(served, folder, prefix),
            f"{prefix} put, encoded": put(served, path.replace("model", "%6dodel"), prefix),
            f"{prefix} put, doubled slash": put(served, path.replace("/model", "//model"), prefix),
            f"{prefix} put, dot": put(served, path.replace("/model", "/./model"), prefix),
            f"{prefix} delete": delete(served, path, prefix),
            f"{prefix} delete of the folder": delete(served, folder, prefix),
            f"{prefix} delete of the run's artifacts": delete(served, f"0/{run}", prefix),
            f"{prefix} delete of the experiment's": delete(served, "0", prefix),
        }
    tried["upload to the run"] = upload(served, run, "model/weights.txt")
    for what, (status, answer) in tried.items():
        assert status >= 400, (what, status, answer)
        if "dot" not in what and "slash" not in what:  # these MLflow may itself refuse
            assert (status, answer["error_code"]) == (403, "PERMISSION_DENIED"), (what, answer)
            # The experiment's folder holds other promoted versions as well.
            assert name in answer["message"] or "experiment's" in what
            assert answer["aims"]["reasons"][0]["rule"] == "artifacts.frozen"
    assert stored.read_bytes() == before
    assert [entry.name for entry in stored.parent.iterdir()] == ["weights.txt"]


def test_other_files_and_files_of_demoted_versions_can_be_written(
    served: Any, promoted: tuple[str, str]
) -> None:
    name, path = promoted
    run = path.split("/")[1]
    assert put(served, f"0/{run}/artifacts/model-card.txt")[0] == 200
    assert upload(served, run, "notes/seen.txt")[0] == 200
    assert delete(served, f"0/{run}/artifacts/notes")[0] == 200
    served.done("DELETE", "registered-models/alias", {"name": name, "alias": "production"})
    assert put(served, path)[0] == 200


def test_health_needs_no_log_in_and_says_what_stands_below(served: Any) -> None:
    status, found = served.health(gate="decides")
    assert status == 200
    assert found["format"] == "aims-mlflow-health/1"
    assert (found["gate"], found["log"], found["policies"]) == ("decides", "answers", "read")
    assert found["triggers"] == "missing"
    assert found["problems"] == []


def start(*arguments: str, environment: dict[str, str], folder: Path) -> tuple[int, str]:
    """Exit code and last words of a server that has to end by itself."""
    done = subprocess.run(
        [sys.executable, "-m", "mlflow", "server", "--port", "1", "--workers", "2",
         "--app-name", "aims", *arguments],
        cwd=folder, env=os.environ | environment, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("backend", "registry", "more", "said"),
    [
        ("", "", {}, "the store of the registry is not gated"),
        ("aims://", "", {}, "put aims:// in front of its address: --registry-store-uri aims://sq"),
        ("", "aims://", {}, "the store of the runs is not gated"),
        ("aims://", "aims://", {"AIMS_MLFLOW_APP": "nothing"}, "AIMS_MLFLOW_APP names no app"),
        ("aims://", "aims://", {"AIMS_PROJECT": ""}, "there is no aims.yaml that says"),
    ],
)
def test_server_that_is_not_gated_does_not_start_a_worker(
    organisation: Any,
    base_database: Path,
    tmp_path: Path,
    backend: str,
    registry: str,
    more: dict[str, str],
    said: str,
) -> None:
    uri = f"sqlite:///{base_database}"
    code, text = start(
        "--backend-store-uri", f"{backend}{uri}", "--registry-store-uri", f"{registry}{uri}",
        environment=organisation.environment | more, folder=tmp_path,
    )  # fmt: skip
    assert code == 1, text
    assert said in text
    assert "Traceback" not in text
    assert "Started server process" not in text


def test_server_of_artifacts_alone_does_not_start(organisation: Any, tmp_path: Path) -> None:
    code, text = start(
        "--artifacts-only", "--artifacts-destination", "kept",
        environment=organisation.environment, folder=tmp_path,
    )  # fmt: skip
    assert code == 1, text
    assert "a server of artifacts alone cannot tell which of them are promoted" in text


@pytest.mark.parametrize(
    "command",
    [
        ["uvicorn", "--port", "1", "--workers", "2", "--factory"],
        ["gunicorn", "-b", "127.0.0.1:1", "-w", "2"],
    ],
    ids=["uvicorn", "gunicorn"],
)
def test_workers_started_past_mlflow_end_instead_of_looping(
    organisation: Any, base_database: Path, tmp_path: Path, command: list[str]
) -> None:
    app = "aims_mlops.mlflow_plugin.server.app:create_app"
    ungated = {
        "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{base_database}",
        "_MLFLOW_SGI_NAME": command[0],
    }
    done = subprocess.run(
        [sys.executable, "-m", *command, app if command[0] == "uvicorn" else f"{app}()"],
        cwd=tmp_path, env=os.environ | organisation.environment | ungated,
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert "aims: the server does not start: the store of the registry is not gated" in (
        done.stdout + done.stderr
    )
    assert (done.stdout + done.stderr).count("Booting worker") <= 2
