"""An SPDX 3.0.1 document of one model: an AI package, its datasets, libraries and licences. Pure.

Conformance to the profiles AI and Dataset is not claimed: they ask for a download location, a
supplier and a release time, which no record has. What is not known is absent; a licence that
nobody declared is NoAssertion. Source: SPDX 3.0.1, https://spdx.github.io/spdx-spec/v3.0.1/
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from aims_mlops.exports.basis.licence import read_licence
from aims_mlops.exports.basis.model_view import ModelView, body_of
from aims_mlops.exports.bom.parts import purl_of_package, record_uri
from aims_mlops.report.card.facts import Dataset
from aims_mlops.report.render import reading
from aims_mlops.visible import one_line, visible

CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
_NO_LICENCE = "https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/NoAssertion"
_INFO = "_:creation"
_RELATIONS = {
    "training": "trainedOn",
    "test": "testedOn",
    "validation": "testedOn",
    "evaluation": "testedOn",
}


def spdx(view: ModelView, version: str) -> dict[str, Any]:
    """The document as JSON-LD values. version : 3.0.1, the only one that we write."""
    graph = _Graph(view)
    model = graph.add("model", "ai_AIPackage", **_model(view))
    graph.licence(model, reading.string(view.body("model"), "licence"))
    for dataset in view.card.datasets:
        key = f"data {dataset.sha256 or dataset.record}"
        found = graph.add(key, "dataset_DatasetPackage", **_dataset(dataset))
        graph.relate(model, _RELATIONS.get(dataset.role or "", "dependsOn"), found)
        graph.licence(found, dataset.licence)
    for name, element in _libraries(view):
        graph.relate(
            model, "dependsOn", graph.add(f"library {name}", "software_Package", **element)
        )
    return graph.document(model, version)


class _Graph:
    """Elements in the order in which they come, each with an id that follows from what it is."""

    def __init__(self, view: ModelView) -> None:
        self._view = view
        self._elements: list[dict[str, Any]] = []

    def add(self, key: str, kind: str, **fields: Any) -> str:
        """The id of a new element; fields without a value are left out."""
        spdx_id = f"urn:uuid:{self._view.position.uuid('spdx', self._view.sha256, key)}"
        known = {name: value for name, value in fields.items() if value not in (None, "", [])}
        self._elements.append({"type": kind, "spdxId": spdx_id, "creationInfo": _INFO, **known})
        return spdx_id

    def relate(self, start: str, kind: str, end: str) -> None:
        """A relationship between two elements."""
        fields = {"from": start, "relationshipType": kind, "to": [end]}
        self.add(f"{start} {kind} {end}", "Relationship", **fields)

    def licence(self, element: str, said: str | None) -> None:
        """The declared licence of an element; NoAssertion where nobody declared one."""
        if said is None:
            self.relate(element, "hasDeclaredLicense", _NO_LICENCE)
            return
        found = read_licence(said)
        fields: dict[str, Any] = {}
        expression = found.identifier or found.expression
        if expression is None:
            expression = f"LicenseRef-{hashlib.sha256(said.encode()).hexdigest()[:16]}"
            text = self.add(
                f"licence text {element}",
                "simplelicensing_SimpleLicensingText",
                simplelicensing_licenseText=visible(said),
            )
            entry = {"type": "DictionaryEntry", "key": expression, "value": text}
            fields["simplelicensing_customIdToUri"] = [entry]
        end = self.add(
            f"licence {element}",
            "simplelicensing_LicenseExpression",
            simplelicensing_licenseExpression=expression,
            **fields,
        )
        self.relate(element, "hasDeclaredLicense", end)

    def document(self, root: str, version: str) -> dict[str, Any]:
        """Everything that was added, with who made it and of which log position."""
        position = self._view.position
        agent = self.add("agent", "SoftwareAgent", name="aims-mlops")
        info = {
            "type": "CreationInfo",
            "@id": _INFO,
            "specVersion": version,
            "created": position.at[:19] + "Z",
            "createdBy": [agent],
        }
        said = "\n".join(f"{name}: {value}" for name, value in position.named().items())
        elements = [element["spdxId"] for element in self._elements]
        self.add(
            "document",
            "SpdxDocument",
            name=one_line(self._view.card.title),
            comment=visible(said),
            profileConformance=["core", "software", "simpleLicensing"],
            rootElement=[root],
            element=elements,
        )
        return {"@context": CONTEXT, "@graph": [info, *self._elements]}


def _model(view: ModelView) -> dict[str, Any]:
    body, run = view.body("model"), view.training_run
    registered = reading.mapping(body, "registered")
    uses = {fact.label: fact for fact in view.card.uses}
    version = reading.string(registered, "version")
    settings = [*reading.mapping(body, "parameters_of_model").items()]
    settings += reading.mapping(body_of(view.of_run("parameters")), "parameters").items()
    metrics = [
        (one_line(f"{figure.measure} ({figure.group_label})"), _interval(figure))
        for entry in (*view.card.performance, *view.card.bias)
        for figure in entry.figures
        if figure.value is not None
    ]
    kind = reading.string(body, "class")
    trained = None
    if run is not None:
        said = {
            k: reading.string(run.evidence.body, k) for k in ("activity", "started_at", "ended_at")
        }
        trained = "; ".join(f"{k}: {v}" for k, v in said.items() if v) or None
    return {
        "name": one_line(view.card.title),
        "software_packageVersion": one_line(version) if version else None,
        "software_primaryPurpose": "model",
        "verifiedUsing": _hash(view.sha256),
        "ai_typeOfModel": [one_line(kind)] if kind else None,
        "ai_hyperparameter": _entries((str(k), visible(str(v))) for k, v in settings),
        "ai_metric": _entries(metrics),
        "ai_limitation": "\n".join(one_line(limit.words) for limit in view.card.limits),
        "ai_informationAboutTraining": trained,
        "ai_informationAboutApplication": _text(uses["Intended use"].text),
        "description": _text(uses["Purpose"].text),
        "externalRef": _references(
            *(view.newest(k) for k in ("model", "performance", "bias", "system")), run
        ),
    }


def _dataset(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": one_line(dataset.name or "unnamed"),
        "software_primaryPurpose": "data",
        "dataset_datasetType": ["noAssertion"],
        "dataset_intendedUse": _text(dataset.purpose),
        "dataset_dataCollectionProcess": _text(dataset.source),
        "verifiedUsing": _hash(dataset.sha256) if dataset.sha256 else None,
        "externalRef": [_reference(dataset.record)] if dataset.record else None,
    }


def _libraries(view: ModelView) -> Iterator[tuple[str, dict[str, Any]]]:
    record = view.of_run("environment")
    for name, version in sorted(reading.mapping(body_of(record), "packages").items()):
        if isinstance(version, str) and record is not None:
            yield (
                str(name),
                {
                    "name": one_line(str(name)),
                    "software_packageVersion": one_line(version),
                    "software_primaryPurpose": "library",
                    "software_packageUrl": purl_of_package(str(name), version),
                    "externalRef": [_reference(record.id)],
                },
            )


def _interval(figure: reading.Figure) -> str:
    said = repr(figure.value)
    if figure.low is not None and figure.high is not None:
        said += f" (interval {figure.low!r} to {figure.high!r})"
    return said if figure.n is None else f"{said}, n {figure.n}"


def _entries(pairs: Any) -> list[dict[str, str]]:
    return [
        {"type": "DictionaryEntry", "key": one_line(key) or "unnamed", "value": value}
        for key, value in pairs
    ]


def _hash(sha256: str) -> list[dict[str, str]]:
    return [{"type": "Hash", "algorithm": "sha256", "hashValue": sha256}]


def _references(*records: Any) -> list[dict[str, Any]]:
    ids = dict.fromkeys(record.id for record in records if record is not None)
    return [_reference(id_) for id_ in ids]


def _reference(record_id: str) -> dict[str, Any]:
    return {
        "type": "ExternalRef",
        "externalRefType": "other",
        "comment": "evidence",
        "locator": [record_uri(record_id)],
    }


def _text(said: str | None) -> str | None:
    return one_line(said) if said else None
