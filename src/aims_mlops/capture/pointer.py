"""The one line on stderr that says where the evidence of a run is."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from aims_mlops.visible import plain

if TYPE_CHECKING:
    from aims_mlops.capture.state.run_state import RunState

VARIABLE = "AIMS_CAPTURE_LINE"  # "off": it is not printed


def point_to(run: RunState, records: int, *, sent: bool = False) -> None:
    """Print the line, for a run that is in no other one: that one's line comes at its end.

    records : of the run.  sent : whether they are on their way to a server, not in the log yet.
    Whatever becomes of stderr, nothing is raised.
    """
    if run.outer is not None or os.environ.get(VARIABLE, "").lower() in ("off", "0", "false"):
        return
    where = "on the way to the server" if sent else "recorded"
    many = "1 record" if records == 1 else f"{records} records"
    line = f"aims: {run.activity} {run.name} {where} as {many}; aims evidence list --run {run.id}"
    with contextlib.suppress(Exception):  # closed, a broken pipe, an encoding without the name
        sys.stderr.write(f"{plain(line)}\n")
