"""A model's signature, inferred from rows that the run has at hand or told by the model itself."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from aims_mlops.mlflow_plugin.saved_model.flavors import Flavor

if TYPE_CHECKING:
    from aims_mlops.capture.state.run_state import RunState

_TRIED_ROWS = 5  # shown to a network to see whether it takes them


def signature_of(run: RunState, model: Any, flavor: Flavor) -> Any:
    """An MLflow signature, or None where no captured dataset has the model's columns.

    Only names and types are kept of the rows. A `PythonModel` and a function are not called for
    it: nobody knows what they do; MLflow reads their type hints.
    """
    if flavor.name == "pyfunc":
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if flavor.name == "onnx":
            return _of_graph(model)
        if flavor.name == "spacy":
            return _of_text(model)
        sample = sample_of(run, model, flavor)
        if sample is None:
            return None
        from mlflow.models import infer_signature

        try:
            output = predicted(model, sample, flavor)
        except Exception:  # noqa: BLE001  a model that wants other inputs has half a signature
            output = None
        try:
            return _that_takes(run, model, flavor, sample, infer_signature(sample, output))
        except Exception:  # noqa: BLE001  types that MLflow has no name for
            return None


def sample_of(run: RunState, model: Any, flavor: Flavor) -> Any:
    """Rows of a captured dataset with the model's columns, in its order; None without any."""
    samples = [
        _plain(entry.sample)
        for entry in sorted(run.datasets, key=lambda entry: entry.about.role != "train")
        if entry.sample is not None
    ]
    if flavor.name in ("pytorch", "keras"):
        return next((s for s in samples if _takes(model, s, flavor)), None)
    names, count = _names_of(model, flavor), _count_of(model)
    if names is not None:
        for sample in samples:
            if set(names) <= {str(c) for c in getattr(sample, "columns", ())}:
                return sample[list(names)]
    if count is not None:
        for sample in samples:
            if not hasattr(sample, "columns") and sample.ndim == 2 and sample.shape[1] == count:
                return sample
    if names is None and count is None:  # a model of one's own, which tells neither
        return next((s for s in samples if _takes(model, s, flavor)), None)
    return None


def predicted(model: Any, sample: Any, flavor: Flavor) -> Any:
    """What the model says of a few rows, called as its flavor calls it; nothing of it changes."""
    if flavor.name == "pytorch":
        return _forward(model, sample)
    if flavor.name == "keras":
        import keras

        return keras.ops.convert_to_numpy(model(_numbers(sample), training=False))
    if flavor.name == "xgboost" and type(model).__name__ == "Booster":
        import xgboost

        return model.predict(xgboost.DMatrix(sample, enable_categorical=True))
    return model.predict(sample)


def _plain(sample: Any) -> Any:
    """A sample as pandas or NumPy."""
    if hasattr(sample, "iloc") or hasattr(sample, "__array_interface__"):
        return sample
    return sample.to_pandas()


def _names_of(model: Any, flavor: Flavor) -> list[str] | None:
    """Names of a model's inputs, as its library keeps them."""
    found: Any = None
    if flavor.name == "prophet":
        found = ["ds", *model.extra_regressors]
    elif flavor.name == "statsmodels":
        inner = getattr(model, "model", None)
        design = getattr(getattr(inner, "data", None), "model_spec", None) or getattr(
            getattr(inner, "data", None), "design_info", None
        )
        found = _variables(design) if design is not None else getattr(inner, "exog_names", None)
    else:
        for name in ("feature_names_in_", "feature_names_", "feature_name", "feature_names"):
            found = getattr(model, name, None)
            found = found() if callable(found) else found
            if found is not None:
                break
    return None if found is None else [str(name) for name in found]


def _variables(design: Any) -> list[str] | None:
    """Columns that a formula names."""
    required = getattr(design, "required_variables", None)
    if required is not None:
        return sorted(str(name) for name in required)
    names = {
        factor.code
        for term in getattr(design, "terms", ())
        for factor in getattr(term, "factors", ())
        if str(factor.code).isidentifier()
    }
    return sorted(names) or None


def _count_of(model: Any) -> int | None:
    for name in ("n_features_in_", "num_features", "num_feature"):
        found = getattr(model, name, None)
        if callable(found):
            found = found()
        if isinstance(found, int):
            return found
    exog = getattr(getattr(model, "model", None), "exog", None)
    if exog is not None:
        return int(exog.shape[1])
    names = getattr(model, "feature_names_", None)
    return None if names is None else len(names)


def _takes(model: Any, sample: Any, flavor: Flavor) -> bool:
    try:
        predicted(model, sample[:_TRIED_ROWS], flavor)
    except Exception:  # noqa: BLE001  rows of something else, such as the labels
        return False
    return True


def _numbers(sample: Any) -> Any:
    import numpy as np

    values = np.asarray(sample)
    return values.astype(np.float32) if hasattr(sample, "columns") else values


def _forward(model: Any, sample: Any) -> Any:
    """A network's output in evaluation mode; its own mode is put back."""
    import torch

    modes = [(part, part.training) for part in model.modules()]
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    try:
        model.eval()
        with torch.no_grad():
            return model(torch.as_tensor(_numbers(sample)).to(device)).cpu().numpy()
    finally:
        for part, training in modes:
            part.training = training


def _that_takes(run: RunState, model: Any, flavor: Flavor, sample: Any, signature: Any) -> Any:
    """The signature, without its inputs if MLflow would refuse the very training rows by them.

    It calls a pandas category a string, and then takes no category for one; and no type that it
    has leaves a category what it is. The record of the model says names and types all the same.
    """
    from mlflow.models import ModelSignature
    from mlflow.models.utils import _enforce_schema

    if signature.inputs is None or not hasattr(sample, "columns"):
        return signature
    rows = sample[:_TRIED_ROWS]
    try:
        predicted(model, _enforce_schema(rows, signature.inputs), flavor)
    except Exception:  # noqa: BLE001  refused, or no longer what the model takes
        predicted(model, rows, flavor)  # it takes them as they are, so that it is MLflow's doing
    else:
        return signature
    if run.describing is not None:
        run.describing.inputs = [
            {"name": str(name), "type": str(kind), "required": True}
            for name, kind in sample.dtypes.items()
        ]
    return ModelSignature(None, signature.outputs, signature.params) if signature.outputs else None


def _of_graph(model: Any) -> Any:
    """What the graph of an ONNX model says of its inputs and outputs."""
    import onnx
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    def specs(values: Any) -> Any:
        found: list[Any] = []
        for value in values:
            tensor = value.type.tensor_type
            if not tensor.elem_type:
                return None  # a map or sequence, such as the probabilities of a ZipMap
            shape = [d.dim_value if d.dim_value else -1 for d in tensor.shape.dim]
            kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
            found.append(TensorSpec(kind, tuple(shape or [-1]), value.name))
        return Schema(found)

    try:
        inputs = specs(model.graph.input)
        return None if inputs is None else ModelSignature(inputs, specs(model.graph.output))
    except Exception:  # noqa: BLE001  types that MLflow has no name for
        return None


def _of_text(model: Any) -> Any:
    """Text in; out come the categories of a spaCy pipeline, of which MLflow predicts nothing else.

    The pipeline is asked about a text of ours, and only the names of its categories are kept.
    """
    import pandas as pd
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import ColSpec, Schema

    inputs = Schema([ColSpec("string", "text")])
    try:
        categories = dict(model("text").cats)
        answer = pd.DataFrame({"predictions": [categories]}) if categories else None
        outputs = infer_signature(pd.DataFrame({"text": ["text"]}), answer).outputs
    except Exception:  # noqa: BLE001  components that want more than a text
        outputs = None
    return ModelSignature(inputs, outputs)
