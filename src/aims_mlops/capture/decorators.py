"""`@aims.training` and `@aims.evaluation`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, overload

from aims_mlops.capture.state.settings import RunSettings
from aims_mlops.capture.wrapping import wrapped

P = ParamSpec("P")
R = TypeVar("R")

__all__ = ["evaluation", "training"]


@overload
def training(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def training(
    *,
    system: str | None = ...,
    name: str | None = ...,
    quality: bool = ...,
    bias: bool = ...,
    register: str | None = ...,
    mlflow: bool | None = ...,
    tags: Mapping[str, Any] | None = ...,
    licence: str | None = ...,
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def training(
    function: Callable[..., Any] | None = None,
    /,
    *,
    system: str | None = None,
    name: str | None = None,
    quality: bool = True,
    bias: bool = True,
    register: str | None = None,
    mlflow: bool | None = None,
    tags: Mapping[str, Any] | None = None,
    licence: str | None = None,
) -> Any:
    """Capture each call of a function as a training run; with or without arguments.

    Works on plain, async, generator and async generator functions, and on methods. The function
    behaves as before: same result, same exceptions. A table among the arguments is recorded as a
    dataset, a model that it returns as the model.

    Parameters
    ----------
    system : id of the AI system in aims.yaml.
    name : of the run; the function's qualified name if not given.
    quality, bias : False skips these measures.
    register : registers the captured model under this name, with MLflow.
    mlflow : False keeps away from MLflow; None follows AIMS_MLFLOW.
    tags : recorded with the run, secrets scrubbed.
    licence : of the models of this run, an SPDX identifier such as 'Apache-2.0' or other words.
    """
    return _decorator(
        function, "training", system, name, quality, bias, register, mlflow, tags, licence
    )


@overload
def evaluation(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def evaluation(
    *,
    system: str | None = ...,
    name: str | None = ...,
    quality: bool = ...,
    bias: bool = ...,
    register: str | None = ...,
    mlflow: bool | None = ...,
    tags: Mapping[str, Any] | None = ...,
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def evaluation(
    function: Callable[..., Any] | None = None,
    /,
    *,
    system: str | None = None,
    name: str | None = None,
    quality: bool = True,
    bias: bool = True,
    register: str | None = None,
    mlflow: bool | None = None,
    tags: Mapping[str, Any] | None = None,
) -> Any:
    """Capture each call of a function as an evaluation run; see `training`."""
    return _decorator(function, "evaluation", system, name, quality, bias, register, mlflow, tags)


def _decorator(
    function: Callable[..., Any] | None,
    activity: str,
    system: str | None,
    name: str | None,
    quality: bool,
    bias: bool,
    register: str | None,
    mlflow: bool | None,
    tags: Mapping[str, Any] | None,
    licence: str | None = None,
) -> Any:
    settings = RunSettings(
        activity=activity,
        system=system,
        name=name,
        quality=quality,
        bias=bias,
        register=register,
        mlflow=mlflow,
        tags=dict(tags or {}),
        licence=licence,
    )
    if function is not None:
        return wrapped(function, settings)

    def decorate(inner: Callable[..., Any]) -> Any:
        return wrapped(inner, settings)

    return decorate
