"""Whether MLflow's own default keeps a run where `aims` looks for it from the project.

Without a tracking URI, MLflow writes `mlflow.db` or `mlruns` into the working folder; the project
is found from the script too. Started by cron in `/`, a model is registered where nobody looks.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from aims_mlops.capture.state.gaps import note
from aims_mlops.capture.state.run_state import RunState
from aims_mlops.errors import InputError

_WHERE = "place of the MLflow run"


def note_default_place(run: RunState, tracking_uri: str) -> None:
    """Note a gap for a run that MLflow keeps by default in another folder than the project's."""
    from aims_mlops.inventory.project import project_folder

    tracking: Any = import_module("mlflow.tracking")
    if tracking.is_tracking_uri_set() or os.environ.get("MLFLOW_REGISTRY_URI"):
        return
    root = project_folder().resolve()
    place = _path_of(tracking_uri)
    if place is None or place.parent.resolve() == root:
        return
    wanted = f"sqlite:///{(root / 'mlflow.db').as_posix()}"
    elsewhere = InputError(
        "MLflow keeps this run and its models outside of the project, in the working folder",
        got=str(place),
        expected=f"a place that is found from {root}",
        next_step=f"set MLFLOW_TRACKING_URI={wanted}, or the URI of a server, for every process",
    )
    note(run, _WHERE, elsewhere)


def _path_of(tracking_uri: str) -> Path | None:
    """The database or folder behind a local tracking URI; None for a server's."""
    if tracking_uri.startswith("sqlite:///"):
        return Path(tracking_uri.removeprefix("sqlite:///")).absolute()
    parts = urlsplit(tracking_uri)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(tracking_uri).absolute() if parts.scheme == "" else None
