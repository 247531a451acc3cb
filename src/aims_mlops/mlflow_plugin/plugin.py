"""MLflow through our hooks; nothing of MLflow is imported before a hook needs it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Evidence, Record
from aims_mlops.plugins import hookimpl

if TYPE_CHECKING:
    from aims_mlops.capture.run import Run


@hookimpl
def before_run_started(run: Run) -> None:
    """Note the MLflow run that is active; open one only if the decorator says `mlflow=True`."""
    from aims_mlops.mlflow_plugin.client.runs import watch

    watch(run)


@hookimpl
def save_model(run: Run, model: object, name: str) -> ModelReference | None:
    """Log the model to the MLflow run, unless the user's code has; None without MLflow."""
    from aims_mlops.mlflow_plugin.client.runs import spending, tied_run

    with spending(run):
        tie = tied_run(run)
        if tie is None:
            return None
        from aims_mlops.mlflow_plugin.client.models import logged

        return logged(run, tie, model, name)


@hookimpl
def collect_run_evidence(run: Run) -> Iterable[Evidence]:
    """No evidence of its own: the run is tied to MLflow, which its record's links then say."""
    from aims_mlops.mlflow_plugin.client.runs import spending, tied_run

    with spending(run):
        tied_run(run)
    return ()


@hookimpl
def after_run_ended(run: Run, records: list[Record]) -> None:
    """Tag the MLflow run with the ids of the evidence, and end it if it was opened here."""
    from aims_mlops.mlflow_plugin.client.runs import release, spending

    with spending(run):
        release(run, records)


@hookimpl
def resolve_model(uri: str) -> ModelReference | None:
    """The model behind `models:/…` or `runs:/…`, digested from its files."""
    if not uri.startswith(("models:/", "runs:/")):
        return None
    from aims_mlops.capture.state.current import active_run
    from aims_mlops.mlflow_plugin.client.model_uris import resolve
    from aims_mlops.mlflow_plugin.client.runs import spending

    with spending(active_run()):
        return resolve(uri)


@hookimpl
def recognise_model(model: object) -> ModelReference | None:
    """The logged model that `mlflow.pyfunc` loaded this object from, if it is shown to be that."""
    if "mlflow.pyfunc" not in sys.modules:
        return None
    from aims_mlops.capture.state.current import active_run
    from aims_mlops.mlflow_plugin.client.loaded_models import reference_of_loaded
    from aims_mlops.mlflow_plugin.client.runs import spending

    with spending(active_run()):
        return reference_of_loaded(model)


@hookimpl
def set_model_alias(model: ModelReference, alias: str) -> str | None:
    """Set a registered model's alias in the MLflow registry that the model came from."""
    if model.registry is None or model.version is None:
        return None
    from aims_mlops.mlflow_plugin.client.model_uris import set_alias

    return set_alias(model, alias)
