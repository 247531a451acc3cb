"""A server that lies: the real one, whose answers a test may change on their way out."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import uvicorn

from aims_mlops.server.application import create_app
from aims_mlops.server.tokens import Tokens
from aims_mlops.store.log.sql import SqlStore

Lie = Callable[[str, Any], Any]  # path, answer -> what is answered instead


class FalseServer:
    """Serves whichever store `serve` names, and tells `lie`."""

    def __init__(self, store: SqlStore, tokens: Tokens) -> None:
        self._tokens = tokens
        self.lie: Lie | None = None
        self.asked: list[str] = []
        self.serve(store)
        config = uvicorn.Config(
            self._answer, port=0, log_level="warning", lifespan="off", interface="asgi3"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.01)
            assert self._thread.is_alive()
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    def serve(self, store: SqlStore) -> None:
        """Answer from this store from now on, from whatever rows it has."""
        store.__dict__["signed"] = store  # our own server would give out none that are unsigned
        self._app = create_app(store, self._tokens)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope["path"])
        if self.lie is None:
            await self._app(scope, receive, send)
            return
        status, body = 200, b""

        async def keep(message: Any) -> None:
            nonlocal status, body
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                body += message.get("body", b"")

        await self._app(scope, receive, keep)
        if status == 200:
            body = json.dumps(self.lie(scope["path"], json.loads(body))).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
