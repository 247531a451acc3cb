"""The built-in measures, brought in through the same hook as a third party's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from aims_mlops.measures.fingerprint.model_files import resolve_model as resolve_model
from aims_mlops.plugins import hookimpl

_MEASURES = {
    "bias": ("aims_mlops.measures.bias.measure", "measure_bias"),
    "performance": ("aims_mlops.measures.performance.measure", "measure_performance"),
    "data-quality": ("aims_mlops.measures.quality.measure", "measure_quality"),
    "drift": ("aims_mlops.measures.drift.measure", "measure_drift"),
}


class _OnFirstCall:
    """A measure whose module, and the libraries behind it, load when it is first called."""

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name
        self.__name__ = self.__qualname__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return getattr(import_module(self._module), self._name)(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<measure {self._module}.{self._name}>"


@hookimpl
def register_measures() -> Mapping[str, Callable[..., Any]]:
    """Bias, performance, data quality and drift, by the kind of evidence they give."""
    return {kind: _OnFirstCall(module, name) for kind, (module, name) in _MEASURES.items()}
