"""The files of promoted versions, which the server's artifact proxy no longer changes.

Every route of MLflow that writes or deletes files, whichever prefix or encoding it came by, ends at
an artifact repository that the server builds. These get a class in front that compares where the
write goes with where the files of promoted versions lie. Writes straight to the object store do not
pass here; the digest that `aims check-model` takes tells them.
"""

from __future__ import annotations

import asyncio
import os
import posixpath
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from aims_mlops.mlflow_plugin.registry.promoted_versions import PromotedVersion, promoted_versions
from aims_mlops.mlflow_plugin.registry.promotion_rules import Guard
from aims_mlops.mlflow_plugin.registry.refusals import broken, forbidden
from aims_mlops.mlflow_plugin.registry.version_content import server_location

_PROXY = "/mlflow-artifacts/artifacts/"


def freeze(handlers: Any) -> None:
    """Let the module of MLflow's handlers build only repositories that refuse such writes.

    handlers : `mlflow.server.handlers`. Raises AttributeError if it does not build them the way
    that the supported versions do.
    """
    build = handlers.get_artifact_repository

    def build_frozen(*arguments: Any, **named: Any) -> Any:
        repository = build(*arguments, **named)
        return frozen(repository, handlers._get_model_registry_store, handlers._get_tracking_store)

    handlers.get_artifact_repository = build_frozen
    handlers._artifact_repo = None


def frozen(repository: Any, registry: Callable[[], Any], tracking: Callable[[], Any]) -> Any:
    """The repository, refusing writes to files of versions that `registry()` has as promoted.

    tracking : gives the tracking store, which knows where a run's and a logged model's files lie.
    """
    if not isinstance(repository, FrozenFiles):
        repository.__class__ = _frozen_kind(type(repository))
        repository.aims_registry = registry
        repository.aims_tracking = tracking
    return repository


class FrozenFiles:
    """In front of an artifact repository of MLflow: every method of it that changes files."""

    aims_registry: Callable[[], Any]
    aims_tracking: Callable[[], Any]
    artifact_uri: str

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> Any:
        """Upload a file, if it changes no promoted version."""
        self._refuse(_file(artifact_path, local_file))
        return self._next("log_artifact")(local_file, artifact_path)

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> Any:
        """Upload a folder, if it changes no promoted version."""
        self._refuse(artifact_path or "", tree=True)
        return self._next("log_artifacts")(local_dir, artifact_path)

    def log_artifact_from_stream(
        self, stream: Any, artifact_file_name: str, artifact_path: str | None = None
    ) -> Any:
        """Upload from a stream, if it changes no promoted version."""
        self._refuse(_file(artifact_path, artifact_file_name))
        return self._next("log_artifact_from_stream")(stream, artifact_file_name, artifact_path)

    async def log_artifact_from_async_stream(
        self, chunks: Any, artifact_file_name: str, artifact_path: str | None = None
    ) -> Any:
        """Upload from a stream, if it changes no promoted version."""
        await asyncio.to_thread(self._refuse, _file(artifact_path, artifact_file_name))
        method = self._next("log_artifact_from_async_stream")
        return await method(chunks, artifact_file_name, artifact_path)

    def delete_artifacts(self, artifact_path: str | None = None) -> Any:
        """Delete files, if none is a promoted version's."""
        self._refuse(artifact_path or "", tree=True)
        return self._next("delete_artifacts")(artifact_path)

    def create_multipart_upload(
        self, local_file: str, num_parts: int = 1, artifact_path: str | None = None
    ) -> Any:
        """Begin an upload in parts, if it changes no promoted version."""
        self._refuse(_file(artifact_path, local_file))
        return self._next("create_multipart_upload")(local_file, num_parts, artifact_path)

    def complete_multipart_upload(
        self, local_file: str, upload_id: str, parts: Any = None, artifact_path: str | None = None
    ) -> Any:
        """End an upload in parts, if it changes no promoted version."""
        self._refuse(_file(artifact_path, local_file))
        method = self._next("complete_multipart_upload")
        return method(local_file, upload_id, parts, artifact_path)

    def create_presigned_upload_url(self, artifact_path: str, expiration: int = 900) -> Any:
        """Give an address to upload to, if it changes no promoted version."""
        self._refuse(artifact_path)
        return self._next("create_presigned_upload_url")(artifact_path, expiration=expiration)

    def _refuse(self, path: str, *, tree: bool = False) -> None:
        """Raise MlflowException if the path, or with `tree` what lies below it, is frozen."""
        what = f"Changing {path!r} in the artifact store"
        try:
            version = self._kept_for(path, tree=tree)
        except Exception as error:
            raise broken(what, error) from error
        if version is not None:
            raise forbidden(
                what,
                f"it is or holds files of version {version.version} of {version.name!r}, which "
                f"{version.by} promotes to {version.target}",
                "log the files in a new run and register a new version",
                rule="artifacts.frozen",
            )

    def _kept_for(self, path: str, *, tree: bool) -> PromotedVersion | None:
        there = place_of(f"{self.artifact_uri.rstrip('/')}/{path}")
        for version in promoted_versions(self.aims_registry(), Guard()):
            for kept in map(place_of, _locations(version.location, self.aims_tracking)):
                inside = there == kept or there.startswith(f"{kept}/")
                if inside or (tree and kept.startswith(f"{there}/")):
                    return version
        return None

    def _next(self, name: str) -> Any:
        return getattr(super(), name)


def _locations(location: str, tracking: Callable[[], Any]) -> list[str]:
    """Where a version's files lie, also those that MLflow finds through a run or logged model."""
    from mlflow.exceptions import MlflowException

    scheme, _, rest = location.partition(":/")
    if scheme not in ("runs", "models"):
        return [location]
    try:
        if scheme == "models":
            return [tracking().get_logged_model(rest).artifact_location]
        run_id, _, path = rest.partition("/")
        run = tracking().get_run(run_id)
        name = path.partition("/")[0]
        models = tracking().search_logged_models(
            [run.info.experiment_id],
            filter_string=f"source_run_id = '{run.info.run_id}'",
            max_results=1000,
        )
        logged = [model.artifact_location for model in models if model.name == name]
        return [f"{run.info.artifact_uri.rstrip('/')}/{path}", *logged]
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return []  # nobody can load it either
        raise


def place_of(location: str) -> str:
    """A location in one spelling, in lower case: not every store of files tells cases apart.

    What clients reach through the server's proxy becomes what the server itself keeps.
    """
    parts = urlsplit(location)
    if parts.scheme in ("http", "https") and _PROXY in parts.path:
        location = f"mlflow-artifacts:/{parts.path.partition(_PROXY)[2]}"
    location = server_location(location)
    parts = urlsplit(location)
    if parts.scheme == "file":
        location = unquote(parts.path)
    elif len(parts.scheme) > 1:
        path = posixpath.normpath(f"/{parts.path}").lstrip("/")
        return f"{parts.scheme}://{parts.netloc}/{path}".casefold()
    return Path(os.path.realpath(location)).as_posix().casefold()


_kinds: dict[type, type] = {}


def _frozen_kind(kind: type) -> type:
    if kind not in _kinds:
        _kinds[kind] = type(f"Frozen{kind.__name__}", (FrozenFiles, kind), {})
    return _kinds[kind]


def _file(folder: str | None, name: str) -> str:
    base = os.path.basename(name)  # noqa: PTH119  a name, not a path of this machine
    return posixpath.join(folder, base) if folder else base
