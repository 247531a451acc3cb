"""Nonconformities as an OSCAL plan of action and milestones (POA&M). Pure."""

from __future__ import annotations

from typing import Any

from aims_mlops.errors import EvidenceNotFoundError
from aims_mlops.exports.basis.system_view import SystemView
from aims_mlops.exports.oscal.parts import metadata, props, record_link
from aims_mlops.exports.oscal.risks import observation_of, risk_of
from aims_mlops.visible import one_line


def action_plan(view: SystemView, version: str) -> dict[str, Any]:
    """The document as JSON values, oldest first; closed ones stay in it.

    Raises EvidenceNotFoundError without any: the format has no plan of nothing.
    """
    wrong = list(reversed(view.coverage.nonconformities))
    if not wrong:
        raise EvidenceNotFoundError(
            f"no nonconformity of system {view.system} is recorded, and a plan of nothing is not "
            "valid OSCAL",
            next_step=f"aims export oscal-assessment-results {view.system}",
        )
    position = view.position
    items = [
        {
            "uuid": position.uuid("oscal", view.system, "item", found.id),
            "title": one_line(found.what),
            "description": one_line(found.reason) or "No reason is recorded.",
            "props": props({"state": found.state, "severity": found.severity, "owner": found.owner,
                            "due": found.due, "effect": found.effect}),
            "links": [record_link(found.id)],
            "related-observations": [
                {"observation-uuid": position.uuid("oscal", view.system, "observed", found.id)}
            ],
            "related-risks": [{"risk-uuid": position.uuid("oscal", view.system, "risk", found.id)}],
        }
        for found in wrong
    ]  # fmt: skip
    return {
        "plan-of-action-and-milestones": {
            "uuid": position.uuid("oscal", view.system, "plan of action", version),
            "metadata": metadata(view, "Plan of action and milestones", version),
            "system-id": {"id": view.system, "identifier-type": "urn:aims-mlops:system"},
            "observations": [observation_of(view, found) for found in wrong],
            "risks": [risk_of(view, found) for found in wrong],
            "poam-items": items,
        }
    }
