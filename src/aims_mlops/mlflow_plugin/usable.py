"""Whether MLflow is to be used, and whether its server answers."""

from __future__ import annotations

import os
import socket
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from aims_mlops.errors import InputError

if TYPE_CHECKING:
    from aims_mlops.capture.run import Run

MODE_VARIABLE = "AIMS_MLFLOW"
_PROBE_SECONDS = 2.0
_TRUST_SECONDS = 60.0  # how long an answer counts

Mode = Literal["off", "active", "open", "open-first"]

_answered: dict[str, float] = {}


def mode_of(run: Run) -> Mode:
    """How a run uses MLflow.

    off : not at all.  active : only a run that is active or that the user's code begins.
    open : that, else one is opened when the user's code has ended.  open-first : it is opened
    before, and active while the user's code runs.
    """
    wanted = run.settings.mlflow
    if wanted is False or find_spec("mlflow") is None:
        return "off"
    if wanted is True:
        return "open-first"
    named = os.environ.get(MODE_VARIABLE, "open")
    for mode in ("off", "active", "open"):
        if named == mode:
            return mode
    raise InputError(
        f"{MODE_VARIABLE} is not a way to use MLflow",
        got=repr(named[:40]),
        expected="off, active or open",
    )


def without_telemetry() -> None:
    """Before MLflow is imported on our account: it sends nothing, unless told to elsewhere."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


def assert_answers(tracking_uri: str) -> None:
    """Raise InputError if an HTTP tracking server takes no connection.

    MLflow would try again for minutes, and a training run would wait for it.
    """
    parts = urlsplit(tracking_uri)
    if parts.scheme not in ("http", "https") or parts.hostname is None:
        return
    if time.monotonic() - _answered.get(tracking_uri, -_TRUST_SECONDS) < _TRUST_SECONDS:
        return
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, port), _PROBE_SECONDS).close()
    except OSError as error:
        raise InputError(
            f"the MLflow server at {parts.hostname}:{port} does not answer",
            got=type(error).__name__,
            next_step=f"start it, or set {MODE_VARIABLE}=off",
        ) from error
    _answered[tracking_uri] = time.monotonic()
