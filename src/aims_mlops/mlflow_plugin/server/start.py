"""What has to hold before an MLflow server may start as a gated one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aims_mlops.errors import InputError
from aims_mlops.inventory.project import FILE_NAME, PROJECT_VARIABLE, find_project

APP_VARIABLE = "AIMS_MLFLOW_APP"
PREFIX = "aims://"
_BASIC_AUTH = "basic-auth"


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Where a server keeps runs and registry. None: MLflow's own default."""

    backend: str | None
    registry: str | None
    workspaces: bool
    artifacts_only: bool

    @classmethod
    def of_command(cls, params: Mapping[str, Any]) -> ServerOptions:
        """From the options of `mlflow server`."""
        return cls(
            backend=params.get("backend_store_uri"),
            registry=params.get("registry_store_uri") or params.get("backend_store_uri"),
            workspaces=_is_on(os.environ.get("MLFLOW_ENABLE_WORKSPACES")),
            artifacts_only=bool(params.get("artifacts_only")),
        )

    @classmethod
    def of_environment(cls) -> ServerOptions:
        """From what the process that was called hands to its workers."""
        backend = os.environ.get("_MLFLOW_SERVER_FILE_STORE")
        return cls(
            backend=backend,
            registry=os.environ.get("_MLFLOW_SERVER_REGISTRY_STORE") or backend,
            workspaces=_is_on(os.environ.get("MLFLOW_ENABLE_WORKSPACES")),
            artifacts_only=_is_on(os.environ.get("_MLFLOW_SERVER_ARTIFACTS_ONLY")),
        )


def assert_gated(options: ServerOptions) -> None:
    """Raise InputError or DocumentError, saying what to do, unless the gate stands in the way.

    With workspaces MLflow itself takes no plugin for the runs, so that only the registry counts.
    """
    if options.artifacts_only:
        raise InputError(
            "a server of artifacts alone cannot tell which of them are promoted",
            got="--artifacts-only",
            next_step="let the gated server serve the artifacts: leave the option out",
        )
    _assert_prefixed("registry", "--registry-store-uri", options.registry)
    if not options.workspaces:
        _assert_prefixed("runs", "--backend-store-uri", options.backend)
    project = find_project()
    if project.path is None:
        raise InputError(
            f"there is no {FILE_NAME} that says what a promotion needs",
            got=f"nothing in {project.root} or above",
            next_step=f"set {PROJECT_VARIABLE} to its folder, or write one: aims init",
        )
    _assert_known(os.environ.get(APP_VARIABLE))


def prepare_inner_app() -> None:
    """What `mlflow server --app-name basic-auth` does before its workers start, done once here."""
    if os.environ.get(APP_VARIABLE) != _BASIC_AUTH:
        return
    from mlflow import server

    bootstrap = getattr(server, "_bootstrap_basic_auth", None)
    if bootstrap is not None:  # MLflow 3.17; before, each worker did it for itself
        bootstrap()
        os.environ["_MLFLOW_AUTH_ADMIN_BOOTSTRAPPED"] = "true"


def _assert_prefixed(what: str, option: str, uri: str | None) -> None:
    if uri is None or not uri.startswith(PREFIX):
        scheme = (uri or "MLflow's default").partition("://")[0]
        raise InputError(
            f"the store of the {what} is not gated",
            got=f"{option} {scheme}{'://…' if uri and '://' in uri else ''}",
            expected=f"{option} {PREFIX}…",
            next_step=f"put {PREFIX} in front of its address: {option} "
            f"{PREFIX}{scheme if uri and '://' in uri else 'sqlite'}://…",
        )


def _assert_known(inner: str | None) -> None:
    if not inner:
        return
    from mlflow.utils.plugins import get_entry_points

    names = sorted({entry.name for entry in get_entry_points("mlflow.app")} - {"aims"})
    if inner not in names:
        raise InputError(
            f"{APP_VARIABLE} names no app of MLflow",
            got=repr(inner)[:60],
            expected="one of " + (", ".join(names) or "none installed"),
        )


def _is_on(text: str | None) -> bool:
    return (text or "").strip().lower() in ("1", "true", "yes", "on")
