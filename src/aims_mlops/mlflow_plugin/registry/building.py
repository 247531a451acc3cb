"""Which store of MLflow stands behind an `aims://` URI, and the gate put in front of it."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlsplit

from aims_mlops.evidence.urls import without_credentials
from aims_mlops.mlflow_plugin.registry.gated_registry import GatedRegistry

PREFIX = "aims://"
_NO_FOLDERS = ("", "databricks", "databricks-uc", "uc")  # what MLflow itself takes for a registry


def gated_registry(store_uri: str) -> Any:
    """The store of MLflow for the URI behind `aims://`, gated.

    Raises MlflowException for a URI that MLflow's open-source registry does not know.
    """
    from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES
    from mlflow.exceptions import MlflowException
    from mlflow.store.db.db_types import DATABASE_ENGINES

    real = store_uri.removeprefix(PREFIX)
    scheme = urlsplit(real).scheme.partition("+")[0]
    if scheme in DATABASE_ENGINES:
        from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore
        from mlflow.store.model_registry.sqlalchemy_workspace_store import (
            WorkspaceAwareSqlAlchemyStore,
        )

        from aims_mlops.mlflow_plugin.registry.orm_backstop import stand_behind

        _not_the_log(real)
        enabled: Any = MLFLOW_ENABLE_WORKSPACES
        workspaces = enabled.get()
        kind = WorkspaceAwareSqlAlchemyStore if workspaces else SqlAlchemyStore
        store = _gated(kind)(real)
        stand_behind(store, store.aims_guard)
    elif scheme in ("http", "https"):
        from mlflow.store.model_registry.rest_store import RestStore
        from mlflow.utils.credentials import get_default_host_creds

        store = _gated(RestStore)(partial(get_default_host_creds, real))
    elif scheme in ("", "file") and real not in _NO_FOLDERS:
        from mlflow.store.model_registry.file_store import FileStore

        store = _gated(FileStore)(real)
    else:
        raise MlflowException.invalid_parameter_value(
            f"aims:// has no registry behind it: got {without_credentials(real)!r}; expected such "
            "as aims://sqlite:///mlflow.db, aims://postgresql://…, aims://https://… or a folder"
        )
    store.aims_uri = without_credentials(real)
    return store


def _gated(kind: type) -> Any:
    return type(kind.__name__, (GatedRegistry, kind), {})  # MLflow says the name in messages


def _not_the_log(real: str) -> None:
    """The log of evidence is locked while a promotion is written, so it needs its own file."""
    from mlflow.exceptions import MlflowException

    from aims_mlops.inventory.project import find_project

    if real.startswith("sqlite") and real == find_project().store_url:
        raise MlflowException.invalid_parameter_value(
            "the registry and the log of evidence are the same SQLite file; give the log a file of "
            "its own with AIMS_STORE_URL or `store` in aims.yaml"
        )
