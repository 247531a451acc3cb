"""The model card inside a CycloneDX document. Pure.

Metrics have no room for properties of their own, so the card's properties name the record of each:
`aims:record:performanceMetrics/3` for the fourth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aims_mlops.exports.basis.model_view import ModelView, body_of
from aims_mlops.exports.bom.parts import data_reference, properties
from aims_mlops.report.render import reading
from aims_mlops.report.render.reading import Figure
from aims_mlops.visible import one_line


def model_card(view: ModelView) -> dict[str, Any]:
    """The card; only what a record says."""
    metrics: list[dict[str, Any]] = []
    sources: dict[str, str] = {}
    for kind, entry, figure in _figures(view):
        sources[f"performanceMetrics/{len(metrics)}"] = entry
        metrics.append(_metric(kind, figure))
    considerations, their_sources = _considerations(view)
    found: dict[str, Any] = {"modelParameters": _parameters(view)}
    if metrics:
        found["quantitativeAnalysis"] = {"performanceMetrics": metrics}
    if considerations:
        found["considerations"] = considerations
    model = view.newest("model")
    named = {"modelParameters": model.id if model is not None else None}
    found["properties"] = properties("aims:record", {**named, **sources, **their_sources})
    return found


def _figures(view: ModelView) -> Iterator[tuple[str, str, Figure]]:
    """Kind of evidence, record and figure of each that the data say."""
    for kind, measured in (("performance", view.card.performance), ("bias", view.card.bias)):
        for entry in measured:
            for figure in entry.figures:
                if figure.value is not None:
                    yield kind, entry.record.id, figure


def _metric(kind: str, figure: Figure) -> dict[str, Any]:
    found: dict[str, Any] = {"type": one_line(figure.measure), "value": repr(figure.value)}
    if figure.group is not None:
        found["slice"] = one_line(figure.group_label)
    if figure.low is not None and figure.high is not None:
        bounds = {"lowerBound": repr(figure.low), "upperBound": repr(figure.high)}
        found["confidenceInterval"] = bounds
    return found


def _parameters(view: ModelView) -> dict[str, Any]:
    body = view.body("model")
    found: dict[str, Any] = {}
    task = next((entry.task for entry in view.card.performance if entry.task), None)
    for field, said in (("task", task), ("modelArchitecture", reading.string(body, "class"))):
        if said is not None:
            found[field] = one_line(said)
    references = dict.fromkeys(data_reference(data) for data in view.card.datasets)
    if references:
        found["datasets"] = [{"ref": reference} for reference in references]
    signature = reading.mapping(body, "signature")
    for field in ("inputs", "outputs"):
        formats = dict.fromkeys(_columns(signature.get(field)))
        if formats:
            found[field] = [{"format": text} for text in formats]
    return found


def _columns(said: object) -> Iterator[str]:
    """Such as 'age: double' for each column of a signature, as MLflow writes it."""
    for entry in said if isinstance(said, list | tuple) else ():
        if isinstance(entry, Mapping):
            kind = reading.string(entry, "type") or "unknown type"
            name = reading.string(entry, "name")
            yield one_line(f"{name}: {kind}" if name else kind)


def _considerations(view: ModelView) -> tuple[dict[str, Any], dict[str, str]]:
    """The considerations, and the record of each list of them."""
    found: dict[str, Any] = {}
    sources: dict[str, str] = {}
    use = next((fact for fact in view.card.uses if fact.label == "Intended use"), None)
    if use is not None and use.values:
        found["useCases"] = [one_line(text) for text in use.values]
        sources["useCases"] = use.source or ""
    limits = list(dict.fromkeys(one_line(limit.words) for limit in view.card.limits))
    if limits:
        found["technicalLimitations"] = limits
        for number, text in enumerate(limits):
            of_it = (x.source for x in view.card.limits if one_line(x.words) == text)
            source = next((source for source in of_it if source), None)
            if source is not None:
                sources[f"technicalLimitations/{number}"] = source
    misuse = next((f for f in view.card.uses if f.label == "Foreseeable misuse"), None)
    if misuse is not None and misuse.values:
        found["ethicalConsiderations"] = [
            {"name": one_line(f"foreseeable misuse: {text}")} for text in misuse.values
        ]
        sources["ethicalConsiderations"] = misuse.source or ""
    assessment = view.newest("impact-assessment")
    if assessment is not None:
        fairness = list(_fairness(assessment.evidence.body))
        if fairness:
            found["fairnessAssessments"] = fairness
            sources["fairnessAssessments"] = assessment.id
    run = view.training_run
    compute = _compute(view)
    if compute and run is not None:
        found["environmentalConsiderations"] = {"properties": properties("aims", compute)}
        sources["environmentalConsiderations"] = run.id
    return found, {name: record for name, record in sources.items() if record}


def _fairness(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What the impact assessment says of groups: harms, benefits, and what is done about each."""
    document = reading.mapping(body, "document")
    measures = [m for m in reading.sequence(document, "measures") if isinstance(m, Mapping)]
    for impact in reading.sequence(document, "impacts"):
        if not isinstance(impact, Mapping):
            continue
        about_groups = impact.get("aspect") == "fairness" or impact.get("on") == "groups"
        said = reading.string(impact, "description")
        if not about_groups or said is None:
            continue
        field = "benefits" if impact.get("kind") == "benefit" else "harms"
        found = {field: one_line(said)}
        affected = reading.string(impact, "affected")
        if affected is not None:
            found["groupAtRisk"] = one_line(affected)
        done = [
            one_line(text)
            for measure in measures
            if impact.get("id") in reading.sequence(measure, "for_impacts")
            and (text := reading.string(measure, "description")) is not None
        ]
        if done:
            found["mitigationStrategy"] = "; ".join(done)
        yield found


def _compute(view: ModelView) -> dict[str, str | None]:
    """What is recorded of the computation; how much energy it took is not, and is not guessed."""
    run, environment = body_of(view.training_run), body_of(view.of_run("environment"))
    found = {"compute-seconds": reading.string(run, "duration_seconds")}
    cpu = environment.get("cpu")
    if isinstance(cpu, Mapping):
        found["processor"] = reading.string(cpu, "model")
    gpu = reading.texts(environment, "gpu")
    if gpu:
        found["gpu"] = "; ".join(gpu)
    return {name: value for name, value in found.items() if value is not None}
