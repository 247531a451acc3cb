"""A pyfunc model under MLflow's scoring protocol, as long as it may be used.

The application is MLflow's own (`mlflow.pyfunc.scoring_server`), behind the log and behind a watch
that asks at an interval whether the model may still be used. If it may not, `/invocations`, `/ping`
and `/health` answer 503 with the reasons, until it may again.
"""

from __future__ import annotations

import json
import logging
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import MissingExtraError, StoreUnavailableError
from aims_mlops.inference_log.recorder.recorder import Recorder, close_inference_logs
from aims_mlops.inference_log.serving.asgi import Application, InferenceLog, Receive, Scope, Send

if TYPE_CHECKING:
    import socket

_WATCHED = frozenset({"/invocations", "/ping", "/health"})
_WAITING = 2048  # connections that wait to be accepted, as under uvicorn's own command

_logger = logging.getLogger("aims_mlops.inference")


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a model may be used; `told` is False if that could not be told.

    reasons : as JSON values.
    """

    allowed: bool
    told: bool
    reasons: tuple[Any, ...] = ()


class Watch:
    """Asks again every `every_seconds`, on a thread of its own.

    An answer that could not be had (the log is away) leaves the last one standing for
    `grace_seconds`; then it counts as refused. `changed` hears of each change.
    """

    def __init__(
        self,
        ask: Callable[[], Answer],
        *,
        every_seconds: float,
        grace_seconds: float,
        changed: Callable[[Answer], None] = lambda answer: None,
    ) -> None:
        self._ask = ask
        self._every = every_seconds
        self._grace = grace_seconds
        self._changed = changed
        self._sure = time.monotonic()
        self._stop = threading.Event()
        self.refused: Answer | None = None

    def start(self) -> None:
        """Ask once now, and from now on at the interval."""
        self.look()
        threading.Thread(target=self._run, name="aims-standing", daemon=True).start()

    def stop(self) -> None:
        """End the watch at its next look."""
        self._stop.set()

    def look(self) -> None:
        """Ask once. Raises nothing."""
        try:
            answer = self._ask()
        except Exception as error:  # noqa: BLE001  whatever breaks, it could not be told
            answer = Answer(False, False, ({"observed": f"{type(error).__name__}: {error}"},))
        if answer.told:
            self._sure = time.monotonic()
        elif time.monotonic() - self._sure < self._grace:
            _logger.warning("aims: whether the model may be used could not be told; it still is")
            return
        before = self.refused
        self.refused = None if answer.allowed else answer
        if self.refused is not None and before is None:
            _logger.error("aims: the model may not be used any more: %s", answer.reasons)
        elif self.refused is None and before is not None:
            _logger.warning("aims: the model may be used again")
        if (before is None) != (self.refused is None):
            self._tell(answer)

    def _tell(self, answer: Answer) -> None:
        try:
            self._changed(answer)
        except Exception as error:  # noqa: BLE001  who may be served does not hang on the record
            _logger.error("aims: that is not on record: %s", error)

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            self.look()


class Guarded:
    """ASGI: the application behind a watch."""

    def __init__(self, app: Application, watch: Watch) -> None:
        self._app = app
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, with 503 while the model may not be used."""
        refused = self._watch.refused
        if refused is None or scope["type"] != "http" or scope["path"] not in _WATCHED:
            await self._app(scope, receive, send)
            return
        words = "the model may not be used" if refused.told else "it could not be told"
        body = json.dumps(
            {
                "error_code": "TEMPORARILY_UNAVAILABLE",
                "message": f"{words}; next: aims check-model MODEL --for TARGET",
                "reasons": list(refused.reasons),
            }
        ).encode()
        headers = [(b"content-type", b"application/json"), (b"retry-after", b"60")]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def serve_model(
    folder: Path,
    recorder: Recorder,
    watch: Watch,
    *,
    host: str,
    port: int,
    started: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve the model in a folder until the process is told to stop; then the log is closed.

    started : called with the URL once connections are taken; port 0 picks a free one.
    Raises MissingExtraError, StoreUnavailableError for a port in use, and what loading raises.
    """
    try:
        import uvicorn
        from mlflow.pyfunc import load_model, scoring_server
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "serving a model", library=error.name or "mlflow", extra="mlflow"
        ) from error
    scoring: Any = scoring_server.init(load_model(str(folder)))
    app = Guarded(InferenceLog(scoring, recorder=recorder), watch)
    listener = _bind(host, port)
    # The log says who asked what; a line for each request besides would cost a tenth.
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    # uvicorn raises a signal again when it has stopped; by default that would end the process
    # before the log is closed.
    signal.signal(signal.SIGTERM, _end)
    watch.start()
    shown = f"[{host}]" if ":" in host else host
    started(f"http://{shown}:{listener.getsockname()[1]}")
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        watch.stop()
        listener.close()
        close_inference_logs()


def _end(number: int, frame: object) -> None:
    raise SystemExit(0)


def _bind(host: str, port: int) -> socket.socket:
    import socket

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_WAITING)
    except OSError as error:
        listener.close()
        raise StoreUnavailableError(
            f"the server cannot listen on {host}:{port}",
            got=error.strerror,
            next_step="choose another with --port, or 0 for any free one",
        ) from error
    return listener
