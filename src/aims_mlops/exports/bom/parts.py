"""The small parts of a CycloneDX document. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from aims_mlops.evidence.records import Record
from aims_mlops.exports.basis.licence import read_licence
from aims_mlops.exports.basis.model_view import ModelView
from aims_mlops.report.card.facts import Dataset
from aims_mlops.visible import one_line, visible

MODEL = "model"  # the reference of the model inside its BOM
_GOVERNED = "the owner and the risk owner of the AI system"
DATA = "data/"  # what references of its datasets begin with


def properties(prefix: str, values: Mapping[str, str | None]) -> list[dict[str, str]]:
    """Name and value of each that is known."""
    return [
        {"name": f"{prefix}:{one_line(name)}", "value": visible(value)}
        for name, value in values.items()
        if value is not None
    ]


def hashes(sha256: str) -> list[dict[str, str]]:
    """A SHA-256 (64 hex digits) as a list of hashes."""
    return [{"alg": "SHA-256", "content": sha256}]


def record_uri(record_id: str) -> str:
    """The name of a record; `aims evidence show` takes the digits."""
    return f"urn:aims-mlops:record:{record_id}"


def evidence_reference(record: Record) -> dict[str, Any]:
    """A record as an external reference: its id is the SHA-256 of its envelope."""
    return {"type": "evidence", "url": record_uri(record.id), "hashes": hashes(record.id)}


def licences(said: str) -> list[dict[str, Any]]:
    """A declared licence: as an SPDX id or expression where it is one, else by its own words."""
    found = read_licence(said)
    if found.identifier is not None:
        return [{"license": {"id": found.identifier, "acknowledgement": "declared"}}]
    if found.expression is not None:
        return [{"expression": found.expression, "acknowledgement": "declared"}]
    return [{"license": {"name": one_line(said), "acknowledgement": "declared"}}]


def purl_of_package(name: str, version: str) -> str:
    """The package URL of a Python package (purl-spec, type `pypi`)."""
    normal = re.sub(r"[-_]+", "-", name).lower()
    return f"pkg:pypi/{quote(normal, safe='.-~')}@{quote(version, safe='.-~')}"


def data_reference(dataset: Dataset) -> str:
    """The reference of a dataset: its digest, else the record that names it."""
    return DATA + (dataset.sha256 or dataset.record or "unknown")


def component_of_dataset(view: ModelView, dataset: Dataset) -> dict[str, Any]:
    """A dataset with who governs it, as far as the log says so."""
    content: dict[str, Any] = {"type": "dataset", "name": one_line(dataset.name or "unnamed")}
    if dataset.purpose is not None:
        content["description"] = one_line(dataset.purpose)
    governance = _governance(view)
    if governance:
        content["governance"] = governance
    found: dict[str, Any] = {
        "type": "data",
        "bom-ref": data_reference(dataset),
        "name": one_line(dataset.name or "unnamed"),
        "data": [content],
        "properties": properties(
            "aims",
            {
                "record": dataset.record,
                "role": dataset.role,
                "rows": None if dataset.rows is None else str(dataset.rows),
                "columns": None if dataset.columns is None else str(dataset.columns),
                "source": dataset.source,
                "governance-is-of": _GOVERNED if governance else None,
                "sha256-is-over": "rows and schema (aims-table-v1)" if dataset.sha256 else None,
            },
        ),
    }
    if dataset.sha256 is not None:
        found["hashes"] = hashes(dataset.sha256)
    if dataset.licence is not None:
        found["licenses"] = licences(dataset.licence)
    return found


def _governance(view: ModelView) -> dict[str, Any]:
    """Who answers for the AI system; that they do for its data is said to be taken from there."""
    roles = (("owners", "Owner"), ("stewards", "Risk owner"))
    said = {fact.label: fact.text for fact in view.card.uses}
    return {
        field: [{"contact": {"name": one_line(name)}}]
        for field, label in roles
        if (name := said.get(label)) is not None
    }
