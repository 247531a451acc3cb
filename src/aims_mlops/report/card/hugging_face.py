"""The metadata block that Hugging Face reads at the top of a model card.

Source: huggingface/hub-docs, modelcard.md (front matter and `model-index`), and the licence
identifiers of the Hub's documentation, "Licenses". Only what evidence says is written; a licence
that is not recorded is `unknown`, which is an identifier of that list.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

from aims_mlops.report.card.card import ModelCard
from aims_mlops.report.card.facts import newest
from aims_mlops.report.card.measures import Measured
from aims_mlops.report.render import reading
from aims_mlops.report.render.visible import one_line

# Our measures' names (scikit-learn's) to the Hub's metric ids, where they differ.
_METRICS = {
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
    "root_mean_squared_error": "rmse",
    "r2": "r_squared",
    "matthews_corrcoef": "matthews_correlation",
    "brier_score_loss": "brier_score",
}
_TASKS = {
    "binary": "tabular-classification",
    "multiclass": "tabular-classification",
    "classification": "tabular-classification",
    "regression": "tabular-regression",
}
_LIBRARIES = {"scikit-learn": "sklearn", "torch": "pytorch"}


def metadata(card: ModelCard) -> dict[str, Any]:
    """The front matter as a dict; every key is one that the Hub documents."""
    measured = [entry for entry in card.performance if _metrics(entry)]
    found: dict[str, Any] = {"license": _licence(card)}
    library = _library(card)
    if library:
        found["library_name"] = library
    tags = [_slug(tag) for tag in (_task(measured[0]) if measured else None, library) if tag]
    found["tags"] = [*dict.fromkeys([*tags, "aims-mlops"])]
    names = [_slug(data.name) for data in card.datasets if data.name]
    if names:
        found["datasets"] = [*dict.fromkeys(name for name in names if name)]
    metrics = [metric["type"] for entry in measured for metric in _metrics(entry)]
    if metrics:
        found["metrics"] = [*dict.fromkeys(metrics)]
        results = [_result(card, entry) for entry in measured]
        found["model-index"] = [{"name": _slug(card.title) or "model", "results": results}]
    return found


def front_matter(card: ModelCard) -> str:
    """The metadata between its two lines of dashes, as YAML."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 10_000  # a folded text could begin a line with the dashes that end the block
    out = io.StringIO()
    yaml.dump(metadata(card), out)
    return f"---\n{out.getvalue()}---\n"


def _result(card: ModelCard, entry: Measured) -> dict[str, Any]:
    task = _task(entry) or "other"
    data = next((d for d in card.datasets if entry.dataset in (d.name, d.sha256)), None)
    name = (data.name if data else None) or entry.dataset or "not recorded"
    dataset: dict[str, Any] = {"type": _slug(name) or "not-recorded", "name": one_line(name)}
    if data is not None and data.role:
        dataset["split"] = one_line(data.role)
    if data is not None and data.sha256:
        dataset["args"] = {"sha256": data.sha256}
    return {
        "task": {"type": task, "name": task.replace("-", " ").capitalize()},
        "dataset": dataset,
        "metrics": _metrics(entry),
    }


def _metrics(entry: Measured) -> list[dict[str, Any]]:
    """Overall figures with a value; the interval goes into the name, for which the Hub has room."""
    found = []
    for figure in entry.overall:
        if figure.value is None:
            continue
        name = one_line(figure.measure)
        if figure.low is not None and figure.high is not None:
            name += f" (interval {figure.low:.4g} to {figure.high:.4g})"
        plain = figure.measure.removesuffix("_score")
        kind = _slug(_METRICS.get(figure.measure) or _METRICS.get(plain) or plain)
        found.append({"type": kind or "other", "value": figure.value, "name": name})
    return found


def _task(entry: Measured) -> str | None:
    return _TASKS.get(entry.task or "", _slug(entry.task) if entry.task else None)


def _library(card: ModelCard) -> str | None:
    fact = next((fact for fact in card.details if fact.label == "Framework"), None)
    if fact is None or fact.text is None:
        return None
    word = fact.text.split()[0].lower()
    return _LIBRARIES.get(word) or _slug(word)


def _licence(card: ModelCard) -> str:
    record = newest(card.records, "model")
    body: Mapping[str, Any] = record.evidence.body if record is not None else {}
    declared = reading.string(body, "licence")
    return (_slug(declared) or "other").lower() if declared else "unknown"


def _slug(text: str | None) -> str:
    """Letters, digits, '.', '_' and '-' only, as the Hub asks of ids; at most 96 characters."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", one_line(text or "")).strip("-._")[:96]
