"""Evidence is pushed exactly once, however often the server dies and answers get lost."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aims_mlops.errors import StoreError, StoreUnavailableError
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.server.tokens import Tokens
from aims_mlops.store.disk.spool import drain, pending, set_aside, spool_batch
from aims_mlops.store.opening import open_sql_store
from aims_mlops.store.remote.client import RemoteStore
from aims_mlops.store.verify.verify import verify_store

RECORDS, BATCH, KILLS = 10_000, 20, 100


def _evidence(number: int) -> Evidence:
    return Evidence(
        kind="run",
        subjects=(Subject.of_name(f"run:{number}"),),
        body={"number": number},
        actor="trainer@example.org",
        claimed_at="2026-11-21T09:00:00.000000Z",
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Servers:
    """Starts one server after another on one port, and kills the last by its process id."""

    def __init__(self, store_url: str, tokens: Path) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.running = 0
        self._nursery = subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).with_name("push_server.py")),
                store_url,
                str(tokens),
                str(self.port),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self) -> None:
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write("start\n")
        self._nursery.stdin.flush()
        self.running = int(self._nursery.stdout.readline())
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.002)

    def kill(self) -> None:
        os.kill(self.running, signal.SIGKILL)
        self.running = 0

    def stop(self) -> None:
        if self.running:
            self.kill()
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.close()
        self._nursery.wait(10)
        self._nursery.stdout.close()


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/log/evidence.db"
    open_sql_store(url).close()
    return url


@pytest.fixture
def servers(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Servers]:
    tokens = Tokens(tmp_path / "tokens.db")
    text, _ = tokens.create("pipeline", frozenset({"capture"}), days=1)
    monkeypatch.setenv("AIMS_TOKEN", text)
    nursery = Servers(store_url, tokens.path)
    yield nursery
    nursery.stop()


@pytest.mark.slow
def test_server_killed_during_a_push_loses_and_repeats_nothing(
    servers: Servers, store_url: str, tmp_path: Path
) -> None:
    root = tmp_path / "project"
    for start in range(0, RECORDS, BATCH):
        spool_batch(root, [_evidence(i) for i in range(start, start + BATCH)])
    chance = random.Random(42001)
    kills = outages = 0
    done = threading.Event()

    def keep_killing() -> None:
        nonlocal kills
        while not done.is_set() and kills < KILLS:
            servers.start()
            time.sleep(chance.uniform(0.0, 0.08))
            servers.kill()
            kills += 1
        servers.start()

    began = time.monotonic()
    remote = RemoteStore(servers.url)
    killer = threading.Thread(target=keep_killing)
    killer.start()
    acknowledged = 0
    while pending(root):
        try:
            acknowledged += len(drain(root, remote))
        except StoreUnavailableError:
            outages += 1
            time.sleep(0.005)
    done.set()
    killer.join()
    remote.close()
    took = time.monotonic() - began

    store = open_sql_store(store_url)
    numbers = sorted(record.evidence.body["number"] for record in store.find())
    sequences = [record.sequence for record in store.find()]
    report = verify_store(store)
    store.close()
    print(
        f"{kills} kills, {outages} failed attempts, {len(numbers)} records, "
        f"{RECORDS - len(set(numbers))} lost, {len(numbers) - len(set(numbers))} twice, "
        f"{took:.0f} s"
    )
    assert kills == KILLS
    assert numbers == list(range(RECORDS))
    assert sequences == list(range(RECORDS))
    assert set_aside(root) == []
    assert report.ok, report.failures


class LostAnswers:
    """Passes requests on and cuts the line as soon as the server begins to answer."""

    def __init__(self, port: int, drops: int) -> None:
        self.dropped = 0
        self._drops, self._port = drops, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):  # whoever ended first took the other's answer along
            self._pass(client)

    def _pass(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._port)) as server:
            threading.Thread(target=self._upstream, args=(client, server), daemon=True).start()
            while content := server.recv(65_536):
                if self.dropped < self._drops:
                    self.dropped += 1  # the server has committed: it is answering
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(content)

    def _upstream(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while content := client.recv(65_536):
                server.sendall(content)
            server.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


def test_answer_lost_after_commit_ten_times_stores_the_batch_once(
    servers: Servers, store_url: str, tmp_path: Path
) -> None:
    root = tmp_path / "project"
    spool_batch(root, [_evidence(i) for i in range(500)])
    servers.start()
    proxy = LostAnswers(servers.port, drops=10)
    remote = RemoteStore(proxy.url)
    attempts = 0
    while pending(root):
        attempts += 1
        try:
            drain(root, remote)
        except StoreError:
            assert pending(root), "a batch without an acknowledgement stays in the spool"
    remote.close()
    proxy.stop()
    servers.kill()
    store = open_sql_store(store_url)
    count = store.status().size
    store.close()
    print(f"answer lost {proxy.dropped} times, {attempts} attempts, {count} records")
    assert proxy.dropped == 10
    assert attempts == 11
    assert count == 500
