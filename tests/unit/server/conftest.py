"""A server in this process over a small store of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.server.application import create_app
from aims_mlops.server.tokens import Scope, Tokens
from aims_mlops.store.log.sql import SqlStore
from aims_mlops.store.opening import open_sql_store


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


class Client:
    """Asks the application in this process, as one user with one token."""

    def __init__(
        self, app: FastAPI, token: str = "", headers: dict[str, str] | None = None
    ) -> None:
        self._app = app
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._headers |= headers or {}

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://server", headers=self._headers
            ) as client:
                return await client.request(method, url, **options)

        return asyncio.run(ask())

    def get(self, url: str, **options: Any) -> httpx.Response:
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> httpx.Response:
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Any) -> httpx.Response:
        return self.request("PUT", url, **options)

    def delete(self, url: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", url, **options)


@pytest.fixture
def anybody(app: FastAPI) -> Callable[..., Client]:
    """Makes a client with the given headers and no token."""
    return lambda headers=None: Client(app, headers=headers)


@pytest.fixture
def client(app: FastAPI, tokens: Tokens) -> Callable[..., Client]:
    """Makes a client whose token has the given scopes."""

    def make(*scopes: Scope, actor: str | None = None) -> Client:
        text, _ = tokens.create("test", frozenset(scopes), days=1, actor=actor)
        return Client(app, text)

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
