"""What the log says of a model that is not found where it was looked for: the next step.

A registry by default lies in the folder that a process started in, and a model of a run without
MLflow is kept nowhere. Both look alike from outside; the log knows which it was.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from aims_mlops.capture.state.current import active_run

if TYPE_CHECKING:
    from aims_mlops.evidence.records import Record
    from aims_mlops.evidence.store import EvidenceStore

INSTALL = "pip install 'aims-mlops[mlflow]'"
_LIMIT = 2_000  # newest models of the log that are looked at, for the words of an error
_REGISTERED = re.compile(r"models:/(?P<name>[^/@]+)(?:[/@].*)?\Z")


def next_step(uri: str, *, registry: str | None) -> str | None:
    """What leads to the model behind an MLflow URI; None where the log says nothing about it.

    registry : the URI of the one that has no such model; None without MLflow.
    Never raises: it is about the words of another error. Inside a run nothing is read.
    """
    named = _REGISTERED.match(uri)
    if active_run() is not None:
        return None
    try:
        from aims_mlops.inventory.project import find_project

        store = find_project().open_store()
        return _next_step(store, uri, named["name"] if named else None, registry)
    except Exception:  # noqa: BLE001  a store that is away, a log that is not signed by its key
        return None


def _next_step(
    store: EvidenceStore, uri: str, name: str | None, registry: str | None
) -> str | None:
    for record in store.find(kind="model", newest_first=True, limit=_LIMIT):
        body = record.evidence.body
        if name is not None and body.get("register_as") == name:
            return (
                f"{INSTALL} where it is trained, and train again: the model of run "
                f"{str(record.evidence.run)[:12]} was not registered as {name!r}, and is kept "
                "nowhere"
            )
        registered = body.get("registered") or {}
        if (name is not None and registered.get("name") == name) or body.get("uri") == uri:
            place = _tracking_uri(store, record)
            if place is None or place == registry:
                return None
            step = (
                f"set MLFLOW_TRACKING_URI={shlex.quote(place)}: a run of this project kept it there"
            )
            return step if registry is not None else f"{INSTALL}, and {step}"
    if registry is not None or name is None:
        return None
    return (
        f"{INSTALL}; the log knows no model registered as {name!r}: where it was trained without "
        f"MLflow it is kept nowhere, so install it there and train again with register={name!r}"
    )


def _tracking_uri(store: EvidenceStore, model: Record) -> str | None:
    """The tracking URI of the run that made a model, without credentials, as its record says."""
    runs = store.find(kind="run", run=model.evidence.run, limit=1)
    found = next((run.evidence.body.get("links") or {} for run in runs), {})
    place = found.get("mlflow_tracking_uri")
    return place if isinstance(place, str) else None
