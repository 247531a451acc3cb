"""Which run is going on here: one per context, so threads and tasks do not see each other's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from aims_mlops.errors import InputError

if TYPE_CHECKING:
    from aims_mlops.capture.run import Run

_CURRENT: ContextVar[Run | None] = ContextVar("aims_run", default=None)


def active_run() -> Run | None:
    """The innermost run of this thread or task, or None."""
    return _CURRENT.get()


def current_run() -> Run:
    """The innermost run of this thread or task; raises InputError outside of one."""
    run = _CURRENT.get()
    if run is None:
        raise InputError(
            "there is no run here",
            expected="a call inside a decorated function or a `with aims.run():` block of the "
            "same thread or task",
            next_step="decorate the function with @aims.training(system='…')",
        )
    return run


@contextmanager
def activated(run: Run) -> Iterator[None]:
    """Make `run` the current one for a stretch of the user's code, and nothing else's.

    Generators and coroutines go in and out of it at each suspension, so that whoever resumes
    them keeps its own run.
    """
    token = _CURRENT.set(run)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def enter(run: Run) -> object:
    """Make `run` the current one until `leave`, for a block whose suspensions we cannot see."""
    return _CURRENT.set(run)


def leave(token: object) -> None:
    """Undo `enter`; quiet when the block ends in another context than it began in."""
    try:
        _CURRENT.reset(token)  # type: ignore[arg-type]
    except ValueError:  # such as an async fixture, torn down in another task
        _CURRENT.set(None)
