"""The servers and the organisation of the gate's tests, and a reconciliation of their registry."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_NAME = "gate_servers_for_reconcile"


def _gate_conftest() -> Any:
    if _NAME not in sys.modules:
        path = Path(__file__).parents[1] / "gate" / "conftest.py"
        spec = importlib.util.spec_from_file_location(_NAME, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[_NAME] = module
        spec.loader.exec_module(module)
    return sys.modules[_NAME]


_gate = _gate_conftest()
base_database = _gate.base_database
session_organisation = _gate.session_organisation
organisation = _gate.organisation
start_server = _gate.start_server
gated = _gate.gated


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            for text in _gate._WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(text))


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
