"""A store of evidence that hangs holds nothing but what needs it, and that not for long.

No test looks at a clock: what is held here is held until the test ends, and a client that waits for
a minute fails.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.inventory.project import forget_stores


@pytest.fixture
def server_of_relayed(
    start_server: Callable[..., Any], relayed_postgresql: Any, organisation: Any, tmp_path: Path
) -> Any:
    """A gated server whose log is in PostgreSQL, and what holds that."""
    url, hold = relayed_postgresql
    places = {"AIMS_LOG_KEYS": str(tmp_path / "keys"), "AIMS_BLOBS": str(tmp_path / "blobs")}
    server = start_server(app=True, environment={"AIMS_STORE_URL": url, **places})
    yield server, hold
    hold(False)
    server.stop()
    forget_stores()


def create_run(server: Any) -> int:
    body = {"experiment_id": "0", "start_time": 1}
    return int(server.api("POST", "runs/create", body)[0])


def test_log_that_hangs_holds_neither_health_nor_what_does_not_need_it(
    server_of_relayed: Any,
) -> None:
    server, hold = server_of_relayed
    server.register("loans-hung", "content")
    status, found = server.health(gate="decides")
    assert status == 200, found
    assert server.alias("loans-hung", 1)[0] == 403
    hold(True)
    with ThreadPoolExecutor(60) as crowd:
        promotions = [crowd.submit(server.alias, "loans-hung", 1) for _ in range(50)]
        probes = [crowd.submit(server.health, gate="refuses") for _ in range(3)]
        assert create_run(server) == 200
        for probe in probes:
            status, found = probe.result()
            assert (status, found["gate"], found["log"]) == (503, "refuses", "away")
        for promotion in promotions:
            status, answer = promotion.result()
            assert (status, answer["error_code"]) == (403, "PERMISSION_DENIED")
    assert server.aliases("loans-hung") == {}
    hold(False)
    status, found = server.health(gate="decides")
    assert status == 200, found
    status, answer = server.alias("loans-hung", 1)
    assert (status, answer["aims"]["verdict"]) == (403, "refused")  # decided, and kept in the log
    assert answer["aims"]["decision"]


def test_log_that_is_locked_is_waited_for_once_and_then_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aims_mlops.errors import StoreUnavailableError
    from aims_mlops.store.database.database import Database

    monkeypatch.setenv("AIMS_LOCK_TIMEOUT", "1.2")
    path = tmp_path / "log.db"
    database = Database(f"sqlite:///{path}", create=True)
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreUnavailableError, match="locked"), database.writing():
        pass
    for use in (database.writing, database.reading):
        with pytest.raises(StoreUnavailableError, match="did not answer just now"), use():
            pass
    other.execute("ROLLBACK")
    other.close()
    database.close()


def test_disk_on_which_nothing_fits_is_told_by_health(organisation: Any) -> None:
    code = (
        "import json, resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from aims_mlops.mlflow_plugin.server.health import health\n"
        "before = health()\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "print(json.dumps([before, health()]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    before, after = json.loads(done.stdout.splitlines()[-1])
    assert (before["gate"], before["log"]) == ("decides", "answers")
    assert (after["gate"], after["log"]) == ("refuses", "full")
