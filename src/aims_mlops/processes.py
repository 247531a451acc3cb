"""What differs between operating systems about processes, each asked for in one place.

Linux and macOS are supported; on Windows the package imports, captures and verifies. The tests
take the functions away that another system lacks.
"""

from __future__ import annotations

import os
from collections.abc import Callable

__all__ = ["around_fork", "usable_processors"]


def usable_processors() -> int:
    """How many processors this process may use, at least 1.

    Where the system does not say (macOS, Windows): how many the machine has.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    if affinity is not None:
        try:
            return max(1, len(affinity(0)))
        except OSError:  # a sandbox that forbids the question
            pass
    return os.cpu_count() or 1


def around_fork(
    *,
    before: Callable[[], object] | None = None,
    after_in_parent: Callable[[], object] | None = None,
    after_in_child: Callable[[], object] | None = None,
) -> None:
    """Call these around each fork from now on; nothing where processes do not fork (Windows)."""
    register = getattr(os, "register_at_fork", None)
    if register is not None:
        given = {
            "before": before,
            "after_in_parent": after_in_parent,
            "after_in_child": after_in_child,
        }
        register(**{name: call for name, call in given.items() if call is not None})
