"""Capture fails open: what goes wrong becomes a gap and a warning, never the user's problem.

Under pytest it raises instead, so that a broken capture is found before production; the variable
AIMS_CAPTURE_ERRORS ("raise" or "warn") says otherwise.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aims_mlops.capture.state.captured import Gap, class_name
from aims_mlops.capture.state.library_messages import constant_message
from aims_mlops.capture.state.run_state import RunState
from aims_mlops.capture.state.settings import raises
from aims_mlops.errors import AimsError, CaptureWarning, InputError
from aims_mlops.evidence.personal import is_identifier
from aims_mlops.evidence.secrets import scrubbed

_MESSAGE_LIMIT = 500  # characters
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


@contextmanager
def guarded(run: RunState, where: str) -> Iterator[None]:
    """Turn an error inside the block into a gap of `run`; nothing but errors is caught."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  capture must not break a training run
        note(run, where, error)


def note(run: RunState, where: str, error: Exception, *, quiet: bool = False) -> None:
    """Record a gap and warn; raise instead under pytest, unless the user's own code failed.

    quiet : never raise, because something worse is on its way up already.
    """
    if raises() and not quiet and run.error is None:
        raise error
    gap = Gap(where, class_name(error), _safe_message(error))
    run.gaps.append(gap)
    warn(f"not captured in run {run.name!r}: {where}: {gap.error}: {gap.message}")


def usable(run: RunState, what: str) -> bool:
    """Whether a run can take more; one that cannot any more says so in a gap."""
    if not run.recorded:
        return False
    problem = None
    if run.status != "running":
        problem = "has ended"
    elif run.process != os.getpid():
        problem = "belongs to another process"
    if problem is None:
        return True
    late = InputError(
        f"{what} came to a run that {problem}, so it cannot be recorded there",
        next_step="call it inside the run, or decorate the function that the worker runs",
    )
    note(run, what, late)
    return False


def warn(message: str) -> None:
    """A CaptureWarning at the user's line, which cannot stop a run where warnings are errors."""
    file, line, scope = _outside()
    known = scope.setdefault("__warningregistry__", {})  # where Python notes what it has said
    try:
        warnings.warn_explicit(
            message, CaptureWarning, file, line, str(scope.get("__name__")), known
        )
    except CaptureWarning:
        return  # a filter made it an error; the gap is recorded all the same


def _outside() -> tuple[str, int, dict[str, Any]]:
    """File, line and globals of the innermost frame that is neither ours nor the library's."""
    frame = sys._getframe(1)
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] not in ("aims_mlops", "contextlib", "pluggy", "asyncio"):
            return frame.f_code.co_filename, frame.f_lineno, frame.f_globals
        if frame.f_back is None:
            break
        frame = frame.f_back
    return "<unknown>", 1, {}


def _safe_message(error: Exception) -> str:
    """Our own messages hold no data values; those of other libraries may, so they stay out."""
    if isinstance(error, AimsError):
        return scrubbed(_without_quoted_values(error))[:_MESSAGE_LIMIT]
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    if (words := constant_message(error)) is not None:
        return scrubbed(words)[:_MESSAGE_LIMIT]
    return f"raised at {_place(error)}; its message is left out, for it may hold data values"


def _without_quoted_values(error: AimsError) -> str:
    """The message, where what was got is quoted only if it can be a name."""
    text, got = str(error), getattr(error, "got", None)
    if not isinstance(got, str) or got not in text:
        return text
    return text.replace(got, _QUOTED.sub(_name_or_not, got))


def _name_or_not(quoted: re.Match[str]) -> str:
    return quoted[0] if is_identifier(quoted[0][1:-1]) else "'…'"


def _place(error: Exception) -> str:
    """Module and line where it was raised."""
    trace = error.__traceback__
    if trace is None:
        return "an unknown place"
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
