"""How MLflow writes a model: which flavor takes it, in which format, with which requirements."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from aims_mlops.capture.facts.model_state import goes_by_value, modules_of
from aims_mlops.capture.state.packages import installed_packages, packages_of

# library of a model's class, name of the class or * -> MLflow flavor, the argument it takes,
# packages that loading needs beside those that the model is made of
_FLAVORS: dict[tuple[str, str], tuple[str, str, tuple[str, ...]]] = {
    ("mlflow", "PythonModel"): ("pyfunc", "python_model", ("cloudpickle",)),
    ("transformers", "Pipeline"): ("transformers", "transformers_model", ("torch",)),
    ("xgboost", "*"): ("xgboost", "xgb_model", ()),
    ("lightgbm", "*"): ("lightgbm", "lgb_model", ("cloudpickle", "skops")),
    ("catboost", "*"): ("catboost", "cb_model", ()),
    ("torch", "Module"): ("pytorch", "pytorch_model", ("torch", "cloudpickle")),
    ("keras", "Model"): ("keras", "model", ()),
    ("statsmodels", "*"): ("statsmodels", "statsmodels_model", ()),
    ("prophet", "Prophet"): ("prophet", "pr_model", ()),
    ("spacy", "Language"): ("spacy", "spacy_model", ()),
    ("onnx", "ModelProto"): ("onnx", "onnx_model", ("onnx", "onnxruntime")),
    ("pyspark", "Model"): ("spark", "spark_model", ()),
    ("sklearn", "*"): ("sklearn", "sk_model", ("numpy", "scipy", "skops", "cloudpickle")),
}
_NAMESPACE = 3  # a module that more packages than this share names none of them


@dataclass(frozen=True, slots=True)
class Flavor:
    """A flavor of MLflow: its module's name, the argument it takes, what loading needs."""

    name: str
    argument: str
    needs: tuple[str, ...]


def flavor_of(model: Any) -> Flavor | None:
    """The flavor of the most derived class that one of the known libraries brings; else None."""
    if isinstance(model, types.FunctionType):
        return Flavor(*_FLAVORS[("mlflow", "PythonModel")])
    for kind in type(model).__mro__:
        library = kind.__module__.partition(".")[0]
        found = _FLAVORS.get((library, kind.__name__)) or _FLAVORS.get((library, "*"))
        if found is not None:
            return Flavor(*found)
    return None


def options_of(model: Any, flavor: Flavor, module: Any) -> dict[str, Any]:
    """The format in which the flavor is to write the model.

    scikit-learn's models in skops, which runs no code when it is loaded, where it can write them
    and every class can be imported elsewhere; else cloudpickle. Networks of torch as they are:
    the flavor's own format would write a trace of one example instead.
    """
    if "serialization_format" not in inspect.signature(module.save_model).parameters:
        return {}
    if flavor.name == "pytorch":
        return {"serialization_format": "pickle"}
    if not hasattr(model, "get_params"):
        return {}
    try:
        import skops.io as skops

        if own_modules(model):
            return {"serialization_format": "cloudpickle"}
        unknown = skops.get_untrusted_types(data=skops.dumps(model))
    except Exception:  # noqa: BLE001  whatever stops skops, cloudpickle may still do
        return {"serialization_format": "cloudpickle"}
    # The types that skops would ask about are those of the model that this process has just
    # fitted; they are listed in the MLmodel file.
    return {"serialization_format": "skops", "skops_trusted_types": unknown or None}


def requirements_of(model: Any, flavor: Flavor) -> list[str]:
    """Pinned requirements: the packages that the model is made of and that loading it needs.

    MLflow would load the model in a second process to find them, which takes seconds.
    """
    installed = installed_packages()
    names = set(flavor.needs)
    for module in _modules_of(model):
        packages = packages_of(module)
        if len(packages) <= _NAMESPACE:
            names.update(packages)
    if "keras" in names:
        names.update(packages_of(_backend_of_keras()))
    if "pandas" in installed:
        names.add("pandas")
    return [f"{name}=={installed[name]}" for name in sorted(names) if name in installed]


def own_modules(model: Any) -> set[str]:
    """Modules of the model that no package brings, so that no other process can import them."""
    return {module for module in _modules_of(model) if goes_by_value(module)}


@contextmanager
def taken_along(model: Any) -> Iterator[None]:
    """Have cloudpickle write what only this program has by value, as it does with `__main__`."""
    import cloudpickle

    added = []
    for name in own_modules(model):
        module = sys.modules.get(name)
        known = name in cloudpickle.list_registry_pickle_by_value()
        if module is not None and not known and name != "__main__":
            cloudpickle.register_pickle_by_value(module)
            added.append(module)
    try:
        yield
    finally:
        for module in added:
            cloudpickle.unregister_pickle_by_value(module)


def _modules_of(model: Any) -> set[str]:
    found = modules_of(model)
    if found is not None:
        return found
    parts = [model]
    get_params = getattr(model, "get_params", None)
    if callable(get_params):
        parts += [part for part in get_params().values() if hasattr(part, "get_params")]
    return {kind.__module__.partition(".")[0] for part in parts for kind in type(part).__mro__}


def _backend_of_keras() -> str:
    keras: Any = sys.modules.get("keras")
    return str(keras.backend.backend()) if keras is not None else ""
