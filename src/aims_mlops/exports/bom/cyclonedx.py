"""A CycloneDX ML-BOM (1.6, 1.7) of one model: its card, its data, its libraries, its run.

Pure. Properties named `aims:record:…` say which record each part comes from; what no record says is
absent. Source: OWASP CycloneDX 1.6 (ECMA-424) and 1.7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

from aims_mlops.exports.basis.model_view import ModelView
from aims_mlops.exports.bom.model_card import model_card
from aims_mlops.exports.bom.parts import (
    MODEL,
    component_of_dataset,
    evidence_reference,
    hashes,
    licences,
    properties,
    purl_of_package,
)
from aims_mlops.exports.bom.training_run import formulation
from aims_mlops.report.render import reading
from aims_mlops.visible import one_line

VERSIONS = ("1.7", "1.6")  # newest first


def cyclonedx(view: ModelView, version: str = VERSIONS[0]) -> dict[str, Any]:
    """The BOM as JSON values."""
    position = view.position
    packages = dict(_packages(view))
    data = [component_of_dataset(view, dataset) for dataset in view.card.datasets]
    suppliers = list(_suppliers(view))
    components = [*data, *packages.values(), *suppliers]
    depends_on = sorted(component["bom-ref"] for component in components)
    found: dict[str, Any] = {
        "$schema": f"http://cyclonedx.org/schema/bom-{version}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": version,
        "serialNumber": f"urn:uuid:{position.uuid('cyclonedx', version, view.sha256)}",
        "version": 1,
        "metadata": {
            "timestamp": position.at,
            "lifecycles": [{"phase": "build"}],
            "tools": {
                "components": [
                    {
                        "type": "application",
                        "name": "aims-mlops",
                        "version": metadata.version("aims-mlops"),
                    }
                ]
            },
            "component": _model(view),
            "properties": [
                *properties("aims", position.named()),
                *properties("aims:left-out", {k: str(n) for k, n in view.left_out.items()}),
            ],
        },
        "components": components,
        "dependencies": [
            {"ref": MODEL, "dependsOn": depends_on},
            *({"ref": ref} for ref in depends_on),
        ],
        "compositions": [
            {"aggregate": "incomplete" if packages else "unknown", "dependencies": [MODEL]}
        ],
    }
    run = formulation(view)
    if run is not None:
        found["formulation"] = [run]
    return found


def _model(view: ModelView) -> dict[str, Any]:
    body, record = view.body("model"), view.newest("model")
    registered = reading.mapping(body, "registered")
    version = reading.string(registered, "version")
    files = [file for file in reading.sequence(body, "files") if isinstance(file, Mapping)]
    found: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": MODEL,
        "name": one_line(reading.string(registered, "name") or reading.string(body, "name") or "")
        or view.sha256,
        "hashes": hashes(view.sha256),
        "modelCard": model_card(view),
        "properties": properties(
            "aims",
            {
                "model-sha256": view.sha256,
                "model-sha256-is-over": reading.string(body, "content"),
                "framework": reading.string(body, "framework"),
                "size-bytes": reading.string(body, "size_bytes"),
                "system": view.card.system,
            },
        ),
    }
    if version is not None:
        found["version"] = one_line(version)
    licence = reading.string(body, "licence")
    if licence is not None:
        found["licenses"] = licences(licence)
    if record is not None:
        found["externalReferences"] = [evidence_reference(record)]
    parts = [part for number, file in enumerate(files) if (part := _file(number, file))]
    if parts:
        found["components"] = parts
    purpose = next((fact.text for fact in view.card.uses if fact.label == "Purpose"), None)
    if purpose is not None:
        found["description"] = one_line(purpose)
    return found


def _file(number: int, file: Mapping[str, Any]) -> dict[str, Any] | None:
    path, sha256 = reading.string(file, "path"), reading.string(file, "sha256")
    if path is None or sha256 is None:
        return None
    return {
        "type": "file",
        "bom-ref": f"{MODEL}/file/{number}",
        "name": one_line(path),
        "hashes": hashes(sha256),
    }


def _packages(view: ModelView) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each library of the environment of the model's run, by its reference."""
    record = view.of_run("environment")
    if record is None:
        return
    for name, version in sorted(reading.mapping(record.evidence.body, "packages").items()):
        if not isinstance(version, str):
            continue
        purl = purl_of_package(str(name), version)
        yield (
            purl,
            {
                "type": "library",
                "bom-ref": purl,
                "name": one_line(str(name)),
                "version": one_line(version),
                "purl": purl,
                "properties": properties("aims", {"record": record.id}),
            },
        )


def _suppliers(view: ModelView) -> Iterator[dict[str, Any]]:
    """Base models and vendors, the newest record of each."""
    newest = {r.evidence.subjects[0].name: r for r in view.of_kind("supplier")}
    for number, (_, record) in enumerate(sorted(newest.items())):
        body = record.evidence.body
        name = reading.string(body, "name")
        if name is None:
            continue
        found: dict[str, Any] = {
            "type": "application",
            "bom-ref": f"supplier/{number}",
            "name": one_line(name),
            "properties": properties("aims", {"record": record.id}),
        }
        for field, said in (
            ("version", reading.string(body, "version")),
            ("description", reading.string(body, "provides")),
        ):
            if said is not None:
                found[field] = one_line(said)
        licence = reading.string(body, "licence")
        if licence is not None:
            found["licenses"] = licences(licence)
        digest = reading.string(body, "sha256")
        if digest is not None:
            found["properties"] += properties("aims", {"terms-sha256": digest})
        yield found
