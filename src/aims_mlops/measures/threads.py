"""How many threads a measure may use: one for each processor, fewer where it was told so."""

from __future__ import annotations

import os

from aims_mlops.processes import usable_processors

VARIABLE = "AIMS_THREADS"
_MOST = 8  # columns at once; more wait for memory


def threads() -> int:
    """At least one; AIMS_THREADS if it is a number, else one for each processor, 8 at most."""
    said = os.environ.get(VARIABLE, "")
    if said.isdecimal() and int(said):
        return int(said)
    return min(_MOST, usable_processors())
