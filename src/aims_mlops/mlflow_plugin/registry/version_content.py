"""The content of a registered version, read where the server keeps it."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urlsplit

from aims_mlops.errors import ModelNotFoundError
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.mlflow_plugin.client.model_uris import (
    digested,
    local_folder,
    reference_of_version,
    stamp_of,
)

# Addresses that MLflow follows anew at each load. The triggers compare their text, so it has to
# have one spelling: urllib drops tabs, line ends and what is behind `?` and `#`.
_FOLLOWED = re.compile(r"(?:runs|models):/[^/?#\s\x00-\x20][^?#\x00-\x1f]*", re.ASCII)


def reference_of(store: Any, name: str, version: str, found: Any | None = None) -> ModelReference:
    """The reference of a version of a store, digested from its files.

    found : what the store said of the version just now.

    Raises ModelNotFoundError if the files are gone, MlflowException as the store does.
    """
    real = super_of(store)
    found = found or real("get_model_version")(name, version)
    location = real("get_model_version_download_uri")(name, version)
    content = _content(f"models:/{name}/{version}", location, store)
    return reference_of_version(found, content)


def reference_of_source(store: Any, name: str, source: str) -> ModelReference:
    """The same for a version that is still to be created from `source`."""
    location = source
    if source.startswith("models:/"):
        from mlflow.store.artifact.utils.models import _parse_model_uri

        import mlflow

        parsed: Any = _parse_model_uri(source)
        if parsed.model_id is not None:
            location = mlflow.MlflowClient().get_logged_model(parsed.model_id).artifact_location
        else:
            location = super_of(store)("get_model_version_download_uri")(
                parsed.name, parsed.version
            )
    content = _content(source, location, store)
    return ModelReference(
        uri=source,
        sha256=content.sha256,
        files=content.files,
        name=name,
        source=source,
        registry=content.registry,
    )


def file_marks(store: Any, name: str, version: str) -> tuple[tuple[str, int, int], ...]:
    """Path, size and time of change of each file of a version that lies on this machine.

    They tell whether a file was written between two looks without reading it again. Empty for
    files elsewhere, where only the digest tells.
    """
    location = super_of(store)("get_model_version_download_uri")(name, version)
    folder = local_folder(server_location(location)) if location else None
    if folder is None or not folder.exists():
        return ()
    marks = []
    for path in (folder, *folder.rglob("*")):
        found = path.lstat()
        marks.append((path.as_posix(), found.st_size, found.st_mtime_ns))
    return tuple(sorted(marks))


def created_at(version: Any) -> str | None:
    """When a version was created, as a reference says it."""
    return stamp_of(version.creation_timestamp)


def super_of(store: Any) -> Any:
    """Look a method of the real store up, behind the gate if there is one."""
    return getattr(store, "_next", None) or (lambda name: getattr(store, name))


def server_location(location: str) -> str:
    """Where the server itself keeps what clients reach as `mlflow-artifacts:`."""
    parts = urlsplit(location)
    destination = os.environ.get("_MLFLOW_SERVER_ARTIFACT_DESTINATION")
    if parts.scheme != "mlflow-artifacts" or not destination:
        return location
    return f"{destination.rstrip('/')}/{parts.path.strip('/')}"


def _content(uri: str, location: str | None, store: Any) -> ModelReference:
    if not location:
        raise ModelNotFoundError(f"{uri} has no files", next_step="register it from a run")
    if urlsplit(location).scheme in ("runs", "models") and not _FOLLOWED.fullmatch(location):
        raise ModelNotFoundError(
            f"the address of the files of {uri} is not plainly written",
            got=repr(location[:200]),
            expected="runs:/RUN/NAME or models:/ID",
            next_step="register a new version from such an address",
        )
    with digested(server_location(location)) as (found, _):
        if not found.files:
            raise ModelNotFoundError(
                f"the files of {uri} are gone", next_step="restore the artifacts"
            )
        registry = getattr(store, "aims_uri", "") or None
        return ModelReference(uri=uri, sha256=found.sha256, files=found.files, registry=registry)
