"""Real `mlflow server` processes whose tracking store captures, and clients without our code."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_NAME = "gate_servers_for_tracking"


def _gate_conftest() -> Any:
    if _NAME not in sys.modules:
        path = Path(__file__).parents[1] / "gate" / "conftest.py"
        spec = importlib.util.spec_from_file_location(_NAME, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[_NAME] = module
        spec.loader.exec_module(module)
    return sys.modules[_NAME]


_gate = _gate_conftest()
base_database = _gate.base_database
session_organisation = _gate.session_organisation
organisation = _gate.organisation


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            for text in _gate._WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(text))


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
        server = _gate.Server(
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
