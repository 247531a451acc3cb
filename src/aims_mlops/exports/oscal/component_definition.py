"""The AI system as an OSCAL component, and which evidence each control gets from it. Pure."""

from __future__ import annotations

from typing import Any

from aims_mlops.exports.basis.system_view import SystemView
from aims_mlops.exports.oscal.parts import CATALOGUE, metadata, props
from aims_mlops.report.coverage.coverage import ControlCoverage
from aims_mlops.report.render import reading
from aims_mlops.visible import one_line


def component_definition(view: SystemView, version: str) -> dict[str, Any]:
    """The document as JSON values; a requirement for each control that machines have a part in."""
    position = view.position
    body = view.declared.evidence.body if view.declared is not None else {}
    component: dict[str, Any] = {
        "uuid": position.uuid("oscal", view.system, "component"),
        "type": "software",
        "title": one_line(reading.string(body, "title") or view.system),
        "description": one_line(reading.string(body, "intended_use") or "Not recorded."),
        "props": props(
            {
                "system": view.system,
                "risk-tier": reading.string(body, "risk_tier"),
                "owner": reading.string(body, "owner"),
                "record": view.declared.id if view.declared is not None else None,
            }
        ),
        "control-implementations": [
            {
                "uuid": position.uuid("oscal", view.system, "implementation"),
                "source": CATALOGUE,
                "description": "Ids and our own titles of the controls of ISO/IEC 42001, Annex A.",
                "implemented-requirements": [
                    _requirement(view, row)
                    for row in view.coverage.controls
                    if row.control.klass != "organisational"
                ],
            }
        ],
    }
    purpose = reading.string(body, "purpose")
    if purpose is not None:
        component["purpose"] = one_line(purpose)
    return {
        "component-definition": {
            "uuid": position.uuid("oscal", view.system, "component definition", version),
            "metadata": metadata(view, "Component definition", version),
            "components": [component],
        }
    }


def _requirement(view: SystemView, row: ControlCoverage) -> dict[str, Any]:
    return {
        "uuid": view.position.uuid("oscal", view.system, "requirement", row.control.id),
        "control-id": row.control.id,
        "description": one_line(f"{row.control.title}: evidence is {row.control.evidence}."),
        "props": props(
            {
                "state": row.state.replace("'", ""),
                "records": str(len(row.evidence)),
                "newest": row.newest.id if row.newest is not None else None,
            }
        ),
    }
