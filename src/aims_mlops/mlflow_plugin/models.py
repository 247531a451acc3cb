"""A captured model in MLflow: logged once, with pinned requirements, and digested as it lies."""

from __future__ import annotations

import importlib
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from aims_mlops.capture.environment import installed_packages
from aims_mlops.capture.models import pickled
from aims_mlops.evidence.clock import read
from aims_mlops.evidence.models import ModelReference
from aims_mlops.mlflow_plugin.registry import digested, reference_of_version
from aims_mlops.mlflow_plugin.signatures import signature_of

if TYPE_CHECKING:
    from aims_mlops.capture.run import Run
    from aims_mlops.measures.files import FilesFingerprint
    from aims_mlops.mlflow_plugin.runs import Tie

_READ_BACK_BYTES = 50_000_000

# module of a model's class -> MLflow flavor, the name under which it takes the model
_FLAVORS = {
    "xgboost": ("xgboost", "xgb_model"),
    "lightgbm": ("lightgbm", "lgb_model"),
    "catboost": ("catboost", "cb_model"),
    "torch": ("pytorch", "pytorch_model"),
    "keras": ("keras", "model"),
    "statsmodels": ("statsmodels", "statsmodels_model"),
    "sklearn": ("sklearn", "sk_model"),
}


def logged(run: Run, tie: Tie, model: Any, name: str) -> ModelReference | None:
    """The model as MLflow holds it, logged now unless the user's code logged it during the run.

    None for a model that no flavor of MLflow takes.
    """
    with _quiet():
        return _reference(run, tie, model, name)


def _reference(run: Run, tie: Tie, model: Any, name: str) -> ModelReference | None:
    import mlflow

    client = mlflow.MlflowClient()
    reference: ModelReference | None = None
    for known in _logged_by_user(client, run, tie, name):
        with digested(known.artifact_location) as (found, folder):
            if _holds(folder, found.size, model):
                _describe(run, folder)
                reference = _reference_of(known, found, tie)
                break
    else:
        known = _log(client, run, tie, model, name)
        if known is None:
            return None
        with digested(known.artifact_location) as (found, folder):
            _describe(run, folder)
            reference = _reference_of(known, found, tie)
    if run.settings.register is not None:
        reference = _registered(run, client, known.model_id, reference)
    return reference


def _reference_of(known: Any, found: FilesFingerprint, tie: Tie) -> ModelReference:
    uri = f"models:/{known.model_id}"
    return ModelReference(
        uri=uri, sha256=found.sha256, files=found.files, source=uri, run=tie.run_id
    )


def _logged_by_user(client: Any, run: Run, tie: Tie, name: str) -> list[Any]:
    """The models logged to the MLflow run since our run began: of that name first, newest first."""
    outputs = client.get_run(tie.run_id).outputs
    ids = [output.model_id for output in (outputs.model_outputs if outputs else ())]
    began = int(read(run.started_at).timestamp() * 1000)
    taken = {entry.reference.uri for entry in run.models}
    found = [
        entry
        for entry in (client.get_logged_model(id_) for id_ in ids)
        if entry.creation_timestamp >= began and f"models:/{entry.model_id}" not in taken
    ]
    found.sort(key=lambda entry: (entry.name == name, entry.creation_timestamp))
    return found[::-1]


def _holds(folder: Path, size: int, model: Any) -> bool:
    """Whether a logged model is this one: another may have been logged in the same run.

    A scikit-learn model is read back, which is safe for what this process has just written, and
    compared. One of another flavor, or too large to be read again, is taken on trust.
    """
    flavor = _flavor_of(model)
    if flavor is None or flavor[0] != "sklearn" or size > _READ_BACK_BYTES:
        return True
    import mlflow.sklearn

    try:
        written = mlflow.sklearn.load_model(str(folder))
    except Exception:  # noqa: BLE001  what cannot be read back was written from something else
        return False
    if type(written) is not type(model):
        return False
    return bool(pickled(written, "model").sha256 == pickled(model, "model").sha256) or _alike(
        written, model
    )


def _alike(written: Any, model: Any) -> bool:
    """Whether two estimators have the same settings and fitted shapes, in print."""
    return repr(written) == repr(model) and _shapes(written) == _shapes(model)


def _shapes(model: Any) -> dict[str, str]:
    """Fitted attributes as text; pickles of equal models can differ, these do not."""
    return {
        name: f"{getattr(value, 'shape', '')}{value!r}"[:2000]
        for name, value in sorted(vars(model).items())
        if (name.endswith("_") and isinstance(value, int | float | str)) or hasattr(value, "shape")
    }


def _log(client: Any, run: Run, tie: Tie, model: Any, name: str) -> Any:
    flavor = _flavor_of(model)
    if flavor is None:
        return None
    flavor_name, argument = flavor
    module = importlib.import_module(f"mlflow.{flavor_name}")
    from mlflow.models import Model

    options = _format_of(model) if flavor_name == "sklearn" else {}
    entry = client.create_logged_model(
        experiment_id=tie.experiment_id, name=_model_name(name), source_run_id=tie.run_id
    )
    try:
        Model.log(
            artifact_path=None,
            flavor=module,
            model_id=entry.model_id,
            run_id=tie.run_id,
            signature=signature_of(run, model),
            pip_requirements=requirements_of(model),
            **{argument: model},
            **options,
        )
    except Exception:
        client.delete_logged_model(entry.model_id)  # nothing half-written stays
        raise
    return client.get_logged_model(entry.model_id)


def requirements_of(model: Any) -> list[str]:
    """Pinned requirements of the packages that a model's classes come from.

    MLflow would load the model in a second process to find them, which takes seconds.
    """
    installed = installed_packages()
    parts = [model]
    get_params = getattr(model, "get_params", None)
    if callable(get_params):
        parts += [part for part in get_params().values() if hasattr(part, "get_params")]
    modules = {kind.__module__.partition(".")[0] for part in parts for kind in type(part).__mro__}
    names = {"scikit-learn" if m == "sklearn" else m.replace("_", "-") for m in modules}
    if "scikit-learn" in names:
        names |= {"numpy", "scipy", "skops", "cloudpickle"}
    if "pandas" in installed:
        names.add("pandas")
    return [f"{name}=={installed[name]}" for name in sorted(names) if name in installed]


_turns = RLock()


def _flavor_of(model: Any) -> tuple[str, str] | None:
    """The flavor of the most derived class that one of the known libraries brings."""
    for kind in type(model).__mro__:
        library = kind.__module__.partition(".")[0]
        if library in _FLAVORS:
            return _FLAVORS[library]
    return None


def _format_of(model: Any) -> dict[str, Any]:
    """skops, which runs no code when it is loaded, where it can write the model; else cloudpickle.

    The types that skops would ask about are those of the model that this process has just
    fitted; they are listed in the MLmodel file.
    """
    try:
        import skops.io as skops

        unknown = skops.get_untrusted_types(data=skops.dumps(model))
    except Exception:  # noqa: BLE001  whatever stops skops, cloudpickle may still do
        return {"serialization_format": "cloudpickle"}
    return {"serialization_format": "skops", "skops_trusted_types": unknown or None}


def _describe(run: Run, folder: Path) -> None:
    """Read the signature back from what was written."""
    from mlflow.models import Model

    entry = run.describing
    if entry is None or not (folder / "MLmodel").is_file():
        return
    signature = Model.load(str(folder)).signature
    if signature is not None:
        entry.signature = {
            side: json.loads(schema) if isinstance(schema, str) else schema
            for side, schema in signature.to_dict().items()
        }


def _registered(run: Run, client: Any, model_id: str, found: ModelReference) -> ModelReference:
    name = str(run.settings.register)
    newest = client.search_model_versions(
        f"name = '{name}'", max_results=100, order_by=["version_number DESC"]
    )
    for version in newest:
        if version.model_id == model_id or version.source == f"models:/{model_id}":
            break  # the user's code has registered it
    else:
        version = _new_version(client, name, model_id, found.run)
    reference = reference_of_version(version, found)
    if run.describing is not None:
        registered: Mapping[str, Any] = {"name": version.name, "version": str(version.version)}
        run.describing.registered = registered
        run.describing.name = str(version.name)
    return reference


def _new_version(client: Any, name: str, model_id: str, run_id: str | None) -> Any:
    """What `mlflow.register_model` does, without its announcements."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"):
            raise
    return client.create_model_version(
        name, f"models:/{model_id}", run_id=run_id, await_creation_for=None, model_id=model_id
    )


def _model_name(name: str) -> str:
    """A name that MLflow takes for a logged model: without / : . % and quotes."""
    return "".join("-" if c in "/:.%\"'" else c for c in name) or "model"


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep MLflow's advice to itself: the user has not called what it is about.

    Filters belong to the process, so that threads have to take turns.
    """
    logger = logging.getLogger("mlflow")
    with _turns:
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            logger.setLevel(level)
