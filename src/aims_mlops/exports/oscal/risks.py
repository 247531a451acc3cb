"""A nonconformity as an OSCAL observation and risk. Pure."""

from __future__ import annotations

from typing import Any

from aims_mlops.exports.basis.system_view import SystemView
from aims_mlops.exports.oscal.parts import props, record_link
from aims_mlops.operations.nonconformity import Nonconformity
from aims_mlops.visible import one_line

_STATES = {"open": "open", "analysed": "investigating", "acted": "remediating", "closed": "closed"}


def observation_of(view: SystemView, found: Nonconformity) -> dict[str, Any]:
    """What was seen, with every record about it."""
    return {
        "uuid": view.position.uuid("oscal", view.system, "observed", found.id),
        "title": one_line(found.what),
        "description": one_line(found.reason) or "No reason is recorded.",
        "methods": ["EXAMINE"],
        "types": ["finding"],
        "collected": found.opened.received_at,
        "relevant-evidence": [
            {
                "href": record_link(step.id)["href"],
                "description": f"SHA-256 of the signed envelope: {step.id}",
            }
            for step in found.steps or (found.opened,)
        ],
    }


def risk_of(view: SystemView, found: Nonconformity) -> dict[str, Any]:
    """What may come of it, and what is to be done by when."""
    said: dict[str, Any] = {
        "uuid": view.position.uuid("oscal", view.system, "risk", found.id),
        "title": one_line(found.what),
        "description": one_line(found.reason) or "No reason is recorded.",
        "statement": one_line(found.root_cause or "The root cause is not recorded."),
        "status": _STATES.get(found.state, "open"),
        "deadline": found.due,
        "props": props({"severity": found.severity, "owner": found.owner, "record": found.id}),
        "related-observations": [
            {"observation-uuid": view.position.uuid("oscal", view.system, "observed", found.id)}
        ],
    }
    planned = found.corrective_action or found.correction or found.next_step
    if planned is not None:
        done = found.corrective_action is not None
        said["remediations"] = [
            {
                "uuid": view.position.uuid("oscal", view.system, "remediation", found.id),
                "lifecycle": "completed" if done else "recommendation",
                "title": "Corrective action" if done else "Next step",
                "description": one_line(planned),
            }
        ]
    return said
