"""A model's signature, inferred from rows that the run has at hand."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aims_mlops.capture.run import Run


def signature_of(run: Run, model: Any) -> Any:
    """An MLflow signature, or None where no captured data set has the model's columns.

    Only names and types are kept of the rows.
    """
    sample = _inputs_of(run, model)
    if sample is None:
        return None
    from mlflow.models import infer_signature

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            output = model.predict(sample)
        except Exception:  # noqa: BLE001  a model that wants other inputs has half a signature
            output = None
        try:
            return infer_signature(sample, output)
        except Exception:  # noqa: BLE001  types that MLflow has no name for
            return None


def _inputs_of(run: Run, model: Any) -> Any:
    names = getattr(model, "feature_names_in_", None)
    count = getattr(model, "n_features_in_", None)
    for entry in run.datasets:
        sample = entry.sample
        if sample is None:
            continue
        columns = [str(c) for c in getattr(sample, "columns", ())]
        if names is not None:
            if set(names) <= set(columns):
                return sample[list(names)]
        elif count is not None and sample.shape[1] == count and not columns:
            return sample
    return None
