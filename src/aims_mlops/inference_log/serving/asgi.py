"""ASGI middleware: scoring routes of any application, logged from the bytes that go through.

    app = InferenceLog(app, system="loans", paths=("/score",))

The application answers as it did; its answer has the request id in the header `X-Request-ID`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from time import perf_counter_ns, time_ns
from typing import Any

from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.inference_log.columns.scoring_protocol import Body, predictions_in
from aims_mlops.inference_log.recorder.recorder import Recorder
from aims_mlops.inference_log.recorder.recorders import LazyRecorder
from aims_mlops.inference_log.recorder.request import begin, use_request_id

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
        lazily = LazyRecorder(system, model=model, target=target)
        self._recorder: Callable[[], Recorder | None] = lambda: recorder or lazily()
        self._paths = frozenset(paths)
        self._limit = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request and hold what it asked and was answered."""
        logged = (
            scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in self._paths
        )
        recorder = self._recorder() if logged else None
        if recorder is None:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        id_ = begin(headers.get(_HEADER, b"").decode("latin-1")[:200] or None)
        kind = headers.get(b"content-type", b"").decode("latin-1")
        exchange = _Exchange(recorder, id_, kind, receive, send, self._limit)
        try:
            with use_request_id(id_):
                await self._app(scope, exchange.receive, exchange.send)
        except BaseException as error:
            exchange.fail(error)
            raise


class _Exchange:
    """One request and its answer, both passed on as they come.

    It is counted before the last byte of the answer leaves, so that no answer that somebody has is
    missing from the counts, whenever the process is killed.
    """

    def __init__(
        self,
        recorder: Recorder,
        id_: str,
        media_type: str,
        receive: Receive,
        send: Send,
        limit: int,
    ) -> None:
        self._recorder = recorder
        self._id = id_
        self._media_type = media_type
        self._receive = receive
        self._send = send
        self._limit = limit
        self._asked: list[bytes] = []
        self._answer: list[bytes] = []
        self._size = 0
        self._left = -1  # bytes of the answer that are still to come; -1 if it does not say
        self._status = 0
        self._logged = False
        self._started, self._clock = time_ns(), perf_counter_ns()

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._hold(self._asked, message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = list(message.get("headers", ()))
            said = {name.lower(): value for name, value in headers}
            if said.get(b"content-length", b"").isdigit():
                self._left = int(said[b"content-length"])
            if _HEADER not in said:
                id_ = self._id.encode("latin-1", "replace")
                message = {**message, "headers": [*headers, (_HEADER, id_)]}
        elif message["type"] == "http.response.body":
            part = message.get("body", b"")
            self._hold(self._answer, part)
            whole = self._left >= 0 and len(part) >= self._left
            self._left = max(self._left - len(part), -1) if self._left >= 0 else -1
            if whole or not message.get("more_body", False):
                self._log()
        await self._send(message)

    def fail(self, error: BaseException) -> None:
        """Count what the application raised, if it had not answered yet."""
        if not self._logged:
            self._logged = True
            self._recorder.failed(error)

    def _hold(self, where: list[bytes], part: bytes) -> None:
        self._size += len(part)
        if self._size <= self._limit and part:
            where.append(part)

    def _log(self) -> None:
        if self._logged:
            return
        self._logged = True
        if self._status >= 400:
            self._recorder.failed_as(f"HTTP {self._status}")
            return
        latency = perf_counter_ns() - self._clock
        whole = self._size <= self._limit
        try:
            output = predictions_in(b"".join(self._answer)) if whole else None
        except ValueError:
            output = None
        body = Body(b"".join(self._asked), self._media_type) if whole else None
        inputs = self._recorder.inputs(self._id, body)
        self._recorder.take(self._id, inputs, output, self._started, latency)
