"""aims-mlops: evidence, impact-assessment gates and drift monitoring for ML pipelines.

    import aims_mlops as aims

The names below are loaded on first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aims_mlops import errors as errors
    from aims_mlops.capture.context import run as run
    from aims_mlops.capture.current import current_run as current_run
    from aims_mlops.capture.dataset import dataset as dataset
    from aims_mlops.capture.decorators import evaluation as evaluation
    from aims_mlops.capture.decorators import training as training
    from aims_mlops.gates.service import gate as gate
    from aims_mlops.measures.bias.measure import measure_bias as measure_bias
    from aims_mlops.measures.drift.measure import measure_drift as measure_drift
    from aims_mlops.measures.fingerprint.table import fingerprint as fingerprint
    from aims_mlops.measures.performance.measure import measure_performance as measure_performance
    from aims_mlops.measures.quality.measure import measure_quality as measure_quality

__all__ = [
    "current_run",
    "dataset",
    "errors",
    "evaluation",
    "fingerprint",
    "gate",
    "measure_bias",
    "measure_drift",
    "measure_performance",
    "measure_quality",
    "run",
    "training",
]

# public name -> module that defines it; the name is the same there
_HOME = {
    "current_run": "aims_mlops.capture.current",
    "dataset": "aims_mlops.capture.dataset",
    "evaluation": "aims_mlops.capture.decorators",
    "fingerprint": "aims_mlops.measures.fingerprint.table",
    "gate": "aims_mlops.gates.service",
    "measure_bias": "aims_mlops.measures.bias.measure",
    "measure_drift": "aims_mlops.measures.drift.measure",
    "measure_performance": "aims_mlops.measures.performance.measure",
    "measure_quality": "aims_mlops.measures.quality.measure",
    "run": "aims_mlops.capture.context",
    "training": "aims_mlops.capture.decorators",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib import metadata

        return metadata.version("aims-mlops")
    if name == "errors":
        return importlib.import_module("aims_mlops.errors")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
