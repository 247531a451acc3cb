"""Real `mlflow server` processes with the gate, and a project that they decide by."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import warnings
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Subject
from aims_mlops.inventory.project import forget_stores
from aims_mlops.measures.fingerprint.files import fingerprint_files
from support.world import GOOD, World, sha

REGISTRY_RULES = """
registry:
  models: ["loans*"]
  free_aliases: [candidate]
  production_names: {"loans-live": production, "prod.*": production}
  promoting_tags: {"env=prod": production}
"""
WARNINGS = (
    "ignore::sqlalchemy.exc.SADeprecationWarning",
    "ignore::DeprecationWarning:mlflow",
    "ignore::FutureWarning:mlflow",
)


@dataclass
class Server:
    """One `mlflow server`; the client is nothing but HTTP, so it holds none of our code."""

    folder: Path
    environment: dict[str, str]
    arguments: tuple[str, ...] = ()
    workers: int = 1
    user: tuple[str, str] | None = None
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def launch(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = (self.folder / f"server-{self.port}.log").open("wb")
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1",
                "--port", str(self.port), "--workers", str(self.workers), *self.arguments,
            ],
            cwd=self.folder,
            env=os.environ | self.environment,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip

    def wait(self, seconds: float = 150) -> Server:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process is not None
            if self.process.poll() is not None:
                break
            try:
                if self.call("GET", "/health", raw=True)[0] == 200:
                    return self
            except OSError:
                time.sleep(0.2)
        raise AssertionError(f"the server did not start:\n{self.said()}")

    def start(self) -> Server:
        self.launch()
        return self.wait()

    def said(self) -> str:
        return (self.folder / f"server-{self.port}.log").read_text(errors="replace")[-6000:]

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, 15)
            try:
                self.process.wait(4)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, 9)
                self.process.wait(20)
        self.log.close()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bool = False,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Status and JSON (or bytes if `raw`) of one request."""
        more = {"Content-Type": "application/json", **(headers or {})}
        if self.user is not None:
            more["Authorization"] = "Basic " + b64encode(":".join(self.user).encode()).decode()
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body else None
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=more)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, content = error.code, error.read()
        if raw:
            return status, content
        try:
            return status, json.loads(content or b"{}")
        except ValueError:
            return status, {"not_json": content[:500].decode(errors="replace")}

    def health(self, **wanted: str) -> tuple[int, Any]:
        """The answer of the route, once it says what is wanted; a loaded machine looks slowly."""
        end = time.monotonic() + 60
        while True:
            status, found = self.call("GET", "/aims/health")
            if wanted.items() <= found.items() or time.monotonic() > end:
                return status, found
            time.sleep(0.2)

    def api(self, method: str, path: str, body: Any = None, **how: Any) -> tuple[int, Any]:
        return self.call(method, f"/api/2.0/mlflow/{path}", body, **how)

    def done(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of a request that has to succeed."""
        status, answer = self.api(method, path, body)
        assert status == 200, (path, status, answer)
        return answer

    # ---- what tests do to a registry

    def register(self, name: str, content: str, *, tags: Any = ()) -> str:
        """A new version whose one file has this content; gives its number."""
        if self.api("GET", f"registered-models/get?name={name}")[0] != 200:
            self.done("POST", "registered-models/create", {"name": name})
        run_id, source = self.run_with_file(content)
        created = self.done(
            "POST",
            "model-versions/create",
            {"name": name, "source": source, "run_id": run_id, "tags": list(tags)},
        )
        return str(created["model_version"]["version"])

    def run_with_file(self, content: str) -> tuple[str, str]:
        """A run with a folder `model` of one file; gives its id and the folder's URI."""
        made = self.done("POST", "runs/create", {"experiment_id": "0", "start_time": 1})
        run_id = made["run"]["info"]["run_id"]
        path = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/model/weights.txt"
        status, answer = self.call("PUT", path, content.encode(), raw=True)
        assert status == 200, answer
        return run_id, f"{made['run']['info']['artifact_uri']}/model"

    def alias(self, name: str, version: object, alias: str = "production") -> tuple[int, Any]:
        body = {"name": name, "alias": alias, "version": str(version)}
        return self.api("POST", "registered-models/alias", body)

    def aliases(self, name: str) -> dict[str, str]:
        found = self.done("GET", f"registered-models/get?name={name}")["registered_model"]
        return {entry["alias"]: entry["version"] for entry in found.get("aliases", ())}


@dataclass
class Organisation:
    """The project that the servers decide by, and what its people do."""

    world: World
    keys: Path
    state: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AIMS_PROJECT": str(self.world.root),
            "AIMS_KEYS": str(self.keys),
            "AIMS_PLUGINS": "",
            "XDG_STATE_HOME": str(self.state),
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "PYTHONWARNINGS": "ignore",
        }

    def reference(self, content: str, folder: Path) -> ModelReference:
        """The model whose one file has this content, as anybody can digest it."""
        files = folder / f"model-{abs(hash(content))}"
        files.mkdir(parents=True, exist_ok=True)
        (files / "weights.txt").write_text(content)
        found = fingerprint_files(files)
        return ModelReference(uri=f"sha256:{found.sha256}", sha256=found.sha256)

    def train(self, content: str, folder: Path, *, figures: Any = None) -> ModelReference:
        """Record the run, dataset, model and performance behind a model of this content."""
        model = self.reference(content, folder)
        run, data = sha(f"run {content}")[:32], sha(f"data {content}")
        of_run = Subject.of_name(f"run:{run}")
        record = self.world.record
        record("run", [of_run], {"activity": "training", "status": "finished"}, run=run)
        record("dataset", [Subject("dataset:d", data)], {"name": "d", "sha256": data}, run=run)
        body = {"name": "m", "sha256": model.sha256, "datasets": [{"name": "d", "role": "train",
                "sha256": data}]}  # fmt: skip
        record("model", [model.subject, of_run], body, run=run)
        self.world.measure(model, figures or GOOD, run=run)
        return model

    def ready(self, content: str, folder: Path) -> ModelReference:
        """A model of this content with everything that the policy asks for."""
        model = self.train(content, folder)
        self.world.submit(model)
        self.world.approve(model)
        return model


@pytest.fixture(scope="session")
def base_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with its tables, to be copied."""
    folder = tmp_path_factory.mktemp("mlflow-base")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        SqlAlchemyStore(f"sqlite:///{folder}/mlflow.db", "mlflow-artifacts:/")
    return folder / "mlflow.db"


@pytest.fixture(scope="session")
def session_organisation(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    folder = tmp_path_factory.mktemp("organisation")
    (folder / "project").mkdir()
    with pytest.MonkeyPatch.context() as patch:  # its people enrol their keys here
        for name, value in _settings(folder / "project", folder).items():
            patch.setenv(name, value)
        world = World(folder / "project")
    settings = (folder / "project" / "aims.yaml").read_text()
    (folder / "project" / "aims.yaml").write_text(settings + REGISTRY_RULES)
    forget_stores()
    return Organisation(world, folder / "keys", folder / "state")


def _settings(project: Path, folder: Path) -> dict[str, str]:
    return {
        "AIMS_PROJECT": str(project),
        "AIMS_KEYS": str(folder / "keys"),
        "AIMS_PLUGINS": "",
        "XDG_STATE_HOME": str(folder / "state"),
    }


@pytest.fixture
def organisation(
    session_organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Organisation]:
    """The project, with this test's process as one of its people."""
    for name, value in session_organisation.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(session_organisation.world.root)
    yield session_organisation
    forget_stores()


@pytest.fixture(scope="session")
def start_server(
    tmp_path_factory: pytest.TempPathFactory,
    base_database: Path,
    session_organisation: Organisation,
) -> Iterator[Callable[..., Server]]:
    """Start servers that live to the end of the session; `registry` is put behind `aims://`.

    app : as `--app-name aims`, which also wants `aims://` for the runs.
    """
    started: list[Server] = []

    def start(
        *arguments: str,
        registry: str | None = None,
        gated: bool = True,
        environment: dict[str, str] | None = None,
        wait: bool = True,
        app: bool = False,
        **how: Any,
    ) -> Server:
        folder = tmp_path_factory.mktemp("server")
        shutil.copy(base_database, folder / "mlflow.db")
        tracking = f"sqlite:///{folder}/mlflow.db"
        real = registry or tracking
        if app:
            tracking, arguments = f"aims://{tracking}", ("--app-name", "aims", *arguments)
        server = Server(
            folder,
            session_organisation.environment | (environment or {}),
            (
                "--backend-store-uri", tracking,
                "--registry-store-uri", f"aims://{real}" if gated else real,
                "--artifacts-destination", str(folder / "artifacts"),
                *arguments,
            ),
            **how,
        )  # fmt: skip
        started.append(server)
        server.launch()
        return server.wait() if wait else server

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def gated(start_server: Callable[..., Server]) -> Server:
    """A gated server on SQLite, with one worker."""
    return start_server(app=True)


def mark_warnings(items: list[pytest.Item], folder: Path) -> None:
    """Let the tests of a folder pass over what MLflow itself warns about."""
    for item in items:
        if item.path.parent == folder:
            for text in WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(text))
