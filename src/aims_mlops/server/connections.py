"""How long a connection may do nothing, and how many may: what strangers can take is bounded.

A connection that waits (for the headers of a request, or between two) is closed when its time is
over, and the one that waited longest gives way when there are too many. So whoever sends a request
is always let in, however many others only hold connections open.

Of the requests under way, a share is kept for those whose token was found valid.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, cast

from uvicorn.protocols.http.auto import AutoHTTPProtocol  # noqa: TID253  the adapter itself

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

HEADERS_TIME = 10.0  # seconds from the connection, or from a request's first byte, to its headers
IDLE_TIME = 30.0  # seconds between two requests on one connection
# Connections that wait at a time; over it, the one that waited longest is closed. More than come at
# once, so that nobody is closed before what it sent was read.
WAITING = 400
UNDER_WAY = 200  # requests at a time, after which the server answers 503
UNKNOWN = 64  # of them, those with a token that is not yet found valid; as many without any

_Base: Any = AutoHTTPProtocol


class BoundedProtocol(_Base):  # type: ignore[misc]  # whichever of two the server picks
    """One connection of the server, with its time limits."""

    waiting: ClassVar[dict[BoundedProtocol, None]] = {}  # in the order in which they began to

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the headers of a request."""
        super().connection_made(transport)
        self._timer: asyncio.TimerHandle | None = None
        self._between = False
        self._wait(HEADERS_TIME)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, and go on waiting where the request is not whole."""
        if self._between:  # the first byte of the next request: now its headers are due
            self._between = False
            self._wait(HEADERS_TIME)
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._between = False
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        if not self.transport.is_closing() and self.cycle.response_complete:
            self._between = True
            self._wait(IDLE_TIME)

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._give_way)
        self.waiting[self] = None
        if len(self.waiting) > WAITING:
            next(iter(self.waiting))._give_way()

    def _stop_waiting(self) -> None:
        self.waiting.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_way(self) -> None:
        self._stop_waiting()
        self.transport.abort()  # whoever waits for it has sent nothing that could be answered


class Shares:
    """Answers 503 to requests over the limit; `found_valid` is told by whoever checks the token."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._under_way = 0
        self._unknown = {True: 0, False: 0}  # by whether a token came with the request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request if its share has room, else 503."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with_token = any(name == b"authorization" for name, _ in scope["headers"])
        if self._under_way >= UNDER_WAY or self._unknown[with_token] >= UNKNOWN:
            from aims_mlops.server.problems import ProblemError, document

            response = document(ProblemError("unavailable", "too many requests at a time"))
            await response(scope, receive, send)
            return
        place = Place(self._unknown, with_token)
        cast("dict[str, Any]", scope.setdefault("state", {}))["place"] = place
        self._under_way += 1
        self._unknown[with_token] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._under_way -= 1
            place.leave_unknown()


class Place:
    """The place that one request takes."""

    def __init__(self, unknown: dict[bool, int], with_token: bool) -> None:
        self._unknown = unknown
        self._with_token = with_token
        self._known = False

    def leave_unknown(self) -> None:
        """Count no longer among the requests without a valid token."""
        if not self._known:
            self._known = True
            self._unknown[self._with_token] -= 1
