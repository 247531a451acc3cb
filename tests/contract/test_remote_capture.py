"""A run whose store is a server never waits for it, never fails by it and loses nothing."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aims_mlops.server.tokens import Tokens
from aims_mlops.store.disk.spool import pending, spool_batch
from aims_mlops.store.log.sql import SqlStore
from aims_mlops.store.opening import open_sql_store

SCRIPT = """
import json, sys, time
import aims_mlops as aims

@aims.training(system="diabetes-risk")
def train(depth):
    return {"depth": depth}

before = time.monotonic()
for depth in range(3):
    assert train(depth) == {"depth": depth}
print(json.dumps({"seconds": time.monotonic() - before}))
"""


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[SqlStore]:
    store = open_sql_store(f"sqlite:///{tmp_path}/server/evidence.db")
    yield store
    store.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "train.py").write_text(SCRIPT)
    return root


class Served:
    """`aims serve` as somebody would run it."""

    def __init__(self, tmp_path: Path, behind: SqlStore) -> None:
        self._command = [
            *(sys.executable, "-m", "aims_mlops", "serve", "--port"),
            "0",
            *("--store", f"sqlite:///{tmp_path}/server/evidence.db"),
            *("--tokens", str(tmp_path / "tokens.db")),
        ]
        self._process: subprocess.Popen[str] | None = None
        self._place = tmp_path
        self.url = ""

    def start(self) -> str:
        self._process = subprocess.Popen(
            self._command, cwd=self._place, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert " at http://127.0.0.1:" in line
        self.url = line.rpartition(" at ")[2].strip()
        return self.url

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            assert self._process.stdout is not None
            self._process.stdout.close()


@pytest.fixture
def served(tmp_path: Path, behind: SqlStore) -> Iterator[Served]:
    server = Served(tmp_path, behind)
    yield server
    server.stop()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    text, _ = Tokens(tmp_path / "tokens.db").create("ci", frozenset({"capture"}), days=1)
    return {**os.environ, "AIMS_TOKEN": text, "AIMS_MLFLOW": "off"}


def _run(
    project: Path, environment: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_runs_are_delivered_in_the_background(
    served: Served, behind: SqlStore, project: Path, environment: dict[str, str]
) -> None:
    environment |= {"AIMS_STORE_URL": served.start(), "AIMS_PUSH_GRACE": "30"}
    done = _run(project, environment, "train.py")
    assert done.returncode == 0, done.stderr
    assert pending(project) == []
    runs = list(behind.find(kind="run"))
    assert len(runs) == 3
    assert {r.evidence.system for r in runs} == {"diabetes-risk"}


def test_dead_server_costs_a_run_neither_time_nor_evidence(
    served: Served, behind: SqlStore, project: Path, environment: dict[str, str]
) -> None:
    """A server that takes connections and never answers is worse than one that is gone."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as silent:
        environment |= {
            "AIMS_STORE_URL": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "AIMS_PUSH_GRACE": "0.2",
        }
        began = time.monotonic()
        done = _run(project, environment, "train.py")
        took = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    inside = json.loads(done.stdout.splitlines()[-1])["seconds"]
    print(f"three runs against a silent server: {inside:.2f} s inside, {took:.1f} s in all")
    assert took < 180  # of waiting for an answer, such a run would never end
    assert len(pending(project)) == 3

    environment |= {"AIMS_STORE_URL": served.start()}
    pushed = _run(project, environment, "-m", "aims_mlops", "push", "--json")
    assert pushed.returncode == 0, pushed.stderr
    assert json.loads(pushed.stdout)["pending"] == 0
    assert len(list(behind.find(kind="run"))) == 3
    again = _run(project, environment, "-m", "aims_mlops", "push")
    assert again.stdout == "The spool is empty.\n"


def test_push_without_a_server_says_so_and_keeps_everything(
    project: Path, environment: dict[str, str], served: Served
) -> None:
    url = served.start()
    served.stop()
    environment |= {"AIMS_STORE_URL": url, "AIMS_PUSH_GRACE": "5"}
    assert _run(project, environment, "train.py").returncode == 0
    pushed = _run(project, environment, "-m", "aims_mlops", "push")
    assert pushed.returncode == 1
    assert "Delivered 0 of 3" in pushed.stdout
    assert "cannot be reached" in pushed.stderr
    assert len(pending(project)) == 3


def test_what_the_server_refuses_for_good_is_kept_and_shown(
    served: Served, behind: SqlStore, project: Path, environment: dict[str, str]
) -> None:
    from aims_mlops.evidence.records import Evidence, Subject

    def evidence(number: int, **options: str) -> Evidence:
        return Evidence(
            **{
                "kind": "run",
                "subjects": (Subject.of_name(f"run:{number}"),),
                "body": {},
                "actor": "ci",
                "claimed_at": "2026-11-21T09:00:00Z",
                **options,
            }
        )

    path = spool_batch(project, [evidence(1), evidence(2, actor="odd"), evidence(3)])
    odd = path.read_bytes().replace(
        b'"actor":"odd","body":{},"claimed_at":"2026', b'"actor":"odd","body":{},"claimed_at":"on'
    )
    path.write_bytes(odd)
    environment |= {"AIMS_STORE_URL": served.start()}
    pushed = _run(project, environment, "-m", "aims_mlops", "push")
    assert pushed.returncode == 1
    assert "Refused for good and kept for you to look at (1)" in pushed.stdout
    assert "does not say when it was claimed" in pushed.stdout
    assert pending(project) == []
    assert [r.evidence.subjects[0].name for r in behind.find(kind="run")] == ["run:1", "run:3"]
    (gap,) = behind.find(kind="gap")
    assert gap.evidence.body["where"] == "spool: run"


WIDE = """
import numpy as np, pandas as pd
import aims_mlops as aims
wide = pd.DataFrame(np.arange(9_000.0).reshape(3, 3_000)).add_prefix("column_")
with aims.run("r", quality=False):
    aims.dataset(wide, "wide")
"""


@pytest.mark.parametrize("answers", [True, False])
def test_columns_of_a_wide_table_reach_the_server_before_their_record(
    served: Served,
    behind: SqlStore,
    project: Path,
    environment: dict[str, str],
    answers: bool,
) -> None:
    """Also where the server is away while the run goes on, and `aims push` comes later."""
    (project / "wide.py").write_text(WIDE)
    url = served.start()
    away = "http://127.0.0.1:9"  # the port of discard: nothing listens there
    started = environment | {
        "AIMS_STORE_URL": url if answers else away,
        "AIMS_PUSH_GRACE": "60",
    }
    done = _run(project, started, "wide.py")
    assert done.returncode == 0, done.stderr
    if not answers:
        assert len(pending(project)) == 1
        pushed = _run(project, environment | {"AIMS_STORE_URL": url}, "-m", "aims_mlops", "push")
        assert pushed.returncode == 0, pushed.stderr
    assert list(behind.find(kind="gap")) == []
    (dataset,) = behind.find(kind="dataset")
    details = json.loads(behind.get_blob(dataset.evidence.body["details"]["sha256"]))
    assert len(details["columns"]) == 3_000
    assert [p for p in (project / ".aims" / "spool").rglob("*") if p.is_file()] == []
