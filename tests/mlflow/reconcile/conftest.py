"""The servers and the organisation of the gate's tests, and a reconciliation of their registry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.mlflow_servers import base_database as base_database
from support.mlflow_servers import gated as gated
from support.mlflow_servers import mark_warnings
from support.mlflow_servers import organisation as organisation
from support.mlflow_servers import session_organisation as session_organisation
from support.mlflow_servers import start_server as start_server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mark_warnings(items, Path(__file__).parent)


@pytest.fixture
def reconcile(gated: Any, organisation: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Reconcile the gated server's registry over HTTP, as a scheduler does.

    Only differences about the given registered model come back: the server is shared by tests.
    """
    import mlflow
    from aims_mlops.mlflow_plugin.reconcile.reconcile import reconcile as run

    monkeypatch.setenv("AIMS_ACTOR", "dee")
    mlflow.set_tracking_uri(gated.url)

    def about(name: str, *, demote: bool = False) -> list[Any]:
        done = run(demote=demote)
        return [one for one in done.found if one.difference.held.name == name]

    yield about
    mlflow.set_tracking_uri(None)
