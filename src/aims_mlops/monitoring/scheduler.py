"""The embedded scheduler: one round after another in this process, until it is told to end."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING

from aims_mlops.inventory.project import find_project
from aims_mlops.monitoring.cycle import Look, run_cycle
from aims_mlops.monitoring.recording import Ran

if TYPE_CHECKING:
    from aims_mlops.inventory.project import Project


def keep_running(
    project: Project,
    look: Look,
    *,
    seconds: float,
    workers: int | None,
    told: Callable[[Ran], None],
    broken: Callable[[Exception], None],
    ended: Event | None = None,
) -> None:
    """Rounds `seconds` apart until SIGINT or SIGTERM, or `ended` is set. aims.yaml is read anew.

    A round that breaks is handed to `broken`, and the next one comes: a store that is away for an
    hour must not end monitoring. What a round would have done is done by a later one, for what is
    due is computed from the log.
    """
    over = ended if ended is not None else Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        over.set()

    before = {} if ended is not None else {s: signal.signal(s, end) for s in _SIGNALS}
    try:
        while not over.is_set():
            try:
                project = find_project(project.root) if project.path else project
                run_cycle(project, look, now=datetime.now(UTC), workers=workers, told=told)
            except Exception as error:  # noqa: BLE001  see above
                broken(error)
            over.wait(seconds)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)
