"""Which run is going on here: one per context, so threads and tasks do not see each other's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from aims_mlops.capture.state.run_state import RunState

_CURRENT: ContextVar[RunState | None] = ContextVar("aims_run", default=None)


def active_run() -> RunState | None:
    """The innermost run of this thread or task, or None."""
    return _CURRENT.get()


@contextmanager
def activated(run: RunState) -> Iterator[None]:
    """Make `run` the current one for a stretch of the user's code, and nothing else's.

    Generators and coroutines go in and out of it at each suspension, so that whoever resumes
    them keeps its own run.
    """
    token = _CURRENT.set(run)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def enter(run: RunState) -> object:
    """Make `run` the current one until `leave`, for a block whose suspensions we cannot see."""
    return _CURRENT.set(run)


def leave(token: object) -> None:
    """Undo `enter`; quiet when the block ends in another context than it began in."""
    try:
        _CURRENT.reset(token)  # type: ignore[arg-type]
    except ValueError:  # such as an async fixture, torn down in another task
        _CURRENT.set(None)
