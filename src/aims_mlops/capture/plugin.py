"""The built-in captures, brought in through the same hooks as a third party's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Evidence
from aims_mlops.plugins import hookimpl

if TYPE_CHECKING:
    from aims_mlops.capture.state.captured import CapturedDataset
    from aims_mlops.capture.state.run_state import RunState


@hookimpl
def collect_run_evidence(run: RunState) -> Iterable[Evidence]:
    """Environment, code, parameters, datasets, quality, models, checks and model cards.

    Each kind fails on its own; the run's own record is written by the recorder, last.
    """
    from aims_mlops.capture.environment import environment
    from aims_mlops.capture.facts.card import card_facts
    from aims_mlops.capture.facts.code import code_of
    from aims_mlops.capture.facts.overlap import with_overlaps
    from aims_mlops.capture.state.gaps import guarded
    from aims_mlops.capture.state.statement import statement

    found: list[Evidence] = []
    code = {"commit": None, "dirty": None, "remote": None, "source_sha256": None}
    with guarded(run, "environment"):
        found.append(statement(run, "environment", environment()))
    with guarded(run, "code"):
        code = code_of(run)
        found.append(statement(run, "code", code))
    with guarded(run, "parameters"):
        body = {"parameters": run.parameters.values, "left_out": run.parameters.left_out}
        found.append(statement(run, "parameters", body))
    for entry in run.datasets:
        found.append(statement(run, "dataset", _dataset(run, entry), entry.subject))
        if (quality := with_overlaps(run, entry)) is not None:
            found.append(statement(run, "data-quality", quality, entry.subject))
    # What an evaluation only names was described by the run that made it, and better.
    models = [model for model in run.models if not model.named or run.activity == "training"]
    for model in models:
        with guarded(run, f"model {model.name}"):
            found.append(statement(run, "model", model.body(run.datasets), model.reference.subject))
    for check in run.checks:
        subjects = () if check.dataset is None else (check.dataset.subject,)
        found.append(statement(run, check.kind, check.body(), *subjects))
    for model in models:
        with guarded(run, f"model-card of {model.name}"):
            facts = card_facts(run, model, code)
            found.append(statement(run, "model-card", facts, model.reference.subject))
    return found


def _why_not_registered(run: RunState) -> tuple[str, str]:
    """What really stood in the way of MLflow, and what helps."""
    from importlib.util import find_spec

    if find_spec("mlflow") is None:
        again = "and train again: the model itself is kept nowhere"
        return "no MLflow", f"pip install 'aims-mlops[mlflow]' {again}"
    if any("save_model" in gap.where for gap in run.gaps):
        return "an error of MLflow, in a gap of its own", "see that gap"
    if "mlflow_run" in run.links:
        return (
            "a model that no flavor of MLflow takes",
            "return it inside an mlflow.pyfunc.PythonModel",
        )
    return "MLflow is switched off for this run", "leave AIMS_MLFLOW and mlflow= unset"


def _dataset(run: RunState, entry: CapturedDataset) -> dict[str, Any]:
    from aims_mlops.capture.facts.wide import COLUMNS_LIMIT, kept_details, shortened
    from aims_mlops.capture.state.gaps import guarded

    body = entry.body()
    if len(body["columns"]) <= COLUMNS_LIMIT:
        return body
    short = shortened(body)
    with guarded(run, f"columns of dataset {entry.about.name}"):
        short["details"] = kept_details(body)
    return short


@hookimpl(tryfirst=False, trylast=True)
def save_model(run: RunState, model: object, name: str) -> ModelReference | None:
    """Without a place that keeps models: the digest of the model's pickle, and nothing written."""
    from aims_mlops.capture.facts.models import pickled
    from aims_mlops.capture.state.gaps import note
    from aims_mlops.errors import InputError

    if run.settings.register is not None:
        got, next_step = _why_not_registered(run)
        alone = InputError(
            f"model {name!r} is not registered as {run.settings.register!r}",
            got=got,
            next_step=next_step,
        )
        note(run, f"registration of model {name}", alone)
    reference = pickled(model, name)
    if run.describing is not None:
        run.describing.register_as = run.settings.register
        run.describing.content = "pickle (protocol 5), not kept"
    return reference
