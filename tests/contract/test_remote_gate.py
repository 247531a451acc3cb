"""The gate over HTTP: the same decisions, and none at all without the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.evidence.kind_spec import Writer
from aims_mlops.evidence.kind_table import TABLE
from aims_mlops.evidence.records import Subject
from aims_mlops.inventory.project import forget_stores
from aims_mlops.server.tokens import Scope, Tokens
from aims_mlops.store.opening import open_sql_store
from support.evidence_server import Server
from support.world import World


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Any]:
    store = open_sql_store(f"sqlite:///{tmp_path}/server/evidence.db")
    running = Server(store, Tokens(tmp_path / "tokens.db"))
    yield running
    running.stop()
    store.close()


@pytest.fixture
def act(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Takes on a token with the given scopes, of one person if named."""

    def become(*scopes: Scope, actor: str | None = None) -> None:
        text, _ = Tokens(tmp_path / "tokens.db").create(
            "test", frozenset(scopes), days=1, actor=actor
        )
        monkeypatch.setenv("AIMS_TOKEN", text)

    return become


@pytest.fixture
def world(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The gate's own test world, its store behind the server."""
    monkeypatch.setenv("AIMS_STORE_URL", f"sqlite:///{tmp_path}/server/evidence.db")
    monkeypatch.setenv("AIMS_PLUGINS", "")
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    # People are enrolled where the log is kept: each would need a token of their own.
    found = World(tmp_path / "project")
    forget_stores()
    monkeypatch.setenv("AIMS_STORE_URL", server.url)
    yield found
    forget_stores()


@pytest.fixture
def ready(world: Any, act: Callable[..., None]) -> Any:
    """A model that the policy allows, each step under the token of whoever takes it."""
    act("capture", "read")
    model = world.train()
    world.submit(model)
    act("approve", "capture", "read", actor="bo")
    world.approve(model)
    act("operate", "read")
    return model


def test_gate_allows_over_http_what_it_allows_on_a_file(world: Any, ready: Any) -> None:
    decision = world.gate(ready)
    assert decision.allowed, [str(reason) for reason in decision.reasons]
    record = world.store.get(decision.record)
    assert record.evidence.kind == "decision"
    assert record.evidence.body["allowed"] is True


def test_gate_refuses_when_the_server_is_gone(world: Any, ready: Any, server: Any) -> None:
    assert world.gate(ready).allowed
    server.stop()
    decision = world.gate(ready)
    assert not decision.allowed
    assert "cannot be reached" in " ".join(str(reason) for reason in decision.reasons)


def test_gate_refuses_with_an_expired_or_foreign_token(
    world: Any, ready: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMS_TOKEN", "aims_000000000000_expired")
    assert not world.gate(ready).allowed


def test_token_of_a_pipeline_cannot_approve(world: Any, act: Callable[..., None]) -> None:
    from aims_mlops.errors import StoreError

    act("capture", "read")
    model = world.train()
    world.submit(model)
    with pytest.raises(StoreError, match="scope approve"):
        world.approve(model)
    act("approve", "capture", "read", actor="cy")
    with pytest.raises(StoreError, match="another actor"):
        world.approve(model, "bo")
    act("operate", "read")
    assert not world.gate(model).allowed


def test_planted_decision_of_a_pipeline_is_refused_and_says_which_token_may(
    world: Any, ready: Any, act: Callable[..., None]
) -> None:
    """One that leaves out an objection would stand as if the gate had decided."""
    from aims_mlops.errors import StoreError

    body = dict(world.store.get(world.gate(ready).record).evidence.body)
    before = len(list(world.store.find(kind="decision")))
    act("capture", "read")
    with pytest.raises(StoreError, match=r"needs scope operate.*aims token create"):
        world.record("decision", [ready.subject], {**body, "notes": []})
    act("approve", "capture", "read", actor="ana")
    with pytest.raises(StoreError, match="needs scope operate"):
        world.record("decision", [ready.subject], body)
    decision = world.gate(ready)
    assert not decision.allowed
    assert "scope operate" in " ".join(str(reason) for reason in decision.reasons)
    act("operate", "read")
    assert len(list(world.store.find(kind="decision"))) == before


@pytest.mark.parametrize("kind", [spec.name for spec in TABLE if spec.writer is Writer.GATE])
def test_what_gate_registry_or_schedule_write_is_refused_from_a_run(
    world: Any, act: Callable[..., None], kind: str
) -> None:
    from aims_mlops.errors import StoreError

    act("capture", "read")
    with pytest.raises(StoreError, match="needs scope operate"):
        world.record(kind, [Subject.of_name("x:y")], {})
