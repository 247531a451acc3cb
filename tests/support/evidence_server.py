"""A server of evidence in a thread of this process, on a port of its own."""

from __future__ import annotations

import threading

import uvicorn

from aims_mlops.server.application import create_app
from aims_mlops.server.tokens import Tokens
from aims_mlops.store.log.sql import SqlStore


class Server:
    """Serves a store until `stop`."""

    def __init__(self, store: SqlStore, tokens: Tokens) -> None:
        config = uvicorn.Config(create_app(store, tokens), port=0, log_level="warning")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.01)
            assert self._thread.is_alive()
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
