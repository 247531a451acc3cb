"""How a model was made: its training run as the formulation of a CycloneDX document. Pure."""

from __future__ import annotations

from typing import Any

from aims_mlops.exports.basis.model_view import ModelView, body_of
from aims_mlops.exports.bom.parts import MODEL, data_reference, properties
from aims_mlops.report.render import reading
from aims_mlops.visible import one_line, visible


def formulation(view: ModelView) -> dict[str, Any] | None:
    """The run that made the model, with its data, parameters and code; None if none is recorded."""
    record = view.training_run
    if record is None:
        return None
    run, code = record.evidence.body, body_of(view.of_run("code"))
    environment = body_of(view.of_run("environment"))
    workflow: dict[str, Any] = {
        "bom-ref": "run",
        "uid": one_line(record.evidence.run or record.id),
        "taskTypes": ["build" if run.get("activity") == "training" else "test"],
        "outputs": [{"type": "artifact", "resource": {"ref": MODEL}}],
        "properties": properties(
            "aims",
            {
                "record": record.id,
                "activity": reading.string(run, "activity"),
                "status": reading.string(run, "status"),
                "code-commit": reading.string(code, "commit"),
                "code-sha256": reading.string(code, "source_sha256"),
                "code-uncommitted-changes": reading.string(code, "dirty"),
                "code-record": _id(view, "code"),
                "parameters-record": _id(view, "parameters"),
                "environment-record": _id(view, "environment"),
                "python": reading.string(environment, "python"),
                "platform": reading.string(environment, "platform"),
            },
        ),
    }
    for field, said in (
        ("name", reading.string(run, "name")),
        ("timeStart", reading.string(run, "started_at")),
        ("timeEnd", reading.string(run, "ended_at")),
    ):
        if said is not None:
            workflow[field] = one_line(said)
    inputs: list[dict[str, Any]] = [
        {"resource": {"ref": reference}}
        for reference in dict.fromkeys(data_reference(data) for data in view.card.datasets)
    ]
    values = reading.mapping(body_of(view.of_run("parameters")), "parameters")
    parameters = [
        {"name": one_line(str(name)), "value": visible(reading.text(value) or str(value))}
        for name, value in sorted(values.items())
    ]
    if parameters:
        inputs.append({"parameters": parameters})
    if inputs:
        workflow["inputs"] = inputs
    return {"bom-ref": "formula", "workflows": [workflow]}


def _id(view: ModelView, kind: str) -> str | None:
    record = view.of_run(kind)
    return record.id if record is not None else None
