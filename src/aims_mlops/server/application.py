"""The application: routes over one store, every answer described in /openapi.json."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any

from aims_mlops.server import problems
from aims_mlops.server.requests import push_schemas

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from aims_mlops.server.tokens import Tokens
    from aims_mlops.store.log.sql import SqlStore

_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


def create_app(store: SqlStore, tokens: Tokens) -> FastAPI:
    """The server's application over a store and the tokens that may use it."""
    from fastapi import Depends, FastAPI

    from aims_mlops.server.access import needs, only
    from aims_mlops.server.body import Slots
    from aims_mlops.server.connections import Shares
    from aims_mlops.server.evidence_routes import evidence_router
    from aims_mlops.server.log_routes import log_router
    from aims_mlops.server.observed.routes import observed_router

    app = FastAPI(
        title="aims-mlops evidence store",
        version=metadata.version("aims-mlops"),
        description="Push evidence, read it, and prove that it is in the log.",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    problems.install(app)
    slots = Slots()
    app.include_router(evidence_router(store, tokens, slots))
    app.include_router(log_router(store, tokens, slots))
    app.include_router(
        observed_router(
            store.signed,
            reading=[Depends(needs(tokens, "read"))],
            only_export=Depends(only("subject", "version", "file")),
            responses=problems.responses,
            problem=problems.ProblemError,
        )
    )
    app.add_middleware(Shares)
    app.add_middleware(_SafeHeaders)
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = generate()
            parts = schema.setdefault("components", {})
            parts.setdefault("schemas", {}).update({**push_schemas(), "Problem": problems.SCHEMA})
            parts["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the documented way to extend it
    return app


class _SafeHeaders:
    """Headers that keep a browser from guessing what an answer is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            await send(message)

        await self._app(scope, receive, with_headers)
