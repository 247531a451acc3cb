"""Whether a model in memory is what its metadata says it was loaded from."""

from __future__ import annotations

import warnings
from typing import Any

from aims_mlops.capture.facts.model_state import state_of
from aims_mlops.errors import VerificationError
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.mlflow_plugin.client.model_uris import resolve

_SET_BY_PREDICT = ("input_schema", "params_schema")


def reference_of_loaded(model: Any) -> ModelReference | None:
    """The reference of a model that was loaded through `mlflow.pyfunc`; None for any other.

    What the object says of itself is a claim: the model it names is loaded once more, and both
    must be in the same state. Raises VerificationError where that cannot be shown.
    """
    model_id = getattr(getattr(model, "metadata", None), "model_id", None)
    if not isinstance(model_id, str):
        return None
    import mlflow.pyfunc

    uri = f"models:/{model_id}"
    if type(model) is not mlflow.pyfunc.PyFuncModel:
        raise _not_shown(uri, "an object of another class than MLflow loads")
    found = resolve(uri)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = mlflow.pyfunc.load_model(uri)
    given, fresh = _parts(model), _parts(again)
    for form in (state_of, _written):
        said = form(given)
        if said is not None and said == form(fresh):
            return found
    raise _not_shown(uri, "an object that differs from the model when it is loaded again")


def _parts(model: Any) -> dict[str, Any]:
    """What the object consists of, without what each prediction sets anew from the rest."""
    return {name: part for name, part in vars(model).items() if name not in _SET_BY_PREDICT}


def _written(model: Any) -> bytes | None:
    """As MLflow would write it, with classes that only the model's own file has."""
    import cloudpickle

    try:
        return bytes(cloudpickle.dumps(model))
    except Exception:  # noqa: BLE001  what cannot be written cannot be shown to be the same
        return None


def _not_shown(uri: str, got: str) -> VerificationError:
    return VerificationError(
        f"an evaluated model says that it is {uri[:80]!r}, and this could not be shown",
        got=got,
        expected="the model as MLflow loads it, unchanged",
        next_step="evaluate what mlflow.pyfunc.load_model returns, as it is; the figures were "
        "recorded for the object that was given",
    )
