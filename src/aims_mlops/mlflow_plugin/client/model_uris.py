"""Models found in MLflow by URI, and the aliases that promote them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from aims_mlops.errors import InputError, MissingExtraError, ModelNotFoundError, VerificationError
from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.mlflow_plugin.client.availability import without_telemetry
from aims_mlops.mlflow_plugin.client.recorded_models import next_step

if TYPE_CHECKING:
    from aims_mlops.measures.fingerprint.files import FilesFingerprint

_FORMS = "models:/name/version, models:/name@alias, models:/m-<id> or runs:/<run id>/<path>"


def resolve(uri: str) -> ModelReference:
    """The model behind an MLflow URI, its files digested where they lie or after a download.

    Raises ModelNotFoundError for a URI that leads nowhere; what MLflow raises when its server or
    database does not answer goes up as it is.
    """
    _need_mlflow(uri)
    from mlflow.exceptions import MlflowException

    try:
        if uri.startswith("runs:/"):
            return _of_run(uri)
        return _of_registry(uri)
    except MlflowException as error:
        if error.error_code in (
            "RESOURCE_DOES_NOT_EXIST",
            "INVALID_PARAMETER_VALUE",
            "NOT_FOUND",
            "RESOURCE_NOT_FOUND",
        ):
            raise _nothing(uri) from error
        raise


def set_alias(model: ModelReference, alias: str) -> str:
    """Set an alias to a model version and say so in words.

    Raises VerificationError if the version is no longer the one that the reference names: it was
    deleted and created again since.
    """
    _need_mlflow()
    import mlflow

    if model.name is None or model.version is None:
        raise InputError(
            f"model {model.uri!r} is not registered, so it cannot have an alias",
            next_step="register it: aims.training(register='name')",
        )
    client = mlflow.MlflowClient(registry_uri=model.registry)
    now = reference_of_version(client.get_model_version(model.name, model.version), model)
    if (now.created_at, now.source) != (model.created_at, model.source):
        raise VerificationError(
            f"version {model.version} of {model.name!r} is not the one that was decided on",
            got=f"one created at {now.created_at}",
            expected=f"the one created at {model.created_at}",
            next_step="decide again on what is registered now",
        )
    client.set_registered_model_alias(model.name, alias, model.version)
    return f"alias {alias!r} of {model.name!r} is set to version {model.version}"


def reference_of_version(version: Any, found: ModelReference) -> ModelReference:
    """A reference with what the registry says of a version; digest and files of `found`."""
    import mlflow

    return replace(
        found,
        uri=f"models:/{version.name}/{version.version}",
        name=str(version.name),
        version=str(version.version),
        created_at=stamp_of(version.creation_timestamp),
        source=version.source,
        run=version.run_id or found.run,
        registry=str(mlflow.get_registry_uri()) if found.registry is None else found.registry,
    )


@contextmanager
def digested(location: str) -> Iterator[tuple[FilesFingerprint, Path]]:
    """The digest of a model's files and the folder they are in for as long as the block lasts."""
    from aims_mlops.measures.fingerprint.files import fingerprint_files

    folder = local_folder(location)
    if folder is not None:
        if not folder.exists():
            raise ModelNotFoundError(
                "the files of the model are gone",
                got=f"no folder {str(folder)!r}",
                next_step="restore the artifacts, or name another version",
            )
        yield fingerprint_files(folder), folder
        return
    from aims_mlops.mlflow_plugin.client.budget import bounded_download

    with tempfile.TemporaryDirectory(prefix="aims-model-", ignore_cleanup_errors=True) as temporary:
        path = bounded_download(location, temporary)
        yield fingerprint_files(path), Path(path)


def _of_registry(uri: str) -> ModelReference:
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.utils.models import _parse_model_uri

    import mlflow

    client: Any = mlflow.MlflowClient()
    try:
        parsed: Any = _parse_model_uri(uri)
    except MlflowException as error:
        raise _nothing(uri) from error
    if parsed.model_id is not None:
        entry = client.get_logged_model(parsed.model_id)
        created = stamp_of(entry.creation_timestamp)
        return _digest(
            uri, entry.artifact_location, source=uri, run=entry.source_run_id, created_at=created
        )
    if parsed.alias is not None:
        version = client.get_model_version_by_alias(parsed.name, parsed.alias)
    elif parsed.version is not None:
        version = client.get_model_version(parsed.name, parsed.version)
    else:  # models:/name/latest, models:/name/Stage: the newest of that name or stage
        versions: list[Any] = client.search_model_versions(f"name = '{parsed.name}'")
        if parsed.stage is not None:
            versions = [v for v in versions if v.current_stage.lower() == parsed.stage.lower()]
        if not versions:
            raise _nothing(uri)
        version = max(versions, key=lambda v: int(v.version))
    location = client.get_model_version_download_uri(version.name, version.version)
    return reference_of_version(version, _digest(uri, location))


def _of_run(uri: str) -> ModelReference:
    """What MLflow itself loads there: the newest logged model of that name, or the run's files.

    Files of the run under a logged model's name are loaded together with it, and digested so.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    import mlflow

    run_id, _, path = uri.removeprefix("runs:/").partition("/")
    path = path.strip("/")
    client = mlflow.MlflowClient()
    run = client.get_run(run_id)
    if not path:
        raise _nothing(uri)
    name, _, below = path.partition("/")
    model = _logged_in(client, run, name)
    if model is None:
        return _digest(uri, f"{run.info.artifact_uri}/{path}", source=uri, run=run_id)
    own = get_artifact_repository(run.info.artifact_uri).list_artifacts(path)
    return _digest(
        uri,
        uri if below or own else model.artifact_location,
        source=f"models:/{model.model_id}",
        run=run_id,
        created_at=stamp_of(model.creation_timestamp),
    )


def _logged_in(client: Any, run: Any, name: str) -> Any | None:
    """The logged model of this name that MLflow takes for the run; None for none."""
    if not set(name).isdisjoint("'\"\\"):  # no logged model is called so
        return None
    token: str | None = None
    while True:
        page = client.search_logged_models(
            [run.info.experiment_id], filter_string=f"name = '{name}'", page_token=token
        )
        for model in page:
            if model.source_run_id == run.info.run_id:
                return model
        token = page.token
        if not token:
            return None


def _digest(uri: str, location: str, **known: str | None) -> ModelReference:
    try:
        with digested(location) as (found, _):
            if not found.files:
                raise _nothing(uri)
            return ModelReference(uri=uri, sha256=found.sha256, files=found.files, **known)
    except (OSError, ModelNotFoundError) as error:
        raise _nothing(uri) from error


def local_folder(location: str) -> Path | None:
    """A local folder of an artifact location; None for one that has to be downloaded."""
    parts = urlsplit(location)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    if parts.scheme == "" or len(parts.scheme) == 1:  # a path, also C:\…
        return Path(location)
    return None


def _nothing(uri: str) -> ModelNotFoundError:
    import mlflow
    from aims_mlops.evidence.urls import without_credentials

    registry = without_credentials(str(mlflow.get_registry_uri()))
    return ModelNotFoundError(
        f"no model at {uri[:200]!r}",
        got=f"nothing there in {registry}",
        expected=_FORMS,
        next_step=next_step(uri, registry=registry)
        or "check name and version, and that MLFLOW_TRACKING_URI names the right server",
    )


def _need_mlflow(uri: str | None = None) -> None:
    without_telemetry()
    try:
        import mlflow  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "a model of MLflow",
            library="mlflow",
            extra="mlflow",
            next_step=None if uri is None else next_step(uri, registry=None),
        ) from error


def stamp_of(milliseconds: int | None) -> str | None:
    """MLflow's milliseconds as a time of ours; None stays None."""
    if milliseconds is None:
        return None
    return stamp(datetime.fromtimestamp(milliseconds / 1000, UTC))
