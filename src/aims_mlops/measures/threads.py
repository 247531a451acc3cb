"""How many threads a measure may use: one for each processor, fewer where it was told so."""

from __future__ import annotations

import os

VARIABLE = "AIMS_THREADS"
_MOST = 8  # columns at once; more wait for memory


def threads() -> int:
    """At least one; AIMS_THREADS if it is a number, else one for each processor, 8 at most."""
    said = os.environ.get(VARIABLE, "")
    if said.isdecimal() and int(said):
        return int(said)
    try:
        usable = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every platform
        usable = os.cpu_count() or 1
    return min(_MOST, usable)
