"""A pyfunc model of MLflow whose predictions are logged, used like the model itself."""

from __future__ import annotations

from typing import Any

from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.inference_log.serving.decorator import monitored


class MonitoredModel:
    """Stands before a pyfunc model: `predict` is logged, everything else is the model's own."""

    def __init__(
        self,
        model: Any,
        *,
        system: str,
        reference: ModelReference | str | None = None,
        target: str | None = None,
    ) -> None:
        self._model = model

        @monitored(system=system, model=reference, target=target)
        def logged(data: Any, params: dict[str, Any] | None) -> Any:
            return model.predict(data) if params is None else model.predict(data, params=params)

        self._logged: Any = logged

    def predict(
        self, data: Any, params: dict[str, Any] | None = None, *, request_id: str | None = None
    ) -> Any:
        """What the model predicts. request_id : to log it under; see `aims.request_id()`."""
        return self._logged(data, params, request_id=request_id)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


def monitored_pyfunc(
    model: Any,
    *,
    system: str,
    reference: ModelReference | str | None = None,
    target: str | None = None,
) -> MonitoredModel:
    """A pyfunc model whose predictions go to the inference log of a system.

    model : what `mlflow.pyfunc.load_model` gave, or a URI or path to load.
    reference : what its digest is taken from; `model` itself if that is a URI or path.
    """
    if isinstance(model, str):
        import mlflow

        reference = reference or model
        model = mlflow.pyfunc.load_model(model)
    return MonitoredModel(model, system=system, reference=reference, target=target)
