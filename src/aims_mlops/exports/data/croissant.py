"""The datasets of a model as Croissant 1.1 with terms of its RAI vocabulary. Pure.

The rows are not ours to hand on: a file object names the content by its digest, and nothing says
where it can be fetched. Source: MLCommons Croissant 1.1 and Croissant RAI 1.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aims_mlops.exports.basis.model_view import ModelView
from aims_mlops.exports.bom.parts import record_uri
from aims_mlops.report.card.facts import Dataset
from aims_mlops.report.render import reading
from aims_mlops.visible import one_line

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
_RAI = "http://mlcommons.org/croissant/RAI/1.0"
_TYPES = {
    "integer": "sc:Integer",
    "float": "sc:Float",
    "boolean": "sc:Boolean",
    "date": "sc:Date",
    "datetime": "sc:DateTime",
}
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(view: ModelView, version: str) -> dict[str, Any]:
    """A document about every dataset of the model. version : 1.1, the only one that we write."""
    datasets = view.card.datasets
    found: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [CONFORMS_TO, _RAI],
        "name": one_line(f"datasets of {view.card.title}"),
        "identifier": f"urn:uuid:{view.position.uuid('croissant', view.sha256)}",
        "description": _about(view),
        "datePublished": view.position.at[:10],
        "version": f"1.0.{view.position.size}",
        "distribution": [_file(number, data) for number, data in enumerate(datasets)],
        "recordSet": [
            _records(view, number, data)
            for number, data in enumerate(datasets)
            if _columns(view, data)
        ],
    }
    licences = list(dict.fromkeys(one_line(d.licence) for d in datasets if d.licence))
    if licences:
        found["license"] = licences[0] if len(licences) == 1 else licences
    found |= _responsible(view)
    return {name: value for name, value in found.items() if value not in ([], None)}


def _about(view: ModelView) -> str:
    """Where it comes from; Croissant has no place for a log of its own."""
    said = [f"From evidence about the model with content SHA-256 {view.sha256}."]
    said += [f"{name}: {' '.join(value.split())}" for name, value in view.position.named().items()]
    return "\n".join(said)


def _file(number: int, dataset: Dataset) -> dict[str, Any]:
    name = one_line(dataset.name or f"dataset {number}")
    found: dict[str, Any] = {
        "@type": "cr:FileObject",
        "@id": f"data-{number}",
        "name": name,
        "contentUrl": f"urn:aims-mlops:dataset:{dataset.sha256 or 'unknown'}",
        "encodingFormat": "application/octet-stream",
        "description": one_line(
            "; ".join(
                text
                for text in (
                    f"role: {dataset.role}" if dataset.role else None,
                    f"{dataset.rows} rows" if dataset.rows is not None else None,
                    f"source: {dataset.source}" if dataset.source else "source not recorded",
                    f"licence: {dataset.licence}" if dataset.licence else "licence not recorded",
                    "SHA-256 over rows and schema (aims-table-v1)" if dataset.sha256 else None,
                    record_uri(dataset.record) if dataset.record else None,
                )
                if text
            )
        ),
    }
    if dataset.sha256 is not None:
        found["sha256"] = dataset.sha256
    return found


def _records(view: ModelView, number: int, dataset: Dataset) -> dict[str, Any]:
    key = f"rows-{number}"
    return {
        "@type": "cr:RecordSet",
        "@id": key,
        "name": key,
        "description": one_line(dataset.name or ""),
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{key}/{place}",
                "name": one_line(reading.string(column, "name") or f"column {place}"),
                "dataType": _type_of(column),
                "source": {
                    "fileObject": {"@id": f"data-{number}"},
                    "extract": {
                        "column": one_line(reading.string(column, "name") or f"column {place}")
                    },
                },
            }
            for place, column in enumerate(_columns(view, dataset))
        ],
    }


def _columns(view: ModelView, dataset: Dataset) -> list[Mapping[str, Any]]:
    record = next((r for r in view.card.records if r.id == dataset.record), None)
    if record is None or record.evidence.kind != "dataset":
        return []
    columns = reading.sequence(record.evidence.body, "columns")
    return [column for column in columns if isinstance(column, Mapping)]


def _type_of(column: Mapping[str, Any]) -> str:
    said = (reading.string(column, "type") or reading.string(column, "dtype") or "").lower()
    for word, kind in _TYPES.items():
        if said.startswith(word) or (word == "integer" and said.startswith(("int", "uint"))):
            return kind
    return "sc:Text"


def _responsible(view: ModelView) -> dict[str, list[str]]:
    """Terms of the RAI vocabulary that a record fills; the others are absent."""
    document = reading.mapping(view.body("impact-assessment"), "document")
    data = reading.mapping(document, "data")
    limits = [text] if (text := reading.string(data, "quality")) else []
    purposes = dict.fromkeys(d.purpose for d in view.card.datasets if d.purpose)
    origins = dict.fromkeys(f"{d.name}: {d.source}" for d in view.card.datasets if d.source)
    return {
        "rai:dataCollection": [one_line(text) for text in origins],
        "rai:dataUseCases": [one_line(text) for text in purposes],
        "rai:dataLimitations": [one_line(text) for text in limits],
    }
