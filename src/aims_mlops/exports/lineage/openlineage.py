"""The runs of a system as OpenLineage events, replayed from the log: one JSON object a line.

Datasets go in and models come out, each named by its digest. A run that has begun and ended gives a
START and a COMPLETE, FAIL or ABORT. Source: OpenLineage 2-0-2, RunEvent.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from aims_mlops.evidence.records import Record
from aims_mlops.exports.basis.identity import json_line, uuid_of
from aims_mlops.exports.basis.runs_view import RunsView
from aims_mlops.report.render import reading
from aims_mlops.visible import one_line

SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
PRODUCER = "https://github.com/aims-mlops/aims-mlops"
_FACETS = "https://openlineage.io/spec/facets"
_OURS = f"{PRODUCER}/blob/main/docs/exports.md#openlineage"
_ENDS = {"finished": "COMPLETE", "failed": "FAIL", "lost": "ABORT"}


def openlineage(view: RunsView, version: str) -> str:
    """All events, oldest run first. version : 2-0-2, the only one that we write."""
    return "".join(json_line(event) for event in events(view))


def events(view: RunsView) -> Iterator[dict[str, Any]]:
    """Each event as JSON values; one run at a time is in memory."""
    for record, others in view.runs():
        yield from _of_run(view, record, others)


def _of_run(view: RunsView, record: Record, others: list[Record]) -> Iterator[dict[str, Any]]:
    body = record.evidence.body
    started, ended = reading.string(body, "started_at"), reading.string(body, "ended_at")
    common: dict[str, Any] = {
        "producer": PRODUCER,
        "schemaURL": SCHEMA,
        "run": {"runId": _run_id(record), "facets": _run_facets(view, record, others)},
        "job": {
            "namespace": _namespace(view),
            "name": one_line(reading.string(body, "name") or "run"),
            "facets": {
                "jobType": {
                    **_facet("2-0-3/JobTypeJobFacet.json#/$defs/JobTypeJobFacet"),
                    "processingType": "BATCH",
                    "integration": "aims-mlops",
                    "jobType": one_line(reading.string(body, "activity") or "RUN").upper(),
                }
            },
        },
        "inputs": [_dataset(view, r) for r in others if r.evidence.kind == "dataset"],
        "outputs": [],
    }
    if started is not None:
        yield {**common, "eventType": "START", "eventTime": started}
    status = reading.string(body, "status") or ""
    outputs = [_model(view, r) for r in others if r.evidence.kind == "model"]
    if status in _ENDS:
        end = {"eventType": _ENDS[status], "eventTime": ended or record.received_at}
        yield {**common, **end, "outputs": outputs}


def _run_id(record: Record) -> str:
    run = record.evidence.run or record.id
    try:
        return str(uuid.UUID(hex=run))
    except ValueError:
        return uuid_of("run", run)


def _namespace(view: RunsView) -> str:
    return f"aims://{view.position.log_id}/{one_line(view.system)}"


def _facet(schema: str) -> dict[str, str]:
    return {"_producer": PRODUCER, "_schemaURL": f"{_FACETS}/{schema}"}


def _evidence(record: Record) -> dict[str, Any]:
    """Our own facet: which record says so."""
    return {"_producer": PRODUCER, "_schemaURL": _OURS, "record": record.id,
            "sequence": record.sequence}  # fmt: skip


def _run_facets(view: RunsView, record: Record, others: list[Record]) -> dict[str, Any]:
    log = {k: v for k, v in view.position.named().items() if k != "checkpoint"}
    found: dict[str, Any] = {"aims_evidence": {**_evidence(record), **log}}
    environment = next((r for r in others if r.evidence.kind == "environment"), None)
    python = reading.string(environment.evidence.body, "python") if environment else None
    if python is not None:
        found["processing_engine"] = {
            **_facet("1-1-1/ProcessingEngineRunFacet.json#/$defs/ProcessingEngineRunFacet"),
            "name": "Python",
            "version": one_line(python),
        }
    return found


def _dataset(view: RunsView, record: Record) -> dict[str, Any]:
    body = record.evidence.body
    columns = [c for c in reading.sequence(body, "columns") if isinstance(c, Mapping)]
    facets: dict[str, Any] = {"aims_evidence": _evidence(record), **_version(record)}
    if columns:
        facets["schema"] = {
            **_facet("1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet"),
            "fields": [_field(place, column) for place, column in enumerate(columns)],
        }
    found: dict[str, Any] = {
        "namespace": _namespace(view),
        "name": _name(record),
        "facets": facets,
        "inputFacets": {},
    }
    rows = reading.count(body, "rows")
    if rows is not None:
        found["inputFacets"]["inputStatistics"] = {
            **_facet("1-0-0/InputStatisticsInputDatasetFacet.json"
                     "#/$defs/InputStatisticsInputDatasetFacet"),
            "rowCount": rows,
        }  # fmt: skip
    return found


def _field(place: int, column: Mapping[str, Any]) -> dict[str, str]:
    found = {"name": one_line(reading.string(column, "name") or f"column {place}")}
    kind = reading.string(column, "type") or reading.string(column, "dtype")
    return found if kind is None else {**found, "type": one_line(kind)}


def _model(view: RunsView, record: Record) -> dict[str, Any]:
    return {
        "namespace": _namespace(view),
        "name": _name(record),
        "facets": {"aims_evidence": _evidence(record), **_version(record)},
        "outputFacets": {},
    }


def _name(record: Record) -> str:
    said = reading.string(record.evidence.body, "name") or record.evidence.kind
    return one_line(said)


def _version(record: Record) -> dict[str, Any]:
    sha256 = reading.string(record.evidence.body, "sha256")
    if sha256 is None:
        return {}
    schema = "1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet"
    return {"version": {**_facet(schema), "datasetVersion": sha256}}
