"""`mlflow.models.evaluate` as evidence: performance with intervals, and bias between groups.

MLflow runs every installed evaluator that can evaluate a model. This one measures the same rows
with our measures and records them as an evaluation of the model's very content. It changes nothing
of MLflow's own result.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aims_mlops.capture.run import Run

_TASKS = {"classifier": None, "regressor": "regression"}


class AimsEvaluator:
    """An evaluator of MLflow, by its methods; no base class, which would import all of MLflow.

    `evaluator_config` may hold `sensitive` (names of columns that groups are compared by),
    `system` (id of the AI system) and `positive_label`.
    """

    def can_evaluate(
        self, *, model_type: str | None, evaluator_config: Mapping[str, Any] | None, **_: Any
    ) -> bool:
        """Classifiers and regressors, where there is a project for the evidence to go to."""
        from aims_mlops.capture.state.settings import switched_off

        if model_type not in _TASKS or switched_off():
            return False
        config = evaluator_config or {}
        return "sensitive" in config or "system" in config or _is_project()

    def evaluate(
        self,
        *,
        model_type: str,
        dataset: Any,
        run_id: str,
        evaluator_config: Mapping[str, Any] | None,
        model: Any = None,
        predictions: Any = None,
        **_: Any,
    ) -> Any:
        """Record an evaluation; an empty result, to which MLflow adds its own."""
        from mlflow.models import evaluation

        from aims_mlops.capture.context import run as block
        from aims_mlops.capture.state.gaps import guarded

        config = dict(evaluator_config or {})
        about = {"model_type": model_type, "mlflow_run_evaluated": run_id}
        name = f"mlflow.evaluate {dataset.name}"
        recorded = block(name, activity="evaluation", system=config.get("system"), parameters=about)
        with recorded as run, guarded(run, "evaluation"):
            _measure(run, model, model_type, dataset, predictions, config)
        result: Any = evaluation.EvaluationResult
        return result(metrics={}, artifacts={})


def _measure(
    run: Run, model: Any, model_type: str, dataset: Any, predictions: Any, config: dict[str, Any]
) -> None:
    from aims_mlops.capture.facts.known_models import note_arguments

    features = dataset.features_data
    labels = dataset.labels_data
    run.dataset(_with_labels(features, labels), str(dataset.name), role="evaluation")
    if model is not None:
        note_arguments(run, {"model": model})
    if labels is None:
        return
    score = None
    if model is None:
        predicted = dataset.predictions_data
    else:
        predicted = _column(model.predict(features), predictions)
        if model_type == "classifier":
            score = _score(model, features)
    about: dict[str, Any] = {}
    if (task := _TASKS[model_type]) is not None:
        about["task"] = task
    if "positive_label" in config:
        about["positive_label"] = config["positive_label"]
    names = config.get("sensitive")
    sensitive = None
    if names is not None:
        listed = [names] if isinstance(names, str) else list(names)
        sensitive = {name: features[name] for name in listed}
    run.check(y_true=labels, y_pred=predicted, y_score=score, sensitive=sensitive, **about)


def _with_labels(features: Any, labels: Any) -> Any:
    """The rows as they were evaluated: the label beside the features, in a copy."""
    if labels is None or not hasattr(features, "assign"):
        return features
    name = "label"
    while name in features.columns:
        name = f"_{name}"
    return features.assign(**{name: labels})


def _column(predicted: Any, predictions: Any) -> Any:
    if hasattr(predicted, "columns"):
        name = predictions if isinstance(predictions, str) else predicted.columns[0]
        return predicted[name]
    return predicted


def _score(model: Any, features: Any) -> Any:
    """Scores of the positive class of two, from the model that MLflow wraps, if it has them."""
    try:
        probabilities = model.get_raw_model().predict_proba(features)
    except Exception:  # noqa: BLE001  most flavors have none, and labels alone can be measured
        return None
    return probabilities if getattr(probabilities, "shape", (0, 0))[1] == 2 else None


def _is_project() -> bool:
    """Whether somebody said where evidence goes; MLflow runs this wherever it is installed."""
    from aims_mlops.capture.state.current import active_run
    from aims_mlops.errors import AimsError
    from aims_mlops.inventory.project import STORE_VARIABLE, find_project

    if active_run() is not None or os.environ.get(STORE_VARIABLE):
        return True
    try:
        return find_project().path is not None
    except AimsError:
        return True  # a project that cannot be read shows as a gap of the run
