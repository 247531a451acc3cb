"""Monitoring: every schedule as a calendar of its windows, and one window with its plots."""

from __future__ import annotations

from typing import Any

from aims_mlops.errors import EvidenceNotFoundError
from aims_mlops.evidence.kinds import SCHEDULE_KINDS
from aims_mlops.report.operation import operation
from aims_mlops.web.pages.evidence import contents
from aims_mlops.web.pages.reading import Reading, brief
from aims_mlops.web.render.environment import address


def monitoring(reading: Reading) -> dict[str, Any]:
    """The schedules of each system, with what became of each run that was due."""
    records = list(reading.find(kind=SCHEDULE_KINDS))
    declared = [system.id for system in reading.systems]
    seen = {r.evidence.system for r in records if r.evidence.kind == "monitoring-schedule"}
    systems = []
    for id_ in dict.fromkeys((*declared, *sorted(filter(None, seen)))):
        of_system = [r for r in records if r.evidence.system in (None, id_)]
        shown = operation.show(
            [*of_system, *reading.find(kind="drift", system=id_)],
            reading.project.systems,
            id_,
            reading.now,
        )
        schedules = operation.as_json(shown)["schedules"]
        for schedule in schedules:
            for window in schedule["windows"]:
                window["page"] = (
                    address("monitoring", window["record"]) if window["record"] else None
                )
        systems.append({"id": id_, "page": address("systems", id_), "schedules": schedules})
    return {"systems": systems, "states": list(operation.STATES)}


def window(reading: Reading) -> dict[str, Any]:
    """One run of a schedule: what it found, what it measured, its plots."""
    record = reading.get(reading.path["record"])
    if record.evidence.kind != "monitoring-run":
        raise EvidenceNotFoundError("the record is of no run of a schedule")
    body = record.evidence.body
    run = record.evidence.run
    return {
        **brief(record),
        "monitor": body.get("monitor"),
        "stage": body.get("stage"),
        "window": body.get("window"),
        "outcome": body.get("outcome"),
        "late": body.get("late"),
        "rows": body.get("rows"),
        "findings": [f for f in body.get("findings") or () if isinstance(f, dict)],
        "measured": [
            brief(r) | {"page": address("records", r.id)}
            for r in (reading.find(run=run) if run else ())
            if r.id != record.id
        ],
        "plots": [address("records", record.id, "blobs", blob) for blob in contents(record)],
        "page": address("records", record.id),
    }
