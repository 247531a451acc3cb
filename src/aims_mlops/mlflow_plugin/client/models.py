"""A captured model in MLflow: logged once, with pinned requirements, and digested as it lies."""

from __future__ import annotations

import importlib
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from aims_mlops.capture.state.gaps import note
from aims_mlops.errors import InputError
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.measures.fingerprint.model_content import model_content
from aims_mlops.mlflow_plugin.client.model_uris import digested, reference_of_version
from aims_mlops.mlflow_plugin.client.sightings import sightings_of
from aims_mlops.mlflow_plugin.saved_model.flavors import (
    flavor_of,
    options_of,
    requirements_of,
    taken_along,
)
from aims_mlops.mlflow_plugin.saved_model.loading import check_loading
from aims_mlops.mlflow_plugin.saved_model.signatures import signature_of

if TYPE_CHECKING:
    from aims_mlops.capture.state.run_state import RunState
    from aims_mlops.measures.fingerprint.files import FilesFingerprint
    from aims_mlops.mlflow_plugin.client.runs import RunLink


def logged(run: RunState, tie: RunLink, model: Any, name: str) -> ModelReference | None:
    """The model as MLflow holds it, logged now unless the user's code logged it during the run.

    None for a model that no flavor of MLflow takes.
    """
    problems: list[InputError] = []
    with _quiet():
        reference = _reference(run, tie, model, name, problems)
    for problem in problems:
        note(run, f"loading of model {name}", problem)
    return reference


def _reference(
    run: RunState, tie: RunLink, model: Any, name: str, problems: list[InputError]
) -> ModelReference | None:
    import mlflow

    client = mlflow.MlflowClient()
    known = _logged_by_user(client, run, model) or _log(client, run, tie, model, name)
    if known is None:
        return None
    with digested(known.artifact_location) as (found, folder):
        _describe(run, folder)
        reference = _reference_of(known, found, tie)
        if run.describing is not None:
            run.describing.canonical = model_content(folder, found.files).to_body()
        problem = check_loading(run, model, flavor_of(model), folder, found.size)
        if problem is not None:
            problems.append(problem)
    if run.settings.register is not None:
        reference = _registered(run, client, known.model_id, reference)
    return reference


def _reference_of(known: Any, found: FilesFingerprint, tie: RunLink) -> ModelReference:
    uri = f"models:/{known.model_id}"
    return ModelReference(
        uri=uri,
        sha256=found.sha256,
        files=found.files,
        source=uri,
        run=known.source_run_id or tie.run_id,
    )


def _logged_by_user(client: Any, run: RunState, model: Any) -> Any:
    """The logged model that this very object was written to since our run began.

    Nothing else is believed: not the name, not that it was the only one of the MLflow run, and not
    that it looks like this one. None, and the model is logged anew, also for an object that was
    trained further after it had been logged, or logged by another process.
    """
    from mlflow.exceptions import MlflowException

    import mlflow

    began, server = parse(run.started_at).timestamp(), str(mlflow.get_tracking_uri())
    for sighting in sightings_of(model, since=began):
        if sighting.tracking_uri == server:
            try:
                return client.get_logged_model(sighting.model_id)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise  # deleted since is not there, and anything else is another matter
    return None


def _log(client: Any, run: RunState, tie: RunLink, model: Any, name: str) -> Any:
    flavor = flavor_of(model)
    if flavor is None:
        return None
    module = importlib.import_module(f"mlflow.{flavor.name}")
    from mlflow.models import Model

    signature = signature_of(run, model, flavor)
    options = options_of(model, flavor, module)
    requirements = requirements_of(model, flavor)
    entry = client.create_logged_model(
        experiment_id=tie.experiment_id, name=_model_name(name), source_run_id=tie.run_id
    )
    try:
        with taken_along(model):
            Model.log(
                artifact_path=None,
                flavor=module,
                model_id=entry.model_id,
                run_id=tie.run_id,
                signature=signature,
                pip_requirements=requirements,
                **{flavor.argument: model},
                **options,
            )
    except Exception:
        client.delete_logged_model(entry.model_id)  # nothing half-written stays
        raise
    return client.get_logged_model(entry.model_id)


_turns = RLock()


def _describe(run: RunState, folder: Path) -> None:
    """Read the signature back from what was written."""
    from mlflow.models import Model

    entry = run.describing
    if entry is None or not (folder / "MLmodel").is_file():
        return
    signature = Model.load(str(folder)).signature
    if signature is not None:
        entry.signature = {
            side: json.loads(schema) if isinstance(schema, str) else schema
            for side, schema in signature.to_dict().items()
        }
    if entry.inputs is not None:
        entry.signature = {**(entry.signature or {}), "inputs": entry.inputs}


def _registered(run: RunState, client: Any, model_id: str, found: ModelReference) -> ModelReference:
    name = str(run.settings.register)
    newest = client.search_model_versions(
        f"name = '{name}'", max_results=100, order_by=["version_number DESC"]
    )
    for version in newest:
        if version.model_id == model_id or version.source == f"models:/{model_id}":
            break  # the user's code has registered it
    else:
        version = _new_version(client, name, model_id, found.run)
    reference = reference_of_version(version, found)
    if run.describing is not None:
        registered: Mapping[str, Any] = {"name": version.name, "version": str(version.version)}
        run.describing.registered = registered
        run.describing.name = str(version.name)
    return reference


def _new_version(client: Any, name: str, model_id: str, run_id: str | None) -> Any:
    """What `mlflow.register_model` does, without its announcements."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"):
            raise
    return client.create_model_version(
        name, f"models:/{model_id}", run_id=run_id, await_creation_for=None, model_id=model_id
    )


def _model_name(name: str) -> str:
    """A name that MLflow takes for a logged model: without / : . % and quotes."""
    return "".join("-" if c in "/:.%\"'" else c for c in name) or "model"


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep MLflow's advice to itself: the user has not called what it is about.

    Filters belong to the process, so that threads have to take turns.
    """
    logger = logging.getLogger("mlflow")
    with _turns:
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            logger.setLevel(level)
