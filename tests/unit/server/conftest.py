"""A server in this process over a small store of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI  # noqa: TID253
from fastapi.testclient import TestClient  # noqa: TID253

from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.server.application import create_app
from aims_mlops.server.tokens import Scope, Tokens
from aims_mlops.store.opening import open_sql_store
from aims_mlops.store.sql import SqlStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    opened = open_sql_store(f"sqlite:///{tmp_path}/evidence.db")
    yield opened
    opened.close()


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path / "tokens.db")


@pytest.fixture
def app(store: SqlStore, tokens: Tokens) -> FastAPI:
    return create_app(store, tokens)


@pytest.fixture
def client(app: FastAPI, tokens: Tokens) -> Callable[..., TestClient]:
    """Makes a client whose token has the given scopes."""

    def make(*scopes: Scope, actor: str | None = None) -> TestClient:
        text, _ = tokens.create("test", frozenset(scopes), days=1, actor=actor)
        return TestClient(
            app, headers={"Authorization": f"Bearer {text}"}, raise_server_exceptions=False
        )

    return make


@pytest.fixture
def statement() -> Callable[..., dict[str, Any]]:
    """Makes the statement of one run."""

    def make(number: int = 0, **options: Any) -> dict[str, Any]:
        return Evidence(
            **{
                "kind": "run",
                "subjects": (Subject.of_name(f"run:{number}"),),
                "body": {"number": number},
                "actor": "trainer@example.org",
                "claimed_at": "2026-11-21T09:00:00.000000Z",
                **options,
            }
        ).to_statement()

    return make
