"""A server that proves every record it sends, and leaves one out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.errors import VerificationError
from aims_mlops.evidence import clock
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.evidence.store import signed
from aims_mlops.inventory.project import forget_stores
from aims_mlops.server.tokens import Tokens
from aims_mlops.store.opening import open_sql_store
from aims_mlops.store.remote.client import RemoteStore
from support.evidence_server import Server
from support.false_server import FalseServer
from support.world import World


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Any]:
    store = open_sql_store(f"sqlite:///{tmp_path}/world/evidence.db")
    yield store
    forget_stores()
    store.close()


@pytest.fixture
def server(log: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    tokens = Tokens(tmp_path / "tokens.db")
    text, _ = tokens.create("gate", frozenset({"operate", "read"}), days=1)
    monkeypatch.setenv("AIMS_TOKEN", text)
    running = FalseServer(log, tokens)
    yield running
    running.stop()


def pin(log: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMS_LOG_KEY", str(log.verifier_keys()[0]))


def without(sequence: int) -> Any:
    """Every page as the log has it but for one record; each of the others is proved."""

    def lie(path: str, answer: Any) -> Any:
        if path == "/v1/evidence" and "records" in answer:
            answer["records"] = [r for r in answer["records"] if r["sequence"] != sequence]
        return answer

    return lie


def evidence(number: int) -> Evidence:
    return Evidence(
        kind="drift" if number % 2 else "run",
        subjects=(Subject.of_name(f"run:{number % 3}"),),
        body={"number": number},
        actor="ana",
        claimed_at=clock.now(),
        system="loans",
        run=f"run-{number}",
    )


@pytest.mark.parametrize("seen_before", [False, True])
@pytest.mark.parametrize(
    "search",
    [
        {"kind": "drift"},
        {"system": "loans"},
        {"run": "run-7"},
        {"subject": Subject.of_name("run:1").sha256},
        {"newest_first": True, "limit": 1},
        {"since": 6, "limit": 2},
    ],
    ids=str,
)
def test_matching_record_left_out_of_a_page_is_told_to_whoever_decides(
    log: Any,
    server: Any,
    monkeypatch: pytest.MonkeyPatch,
    search: dict[str, Any],
    seen_before: bool,
) -> None:
    log.append_many([evidence(n) for n in range(8)])
    pin(log, monkeypatch)
    true = [record.sequence for record in log.find(**search)]
    assert 7 in true
    client = RemoteStore(server.url)
    if seen_before:
        assert [r.sequence for r in signed(client).find(**search)] == true
    server.lie = without(7)
    with pytest.raises(VerificationError):
        list(signed(client).find(**search))
    server.lie = None
    assert [r.sequence for r in signed(client).find(**search)] == true
    log.append(evidence(9))
    assert len(list(signed(client).find())) == 9
    client.close()


@pytest.mark.parametrize("changed", ["planted", "hidden"])
def test_server_gives_no_row_of_its_database_that_the_logs_key_did_not_sign(
    log: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    """To a client that has only the server's word: our own server looks before it speaks."""
    tokens = Tokens(tmp_path / "tokens.db")
    text, _ = tokens.create("reader", frozenset({"read"}), days=1)
    monkeypatch.setenv("AIMS_TOKEN", text)
    records = log.append_many([evidence(n) for n in range(8)])
    honest = Server(log, tokens)
    client = RemoteStore(honest.url)
    assert len(list(client.find(kind="drift"))) == 4
    forger = open_sql_store(f"sqlite:///{tmp_path}/forger/evidence.db")
    forger.append_many([evidence(n) for n in range(20, 29)])
    with closing(sqlite3.connect(log.database.path, isolation_level=None)) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            database.execute(f"DROP TRIGGER {name}")
        if changed == "hidden":
            database.execute("UPDATE aims_records SET kind = 'gap' WHERE sequence = 7")
        else:
            database.execute("ATTACH ? AS forger", (str(forger.database.path),))
            database.execute(
                "INSERT INTO aims_records SELECT * FROM forger.aims_records WHERE sequence = 8"
            )
    with pytest.raises(VerificationError):
        list(client.find())
    if changed == "planted":
        (planted,) = forger.find(since=8)
        with pytest.raises(VerificationError):
            client.get(planted.id)
    else:
        with pytest.raises(VerificationError):
            list(client.find(kind="drift"))
        with pytest.raises(VerificationError):
            client.get(records[7].id)
    client.close()
    forger.close()
    honest.stop()


def test_revocation_left_out_by_the_server_allows_nothing(
    log: Any, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMS_PLUGINS", "")
    monkeypatch.setenv("AIMS_STORE_URL", log.url)
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    world = World(tmp_path / "project")
    model = world.ready()
    revoked = world.approve(model, verdict="revoke", reason="second thoughts")
    forget_stores()
    monkeypatch.setenv("AIMS_STORE_URL", server.url)
    pin(log, monkeypatch)
    assert world.gate(model, record=False).verdict == "refused"
    server.lie = without(revoked.sequence)
    assert world.gate(model, record=False).verdict == "undecided"
