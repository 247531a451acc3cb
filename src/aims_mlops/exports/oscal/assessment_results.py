"""What evidence supports each control, as OSCAL assessment results. Pure.

A finding is `satisfied` only where the coverage report says *supported*; that is a statement about
evidence, and whether the control is met is for people to judge.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from aims_mlops.exports.basis.system_view import SystemView
from aims_mlops.exports.oscal.parts import metadata, no_plan, props, record_link
from aims_mlops.exports.oscal.risks import observation_of, risk_of
from aims_mlops.report.coverage.coverage import ControlCoverage
from aims_mlops.visible import one_line


def assessment_results(view: SystemView, version: str) -> dict[str, Any]:
    """The document as JSON values: a finding for each of the 38 controls."""
    position, covered = view.position, view.coverage
    plan, back_matter = no_plan(view)
    observations: list[dict[str, Any]] = []
    findings = []
    for row in covered.controls:
        made = _observations(view, row)
        observations += made
        findings.append(_finding(view, row, [entry["uuid"] for entry in made]))
    wrong = [found for found in reversed(covered.nonconformities) if found.is_open]
    observations += [observation_of(view, found) for found in wrong]
    result: dict[str, Any] = {
        "uuid": position.uuid("oscal", view.system, "result"),
        "title": one_line(f"Evidence of {view.system}"),
        "description": f"From {covered.records} records of the log, as it was at {position.at}.",
        "start": position.at,
        "end": position.at,
        "reviewed-controls": {
            "control-selections": [
                {"include-controls": [{"control-id": r.control.id} for r in covered.controls]}
            ]
        },
        "findings": findings,
    }
    if observations:
        result["observations"] = observations
    if wrong:
        result["risks"] = [risk_of(view, found) for found in wrong]
    return {
        "assessment-results": {
            "uuid": position.uuid("oscal", view.system, "assessment results", version),
            "metadata": metadata(view, "Assessment results", version),
            "import-ap": {"href": plan},
            "results": [result],
            "back-matter": back_matter,
        }
    }


def _observations(view: SystemView, row: ControlCoverage) -> list[dict[str, Any]]:
    """One for each kind of evidence of a control: how many records, and the newest."""
    counts = Counter(record.evidence.kind for record in row.evidence)
    newest = {record.evidence.kind: record for record in reversed(row.evidence)}
    return [
        {
            "uuid": view.position.uuid("oscal", view.system, "evidence", row.control.id, kind),
            "title": f"{row.control.id}: {kind}",
            "description": f"{count} records of kind {kind}; the newest came at "
            f"{newest[kind].received_at}.",
            "methods": ["EXAMINE"],
            "types": ["control-objective"],
            "collected": newest[kind].received_at,
            "props": props({"records": str(count), "kind": kind}),
            "relevant-evidence": [
                {
                    "href": record_link(newest[kind].id)["href"],
                    "description": f"SHA-256 of the signed envelope: {newest[kind].id}",
                }
            ],
        }
        for kind, count in sorted(counts.items())
    ]


def _finding(view: SystemView, row: ControlCoverage, observed: list[str]) -> dict[str, Any]:
    control = row.control
    missing = "; ".join(f"{s.words}. Next: {s.next_step}" for s in row.shortfalls)
    met = row.state == "supported"
    status: dict[str, Any] = {"state": "satisfied" if met else "not-satisfied"}
    status["reason"] = "pass" if met else "other"
    status["remarks"] = "Supported by evidence; whether it is met is for a person to judge."
    if not met:
        status["remarks"] = one_line(f"{row.state}. {missing}")
    found: dict[str, Any] = {
        "uuid": view.position.uuid("oscal", view.system, "finding", control.id),
        "title": f"{control.id} {control.title}",
        "description": one_line(f"{row.state}: {control.evidence} ({control.fresh})."),
        "target": {"type": "objective-id", "target-id": control.id, "status": status},
        "props": props({"state": row.state.replace("'", ""), "freshness": row.freshness.verdict}),
    }
    if observed:
        found["related-observations"] = [{"observation-uuid": uuid} for uuid in observed]
    return found
