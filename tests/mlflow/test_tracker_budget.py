"""A tracker that fails, hangs or is slow holds no run: what it was to do becomes a gap.

No test looks at a clock: each tracker here would hold a run for minutes or for ever, and a test
that is held does not end.
"""

from __future__ import annotations

import contextlib
import http.server
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import aims_mlops as aims
import mlflow
from aims_mlops.inventory.project import forget_stores

pytestmark = pytest.mark.usefixtures("fails_open")

_WARNING = "ignore::aims_mlops.errors.CaptureWarning"


@pytest.fixture
def tracker(
    tracking: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Callable[[Any], None]], list[str]]]:
    """Put a server in the place of MLflow's that answers as it is told; gives what it was asked."""
    servers: list[http.server.ThreadingHTTPServer] = []

    def put(answer: Callable[[Any], None]) -> list[str]:
        asked: list[str] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked.append(f"{self.command} {self.path}")
                answer(self)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        monkeypatch.setenv("AIMS_MLFLOW_SECONDS", "1")
        mlflow.set_tracking_uri(f"http://127.0.0.1:{server.server_port}")
        return asked

    yield put
    mlflow.set_tracking_uri(None)
    for server in servers:
        server.shutdown()
        server.server_close()


def unavailable(handler: Any) -> None:
    handler.send_response(503)
    handler.end_headers()


def hanging(_handler: Any) -> None:
    threading.Event().wait()


def dripping(handler: Any) -> None:
    """A byte now and then: no socket's time limit ever runs out."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    with contextlib.suppress(OSError):
        while True:
            handler.wfile.write(b" ")
            time.sleep(0.3)


@pytest.mark.filterwarnings(_WARNING)
@pytest.mark.parametrize("answer", [unavailable, hanging, dripping])
@pytest.mark.parametrize("mode", ["open", "open-first"])
def test_tracker_that_does_not_serve_holds_no_run_and_leaves_a_gap(
    tracker: Any, recorded: Any, fitted: Any, answer: Any, mode: str
) -> None:
    asked = tracker(answer)

    @aims.training(system="s", quality=False, mlflow=True if mode == "open-first" else None)
    def train() -> Any:
        return fitted

    assert train() is fitted
    gaps = [gap.body for gap in recorded("gap")]
    assert any("is too slow" in gap["message"] for gap in gaps), gaps
    assert any("AIMS_MLFLOW_SECONDS" in gap["message"] for gap in gaps), gaps
    assert recorded("run")[0].body["status"] == "finished"
    assert "mlflow_run" not in recorded("run")[0].body["links"]
    before = len(asked)
    assert before >= 1
    if answer is unavailable:
        threads = [t for t in threading.enumerate() if t.name == "aims-mlflow"]
        for thread in threads:
            thread.join(60)
        assert len(asked) == before, "it is still asked after the run has ended"


@pytest.mark.filterwarnings(_WARNING)
def test_tracker_that_ends_between_two_requests_holds_no_run(
    tracker: Any, recorded: Any, fitted: Any
) -> None:
    """The run is opened, and then nothing more is answered."""
    answered: list[str] = []

    def answer(handler: Any) -> None:
        if "runs/create" not in handler.path:
            return hanging(handler)
        answered.append(handler.path)
        body = b'{"run":{"info":{"run_id":"' + b"a" * 32 + b'","experiment_id":"0"},"data":{}}}'
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        return None

    tracker(answer)

    @aims.training(system="s", quality=False, register="loans")
    def train() -> Any:
        return fitted

    train()
    assert answered
    gaps = [gap.body for gap in recorded("gap")]
    assert any("is too slow" in gap["message"] for gap in gaps), gaps


def test_answer_that_fails_once_is_asked_for_again(
    tracker: Any, recorded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def answer(handler: Any) -> None:
        seen.append(handler.path)
        if len(seen) == 1:
            return unavailable(handler)
        info = b'{"run_id":"' + b"a" * 32 + b'","experiment_id":"0","status":"FINISHED"}'
        body = b'{"run":{"info":' + info + b',"data":{}},"run_info":' + info + b"}"
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        return None

    tracker(answer)
    monkeypatch.setenv("AIMS_MLFLOW_SECONDS", "300")

    @aims.training(system="s", quality=False)
    def train() -> int:
        return 1

    train()
    assert recorded("run")[0].body["links"]["mlflow_run"] == "a" * 32
    assert recorded("gap") == []
    assert seen[0] == seen[1]


@pytest.fixture
def stopped_postgresql(
    tracking: Any, relayed_postgresql: tuple[str, Callable[[bool], None]]
) -> Iterator[Callable[[bool], None]]:
    """MLflow's runs in a PostgreSQL that can be held."""
    url, hold = relayed_postgresql
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.MlflowClient(url).search_experiments()
        mlflow.set_tracking_uri(url)
        mlflow.set_experiment("loans")
    yield hold
    hold(False)
    mlflow.set_tracking_uri(None)
    forget_stores()


@pytest.mark.filterwarnings(_WARNING)
@pytest.mark.parametrize("known", [False, True], ids=["from the start", "after a good run"])
def test_database_that_hangs_holds_no_run_and_leaves_a_gap(
    stopped_postgresql: Any, recorded: Any, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    @aims.training(system="s", quality=False)
    def train() -> int:
        return 1

    if known:
        monkeypatch.setenv("AIMS_MLFLOW_SECONDS", "600")
        train()
        assert [gap.body for gap in recorded("gap")] == []
        assert recorded("run")[0].body["links"]["mlflow_run"]
    stopped_postgresql(True)
    monkeypatch.setenv("AIMS_MLFLOW_SECONDS", "1")
    train()
    assert any("is too slow" in gap.body["message"] for gap in recorded("gap"))


@pytest.mark.filterwarnings(_WARNING)
@pytest.mark.parametrize("said", ["soon", "0", "-1", "nan"])
def test_budget_that_is_no_time_is_a_gap_that_says_so(
    tracking: Any, recorded: Any, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setenv("AIMS_MLFLOW_SECONDS", said)

    @aims.training(system="s", quality=False)
    def train() -> int:
        return 1

    train()
    assert any("AIMS_MLFLOW_SECONDS" in gap.body["message"] for gap in recorded("gap"))
