"""A project whose gate has allowed a real pyfunc model, and real server processes on it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from aims_mlops.evidence.clock import now
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.gates.gate import gate
from aims_mlops.inventory.project import Project, find_project, forget_stores
from aims_mlops.measures.fingerprint.files import fingerprint_files

SETTINGS = """
systems:
  - id: loans
    inference: {folder: log, allow: [income, debt], flush_seconds: 1}
targets:
  production: {policy: policy.yaml}
"""
POLICY = "id: p\nrequires:\n  - {id: evidence.run, kind: run}\n"
START_SECONDS = 90.0


def append(project: Project, kind: str, subjects: list[Subject], body: dict[str, Any]) -> Record:
    return project.open_store().append(
        Evidence(
            kind=kind,
            subjects=tuple(subjects),
            body=body,
            actor="ana",
            claimed_at=now(),
            system="loans",
            run="a" * 32 if kind in ("run", "model") else None,
        )
    )


@pytest.fixture(scope="session")
def allowed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with aims.yaml, a model of two features and a decision that allows it."""
    import mlflow.sklearn
    import numpy as np
    import pandas as pd
    from mlflow.models import infer_signature
    from sklearn.linear_model import LogisticRegression

    root = tmp_path_factory.mktemp("serving")
    (root / "aims.yaml").write_text(SETTINGS)
    (root / "policy.yaml").write_text(POLICY)
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"income": draw.normal(3, 1, 200), "debt": draw.normal(1, 1, 200)})
    fitted = LogisticRegression().fit(frame, (frame["income"] > 2 * frame["debt"]).astype(int))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, about type hints of its agents
        mlflow.sklearn.save_model(
            fitted,
            str(root / "model"),
            signature=infer_signature(frame, fitted.predict(frame)),
            pip_requirements=["scikit-learn"],
        )
    project = find_project(root)
    digest = fingerprint_files(root / "model").sha256
    of_run = Subject.of_name("run:a")
    append(project, "run", [of_run, Subject("model:m", digest)], {"status": "finished"})
    body = {"name": "m", "sha256": digest, "datasets": []}
    append(project, "model", [Subject("model:m", digest), of_run], body)
    decision = gate(str(root / "model"), target="production", project=project)
    assert decision.allowed, decision
    forget_stores()
    return root


@pytest.fixture
def project(allowed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    root = tmp_path / "project"
    shutil.copytree(allowed, root)
    monkeypatch.chdir(root)
    yield find_project(root)
    forget_stores()


@dataclass
class Server:
    """A process that answers under `url`."""

    process: subprocess.Popen[str]
    url: str = ""
    said: list[str] = field(default_factory=list)

    def ask(
        self, method: str, path: str, body: str | None = None, **headers: str
    ) -> tuple[int, Any, Any]:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(30)


@pytest.fixture
def serve(project: Project) -> Callable[..., Any]:
    """Start `aims serve-model` on the project's model; it ends with the block."""

    @contextmanager
    def started(*more: str, model: str = "model") -> Iterator[Server]:
        command = [sys.executable, "-m", "aims_mlops", "serve-model", model]
        command += ["--target", "production", "--port", "0", *more]
        with running(command, project.root) as server:
            yield server

    return started


@pytest.fixture
def start(project: Project) -> Callable[[list[str]], Any]:
    """Start any command that says where it serves; it ends with the block."""
    return lambda command: running(command, project.root)


@pytest.fixture
def promotion(project: Project) -> Callable[[str], Record]:
    """Record that the registry's alias of the model was `set` or `removed`."""
    digest = fingerprint_files(project.root / "model").sha256
    said = {"target": "production", "name": "loans", "alias": "champion"}

    def record(outcome: str) -> Record:
        body = {**said, "outcome": outcome}
        return append(project, "promotion", [Subject("model:m", digest)], body)

    return record


@contextmanager
def running(command: list[str], folder: Path, **environment: str) -> Iterator[Server]:
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        server = Server(process)
        reader = threading.Thread(target=_read, args=(server,), daemon=True)
        reader.start()
        try:
            end = time.monotonic() + START_SECONDS
            while not server.url and process.poll() is None and time.monotonic() < end:
                time.sleep(0.05)
            yield server
        finally:
            server.stop()
            reader.join(10)


def _read(server: Server) -> None:
    assert server.process.stdout is not None
    for line in server.process.stdout:
        server.said.append(line.rstrip())
        if line.startswith("Serving") and " at http" in line:
            server.url = line.rstrip().rpartition(" at ")[2]


@dataclass
class Load:
    """What clients saw: answers by status, and requests that got none."""

    statuses: Counter[int] = field(default_factory=Counter)
    unanswered: int = 0
    ids: set[str] = field(default_factory=set)


@pytest.fixture
def load() -> Callable[[str, float, int], Load]:
    """Ask for predictions from several clients, each over one connection, for some seconds."""

    def run(url: str, seconds: float, clients: int) -> Load:
        found = Load()
        lock = threading.Lock()
        end = time.monotonic() + seconds
        body = json.dumps(
            {"dataframe_split": {"columns": ["income", "debt"], "data": [[3.0, 1.0]]}}
        )

        def client() -> None:
            connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
            while time.monotonic() < end:
                try:
                    connection.request(
                        "POST", "/invocations", body, {"Content-Type": "application/json"}
                    )
                    answer = connection.getresponse()
                    answer.read()
                except (OSError, http.client.HTTPException):
                    with lock:
                        found.unanswered += 1
                    break
                with lock:
                    found.statuses[answer.status] += 1
                    found.ids.add(answer.headers.get("X-Request-ID", ""))
            connection.close()

        threads = [threading.Thread(target=client) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    return run
