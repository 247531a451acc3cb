"""Strangers who hold connections open, drip bytes or knock without a token: a real server."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from aims_mlops.evidence import clock
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.server.tokens import Tokens
from aims_mlops.store.opening import open_sql_store
from aims_mlops.store.remote.client import RemoteStore

IDLE = 450  # more than may wait at a time
_SCRIPT = """
import sys
if sys.argv[3] == "h11":
    sys.modules["httptools"] = None
from pathlib import Path
from aims_mlops.server import connections
from aims_mlops.server.running import serve
from aims_mlops.store.opening import open_sql_store
connections.HEADERS_TIME = float(sys.argv[4])
connections.IDLE_TIME = 3.0
serve(open_sql_store(sys.argv[1]), Path(sys.argv[2]), port=0,
      started=lambda url: print(url, flush=True))
"""


class Running:
    def __init__(self, tmp_path: Path, parser: str, patience: float) -> None:
        tokens = tmp_path / "tokens.db"
        store = f"sqlite:///{tmp_path}/log/evidence.db"
        open_sql_store(store).close()
        self.token, _ = Tokens(tokens).create("t", frozenset({"capture", "read"}), days=1)
        self.other, _ = Tokens(tokens).create("o", frozenset({"capture", "read"}), days=1)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SCRIPT, store, str(tokens), parser, str(patience)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://")
        self.address = (urlsplit(self.url).hostname, urlsplit(self.url).port)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=120)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(params=["httptools", "h11"])
def patient(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    """A server that would wait an hour for headers, so that only the bound on numbers helps."""
    running = Running(tmp_path, request.param, 3600.0)
    yield running
    running.stop()


@pytest.fixture(params=["httptools", "h11"])
def strict(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path, request.param, 2.0)
    yield running
    running.stop()


def evidence(n: int) -> Evidence:
    return Evidence(
        kind="run",
        subjects=(Subject.of_name(f"run:{n}"),),
        body={"n": n},
        actor="tester",
        claimed_at=clock.now(),
    )


def closed(connection: socket.socket) -> bool:
    """Waits until the server closes the connection, however long that takes."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionError:
        return True
    return True


def test_idle_connections_without_a_token_keep_nobody_out(
    patient: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMS_TOKEN", patient.token)
    with ExitStack() as held:
        for _ in range(IDLE):
            held.enter_context(patient.connect())
        store = RemoteStore(patient.url)
        held.callback(store.close)
        assert [store.append(evidence(n)).sequence for n in range(5)] == list(range(5))
        for _ in range(205):
            half = held.enter_context(patient.connect())
            half.sendall(b"GET /v1/log HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert store.append(evidence(5)).sequence == 5
        fresh = RemoteStore(patient.url)
        held.callback(fresh.close)
        assert len(list(fresh.find())) == 6


@pytest.mark.parametrize(
    "sent",
    [b"", b"G", b"GET /v1/health HTTP/1.1\r\nHost: x\r\n", b"POST /v1/evidence HTTP/1.1\r\nX: "],
    ids=["nothing", "a letter", "half the headers", "half a push"],
)
def test_connection_that_never_sends_its_headers_is_closed(strict: Running, sent: bytes) -> None:
    with strict.connect() as connection:
        connection.sendall(sent)
        assert closed(connection)


def test_drip_of_headers_does_not_hold_a_connection(strict: Running) -> None:
    with strict.connect() as connection:
        connection.settimeout(0.2)
        for _ in range(600):
            try:
                connection.sendall(b"G")
                if connection.recv(4096) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        else:
            pytest.fail("the connection is still open")


def test_connection_that_stays_idle_after_an_answer_is_closed(strict: Running) -> None:
    with strict.connect() as connection:
        for _ in range(2):
            connection.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200")
        assert closed(connection)


def test_body_that_is_announced_and_never_sent_holds_no_connection(strict: Running) -> None:
    with strict.connect() as connection:
        connection.sendall(
            b"POST /v1/evidence HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 1000000\r\n\r\n{"
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 401")
        assert closed(connection)


def test_stalled_bodies_of_one_token_leave_the_others_their_share(
    patient: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMS_TOKEN", patient.other)
    with ExitStack() as stack:
        for _ in range(20):  # more than there are slots for bodies
            connection = stack.enter_context(patient.connect())
            connection.sendall(
                b"POST /v1/evidence HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Authorization: Bearer " + patient.token.encode() + b"\r\n"
                b"Content-Length: 1000\r\n\r\n{"
            )
        other = RemoteStore(patient.url)
        stack.callback(other.close)
        assert other.append(evidence(1)).sequence == 0
