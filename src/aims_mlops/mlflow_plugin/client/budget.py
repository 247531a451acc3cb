"""How long a run may wait for MLflow in all: a few seconds, whatever the server does.

MLflow asks again for minutes where a server answers 503, and waits for minutes where it does not
answer. A run of ours has a budget of waiting. While one is being spent, each HTTP request of this
thread goes out once, in a thread of its own that is left alone when the time is over, and is asked
again while there is time. Waiting counts, work of this machine does not. What is sent and fetched
gives time back, so that a large model may take long on a server that takes it.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from threading import Event, Thread
from typing import Any, TypeVar

from aims_mlops.errors import InputError

SECONDS_VARIABLE = "AIMS_MLFLOW_SECONDS"
DEFAULT_SECONDS = 6.0
_BYTES_PER_SECOND = 5_000_000  # a server that is slower than this is slow
_TRANSIENT = frozenset((408, 429, 500, 502, 503, 504))  # what MLflow asks again after
_TRIES_AT_500 = 3  # a server that fails at one thing may do the others

DATABASES = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}  # servers, and their ports

Result = TypeVar("Result")


class BudgetSpentError(Exception):
    """The time for waiting is over; `Budget.spending` says it in words of ours."""


class Budget:
    """Seconds of waiting that are left.

    exhausted : what was waited for when the time was over.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = _said() if seconds is None else seconds
        self.exhausted: str | None = None
        self._left = self.seconds
        self._sessions: dict[int, tuple[Any, Any]] = {}

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Everything that waits inside the block does so from this budget.

        Raises InputError, whatever the block raised, if the time is over.
        """
        _watch_requests()
        token = _current.set(self)
        try:
            yield
        except Exception as error:
            if self.exhausted is None:
                raise
            raise self._over() from error
        finally:
            _current.reset(token)

    def within(self, action: Callable[[], Result]) -> Result:
        """What an action that only waits returns; it is left alone when the time is over.

        Raises BudgetSpentError then, and what the action raises.
        """
        if _waited_for.get():
            return action()
        if self._left <= 0:
            raise self._spent("no answer")
        done = Event()
        outcome: list[tuple[Any, BaseException | None]] = []

        def work() -> None:
            _waited_for.set(True)
            try:
                outcome.append((action(), None))
            except BaseException as error:  # noqa: BLE001  it is raised where it is waited for
                outcome.append((None, error))
            finally:
                done.set()

        Thread(target=copy_context().run, args=(work,), name="aims-mlflow", daemon=True).start()
        before = time.monotonic()
        while not done.wait(min(max(self._left, 0.0), 0.25)):
            self._left -= (now := time.monotonic()) - before
            before = now
            if self._left <= 0:
                raise self._spent("no answer")
        self._left -= time.monotonic() - before
        result, problem = outcome[0]
        if problem is not None:
            raise problem
        found: Result = result
        return found

    def send(self, session: Any, send: Callable[..., Any], request: Any, how: Any) -> Any:
        """The answer to one HTTP request, asked again while the answer is a transient failure."""
        from requests.exceptions import ConnectionError as NotReached
        from requests.exceptions import Timeout
        from requests.utils import rewind_body

        self._allow(request.headers.get("Content-Length"))
        once, last, tried = self._once(session), "nothing was asked", 0
        while self._left > 0:
            if tried and getattr(request, "_body_position", None) is not None:
                rewind_body(request)
            limited = {**how, "timeout": max(self._left, 0.05)}
            tried += 1
            try:
                answer = self.within(lambda: send(once, request, **limited))  # noqa: B023
            except (NotReached, Timeout) as error:
                last = type(error).__name__
            else:
                failing = answer.status_code == 500 and tried == _TRIES_AT_500
                if answer.status_code not in _TRANSIENT or failing:
                    self._allow(answer.headers.get("Content-Length"))
                    return answer
                last = f"the answer {answer.status_code}"
                answer.close()
            self._pause(min(0.1 * 2**tried, 1.0))
        raise self._spent(last)

    def _pause(self, seconds: float) -> None:
        time.sleep(min(seconds, max(self._left, 0.0)))
        if not _waited_for.get():  # else whoever waits counts it
            self._left -= seconds

    def _once(self, session: Any) -> Any:
        """The session as it is, but sending each request once."""
        known = self._sessions.get(id(session))
        if known is not None and known[0] is session:
            return known[1]
        from urllib3.util import Retry

        once = copy.copy(session)
        once.adapters = type(session.adapters)()
        for prefix, adapter in session.adapters.items():
            single = copy.copy(adapter)
            single.max_retries = Retry(0, read=False)
            once.adapters[prefix] = single
        self._sessions[id(session)] = (session, once)
        return once

    def _allow(self, length: object) -> None:
        if self.exhausted is None and str(length or "").isdecimal():
            self._left += int(str(length)) / _BYTES_PER_SECOND

    def _spent(self, last: str) -> BudgetSpentError:
        self._left = 0.0
        self.exhausted = self.exhausted or last
        return BudgetSpentError(f"no answer within {self.seconds:g} s in all; the last: {last}")

    def _over(self) -> InputError:
        import mlflow
        from aims_mlops.evidence.urls import without_credentials

        return InputError(
            f"MLflow at {without_credentials(str(mlflow.get_tracking_uri()))[:200]} is too slow",
            got=f"{self.exhausted} after {self.seconds:g} s of waiting in this run",
            next_step=f"look at the server, or give it longer: {SECONDS_VARIABLE}=60",
        )


def current() -> Budget | None:
    """The budget that this thread is spending."""
    return _current.get()


def bounded(action: Callable[[], Result]) -> Result:
    """What an action returns that waits for the tracking store and does nothing else.

    A store in a database sends no requests that the budget could see, so it is waited for as a
    whole.
    """
    import mlflow

    budget = current()
    scheme = str(mlflow.get_tracking_uri()).partition("://")[0]
    if budget is None or scheme.partition("+")[0] not in DATABASES:
        return action()
    return budget.within(action)


def bounded_download(location: str, folder: str) -> str:
    """Fetch artifacts into a folder; from the budget that is being spent, if one is."""
    import mlflow

    budget = current()
    if budget is None:
        return str(mlflow.artifacts.download_artifacts(artifact_uri=location, dst_path=folder))
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository: Any = get_artifact_repository(location)
    repository.thread_pool = _Inline()  # its threads would not know of the budget
    return str(budget.within(lambda: repository.download_artifacts("", dst_path=folder)))


class _Inline(Executor):
    """Does what is submitted at once, in the same thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  whoever asks for the result gets it
            future.set_exception(error)
        return future


_current: ContextVar[Budget | None] = ContextVar("aims_mlflow_budget", default=None)
_waited_for: ContextVar[bool] = ContextVar("aims_mlflow_waited_for", default=False)


def _watch_requests() -> None:
    """Let requests of a thread that spends a budget be sent by the budget; once a process."""
    import requests

    send = requests.Session.send
    if hasattr(send, "aims_budget"):
        return

    def sent(session: Any, request: Any, **how: Any) -> Any:
        budget = _current.get()
        if budget is None:
            return send(session, request, **how)
        return budget.send(session, send, request, how)

    sent.aims_budget = True  # type: ignore[attr-defined]
    requests.Session.send = sent  # type: ignore[method-assign,assignment]


def _said() -> float:
    said = os.environ.get(SECONDS_VARIABLE)
    if said is None:
        return DEFAULT_SECONDS
    try:
        seconds = float(said)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= 86_400:
        raise InputError(
            f"{SECONDS_VARIABLE} is not a time to wait",
            got=repr(said[:40]),
            expected="seconds, more than 0, at most 86400",
        )
    return seconds
