"""A model's own settings, as its library keeps them: what scikit-learn calls its parameters."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from aims_mlops.capture.arguments.parameters import Parameters


def parameters_of(model: Any) -> Mapping[str, Any]:
    """{name: scalar} of a model's settings; empty where its library keeps none.

    Settings only: neither what was learned, nor anything of the rows it was learned from.
    """
    found = Parameters()
    get_params = getattr(model, "get_params", None)
    if callable(get_params):
        found.add_all(get_params())
        return found.values
    for kind in type(model).__mro__:
        read = _READERS.get((kind.__module__.partition(".")[0], kind.__name__))
        if read is not None:
            found.add_all(read(model))
            break
    return found.values


def _xgboost(model: Any) -> dict[str, Any]:
    """The leaves of the learner's configuration, by the last two parts of their path."""
    found: dict[str, Any] = {}

    def walk(value: Any, path: tuple[str, ...]) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                walk(item, (*path, str(key)))
        elif isinstance(value, str | int | float):
            found[".".join(path[-2:])] = value

    walk(json.loads(model.save_config())["learner"], ())
    return {**found, "num_boosted_rounds": model.num_boosted_rounds()}


def _lightgbm(model: Any) -> dict[str, Any]:
    return {**model.params, "num_trees": model.num_trees()}


def _statsmodels(model: Any) -> dict[str, Any]:
    inner = model.model
    found = {
        "model": type(inner).__name__,
        "formula": getattr(inner, "formula", None),
        "cov_type": getattr(model, "cov_type", None),
        "method": getattr(model, "method", None) or getattr(inner, "method", None),
        "observations": getattr(model, "nobs", None),
    }
    return {name: value for name, value in found.items() if _is_scalar(value)}


def _torch(model: Any) -> dict[str, Any]:
    sizes = [(part.numel(), part.requires_grad) for part in model.parameters()]
    own = getattr(model, "hparams", None)  # of Lightning
    return {
        "modules": len(list(model.modules())),
        "weights": sum(size for size, _ in sizes),
        "trainable_weights": sum(size for size, trained in sizes if trained),
        **({str(k): v for k, v in own.items() if _is_scalar(v)} if own else {}),
    }


def _keras(model: Any) -> dict[str, Any]:
    optimizer = getattr(model, "optimizer", None)
    settings = optimizer.get_config() if optimizer is not None else {}
    return {
        "layers": len(model.layers),
        "weights": model.count_params(),
        **{f"optimizer.{k}": v for k, v in settings.items() if _is_scalar(v)},
    }


def _transformers(model: Any) -> dict[str, Any]:
    settings = model.model.config.to_diff_dict()
    scalars = {name: value for name, value in settings.items() if _is_scalar(value)}
    return {"task": model.task, "model": type(model.model).__name__, **scalars}


def _onnx(model: Any) -> dict[str, Any]:
    return {
        "ir_version": model.ir_version,
        "producer": f"{model.producer_name} {model.producer_version}".strip(),
        "nodes": len(model.graph.node),
        "opsets": {item.domain or "ai.onnx": item.version for item in model.opset_import},
    }


def _spacy(model: Any) -> dict[str, Any]:
    return {
        "lang": model.lang,
        "pipeline": list(model.pipe_names),
        "version": model.meta["version"],
    }


_PROPHET = (
    "growth", "n_changepoints", "changepoint_range", "yearly_seasonality", "weekly_seasonality",
    "daily_seasonality", "seasonality_mode", "seasonality_prior_scale", "holidays_prior_scale",
    "changepoint_prior_scale", "mcmc_samples", "interval_width", "uncertainty_samples",
)  # fmt: skip


def _prophet(model: Any) -> dict[str, Any]:
    return {name: getattr(model, name, None) for name in _PROPHET}


def _spark(model: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for index, stage in enumerate(getattr(model, "stages", [model])):
        for parameter, value in stage.extractParamMap().items():
            if _is_scalar(value):
                found[f"{index}.{type(stage).__name__}.{parameter.name}"] = value
    return found


def _python_model(model: Any) -> dict[str, Any]:
    """Numbers and truth values that it carries, such as a threshold; texts may be anything."""
    return {n: v for n, v in vars(model).items() if isinstance(v, bool | int | float)}


def _is_scalar(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


_READERS: dict[tuple[str, str], Callable[[Any], dict[str, Any]]] = {
    ("xgboost", "Booster"): _xgboost,
    ("lightgbm", "Booster"): _lightgbm,
    ("statsmodels", "Results"): _statsmodels,
    ("statsmodels", "ResultsWrapper"): _statsmodels,
    ("transformers", "Pipeline"): _transformers,
    ("torch", "Module"): _torch,
    ("keras", "Model"): _keras,
    ("onnx", "ModelProto"): _onnx,
    ("spacy", "Language"): _spacy,
    ("prophet", "Prophet"): _prophet,
    ("pyspark", "Model"): _spark,
    ("mlflow", "PythonModel"): _python_model,
}
