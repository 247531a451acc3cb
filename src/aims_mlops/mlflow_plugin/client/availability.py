"""Whether MLflow is to be used, and whether its server answers."""

from __future__ import annotations

import os
import socket
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from aims_mlops.errors import InputError
from aims_mlops.mlflow_plugin.client.budget import DATABASES, current

if TYPE_CHECKING:
    from aims_mlops.capture.state.run_state import RunState

MODE_VARIABLE = "AIMS_MLFLOW"
_PROBE_SECONDS = 2.0
_TRUST_SECONDS = 60.0  # how long an answer counts

_PORTS = {"http": 80, "https": 443, **DATABASES}

Mode = Literal["off", "active", "open", "open-first"]

_answered: dict[str, float] = {}


def mode_of(run: RunState) -> Mode:
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
    """Raise InputError if a tracking server, or a database server, takes no connection.

    MLflow would try again for minutes, and a training run would wait for it. A database is also
    asked for an answer. The time comes from the budget that is being spent.
    """
    parts = urlsplit(tracking_uri)
    scheme = parts.scheme.partition("+")[0]
    if scheme not in _PORTS or parts.hostname is None:
        return
    if time.monotonic() - _answered.get(tracking_uri, -_TRUST_SECONDS) < _TRUST_SECONDS:
        return
    port = parts.port or _PORTS[scheme]
    address, budget = (parts.hostname, port), current()

    def ask() -> None:
        socket.create_connection(address, _PROBE_SECONDS).close()
        if scheme in DATABASES and budget is not None:
            _ask_database(tracking_uri)

    try:
        ask() if budget is None else budget.within(ask)
    except OSError as error:
        raise InputError(
            f"the MLflow server at {parts.hostname}:{port} does not answer",
            got=type(error).__name__,
            next_step=f"start it, or set {MODE_VARIABLE}=off",
        ) from error
    _answered[tracking_uri] = time.monotonic()


def _ask_database(uri: str) -> None:
    import sqlalchemy as sa

    with sa.create_engine(uri, poolclass=sa.NullPool).connect() as connection:
        connection.exec_driver_sql("SELECT 1")
