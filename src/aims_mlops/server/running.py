"""Run the server: bind first, say where, then serve until stopped."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from aims_mlops.errors import InputError, MissingExtraError, StoreUnavailableError
from aims_mlops.server.tokens import Tokens

if TYPE_CHECKING:
    from fastapi import FastAPI

    from aims_mlops.evidence.store import EvidenceStore

DEFAULT_PORT = 8042
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_WAITING = 128  # connections that wait to be accepted


def serve(
    store: EvidenceStore,
    tokens: Path,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    started: Callable[[str], None] = lambda url: None,
    extend: Callable[[FastAPI], None] | None = None,
) -> None:
    """Serve a store until the process is told to stop.

    started : called with the URL once connections are taken; port 0 picks a free one.
    extend : puts more on the application, such as the pages of the console.
    Raises InputError for a store that is itself remote, StoreUnavailableError for a port in use.
    """
    try:
        import uvicorn

        from aims_mlops.server.application import create_app
        from aims_mlops.server.connections import IDLE_TIME, BoundedProtocol
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "the evidence server", library=error.name or "fastapi", extra="server"
        ) from error
    from aims_mlops.store.log.sql import SqlStore

    if not isinstance(store, SqlStore):
        raise InputError(
            "only a store in a database can be served",
            got=store.url,
            expected="sqlite:// or postgresql://",
            next_step="aims serve --store sqlite:///evidence.db",
        )
    listener = _bind(host, port)
    app = create_app(store, Tokens(tokens))
    if extend is not None:
        extend(app)
    config = uvicorn.Config(
        app,
        log_level="warning",
        server_header=False,
        http=BoundedProtocol,
        ws="none",
        timeout_keep_alive=int(IDLE_TIME),
        h11_max_incomplete_event_size=64 * 1024,
        timeout_graceful_shutdown=10,
    )
    shown = f"[{host}]" if ":" in host else host
    started(f"http://{shown}:{listener.getsockname()[1]}")
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        listener.close()


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_WAITING)
    except (OSError, TypeError, ValueError) as error:  # the last two: a host that is no name
        listener.close()
        raise StoreUnavailableError(
            f"the server cannot listen on {host}:{port}",
            got=getattr(error, "strerror", None) or "a host that is no name",
            next_step="choose another with --port, or 0 for any free one",
        ) from error
    return listener
