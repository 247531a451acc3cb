"""What MLflow loads by entry point; every one is loaded at `import mlflow`, so nothing is here.

Anything but ImportError or AttributeError raised at import would keep MLflow from being imported.
"""

from __future__ import annotations

from typing import Any


def build_registry_store(store_uri: str, tracking_uri: str | None = None) -> Any:
    """The registry behind `aims://<real uri>`, with the gate in front of it."""
    from aims_mlops.mlflow_plugin.registry.building import gated_registry

    return gated_registry(store_uri)


def build_tracking_store(store_uri: str, artifact_uri: str | None = None) -> Any:
    """The tracking store behind `aims://<real uri>`, which turns ended runs into evidence."""
    from aims_mlops.mlflow_plugin.tracking.store import captured_tracking

    return captured_tracking(store_uri, artifact_uri)
