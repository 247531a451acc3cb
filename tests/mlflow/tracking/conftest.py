"""Real `mlflow server` processes whose tracking store captures, and clients without our code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.mlflow_servers import Server, mark_warnings
from support.mlflow_servers import base_database as base_database
from support.mlflow_servers import organisation as organisation
from support.mlflow_servers import session_organisation as session_organisation


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mark_warnings(items, Path(__file__).parent)


@pytest.fixture(scope="session")
def start_tracking(
    tmp_path_factory: pytest.TempPathFactory, base_database: Path, session_organisation: Any
) -> Iterator[Callable[..., Any]]:
    """Start servers whose tracking store stands behind `aims://`; they live to the end."""
    started: list[Any] = []

    def start(*arguments: str, environment: dict[str, str] | None = None, workers: int = 1) -> Any:
        folder = tmp_path_factory.mktemp("tracking")
        shutil.copy(base_database, folder / "mlflow.db")
        store = f"aims://sqlite:///{folder}/mlflow.db"
        server = Server(
            folder,
            session_organisation.environment | (environment or {}),
            (
                "--backend-store-uri", store,
                "--registry-store-uri", store,
                "--artifacts-destination", str(folder / "artifacts"),
                *arguments,
            ),
            workers=workers,
        )  # fmt: skip
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def captured(start_tracking: Callable[..., Any]) -> Any:
    """A server with two workers, so that only one writer may be at work."""
    return start_tracking(workers=2)


@pytest.fixture
def evidence_of(organisation: Any) -> Callable[..., dict[str, list[Any]]]:
    """Wait for the evidence of an MLflow run; gives it by kind."""

    def find(run_id: str, *, seconds: float = 40) -> dict[str, list[Any]]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            records = list(organisation.world.store.find(run=run_id))
            if records:
                found: dict[str, list[Any]] = {}
                for record in records:
                    found.setdefault(record.evidence.kind, []).append(record)
                return found
            time.sleep(0.2)
        raise AssertionError(f"no evidence of run {run_id} after {seconds} s")

    return find


@pytest.fixture
def plain_client(tmp_path: Path) -> Callable[[str, str], str]:
    """Run a script with MLflow and without our package; gives what it prints."""

    def run(url: str, script: str) -> str:
        # Every import of ours fails, as on a machine where it is not installed.
        head = "import sys; sys.modules['aims_mlops'] = None\n"
        path = tmp_path / "client.py"
        path.write_text(head + script)
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(path)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "MLFLOW_TRACKING_URI": url,
                "MLFLOW_DISABLE_TELEMETRY": "true",
            },
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return run
