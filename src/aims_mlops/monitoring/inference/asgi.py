"""ASGI middleware: scoring routes of any application, logged from the bytes that go through.

    app = InferenceLog(app, system="loans", paths=("/score",))

The application answers as it did; its answer has the request id in the header `X-Request-ID`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from time import perf_counter_ns, time_ns
from typing import Any

from aims_mlops.evidence.models import ModelReference
from aims_mlops.monitoring.inference.body import Body, predictions_in
from aims_mlops.monitoring.inference.opening import Lazily
from aims_mlops.monitoring.inference.recorder import Recorder
from aims_mlops.monitoring.inference.request import begin, use_request_id

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

LIMIT_BYTES = 32 * 2**20  # of a request and of an answer; larger ones are counted as unreadable
_HEADER = b"x-request-id"


class InferenceLog:
    """Logs what POST requests to `paths` ask and are answered.

    model, target : as for `@aims.monitored`.  limit_bytes : of a body that is held.
    An answer of 400 and above counts as a failed call.
    """

    def __init__(
        self,
        app: Application,
        *,
        system: str = "",
        model: ModelReference | str | None = None,
        target: str | None = None,
        paths: Sequence[str] = ("/invocations",),
        limit_bytes: int = LIMIT_BYTES,
        recorder: Recorder | None = None,
    ) -> None:
        self._app = app
        lazily = Lazily(system, model=model, target=target)
        self._recorder: Callable[[], Recorder | None] = lambda: recorder or lazily()
        self._paths = frozenset(paths)
        self._limit = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        logged = (
            scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in self._paths
        )
        recorder = self._recorder() if logged else None
        if recorder is None:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        id_ = begin(headers.get(_HEADER, b"").decode("latin-1")[:200] or None)
        exchange = _Exchange(id_.encode("latin-1", "replace"), receive, send, self._limit)
        started, clock = time_ns(), perf_counter_ns()
        try:
            with use_request_id(id_):
                await self._app(scope, exchange.receive, exchange.send)
        except BaseException as error:
            recorder.failed(error)
            raise
        kind = headers.get(b"content-type", b"").decode("latin-1")
        exchange.log(recorder, id_, kind, started, perf_counter_ns() - clock)


class _Exchange:
    """One request and its answer, both passed on as they come."""

    __slots__ = ("_answer", "_asked", "_id", "_limit", "_receive", "_send", "_size", "_status")

    def __init__(self, id_: bytes, receive: Receive, send: Send, limit: int) -> None:
        self._id = id_
        self._receive = receive
        self._send = send
        self._limit = limit
        self._asked: list[bytes] = []
        self._answer: list[bytes] = []
        self._size = 0
        self._status = 0

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._hold(self._asked, message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = list(message.get("headers", ()))
            if not any(name.lower() == _HEADER for name, _ in headers):
                message = {**message, "headers": [*headers, (_HEADER, self._id)]}
        elif message["type"] == "http.response.body":
            self._hold(self._answer, message.get("body", b""))
        await self._send(message)

    def _hold(self, where: list[bytes], part: bytes) -> None:
        self._size += len(part)
        if self._size <= self._limit and part:
            where.append(part)

    def log(self, recorder: Recorder, id_: str, kind: str, started: int, latency: int) -> None:
        if self._status >= 400:
            recorder.failed_as(f"HTTP {self._status}")
            return
        whole = self._size <= self._limit
        try:
            output = predictions_in(b"".join(self._answer)) if whole else None
        except ValueError:
            output = None
        body = Body(b"".join(self._asked), kind) if whole else None
        recorder.take(id_, recorder.inputs(id_, body), output, started, latency)
