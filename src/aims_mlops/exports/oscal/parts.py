"""The parts that every OSCAL document of ours shares. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aims_mlops.exports.basis.system_view import SystemView
from aims_mlops.visible import one_line

NAMESPACE = "urn:aims-mlops:oscal"
CATALOGUE = "urn:aims-mlops:controls:iso-42001-annex-a"  # ids and our own titles, no text of ISO's


def metadata(view: SystemView, title: str, version: str) -> dict[str, Any]:
    """Title, time and version of a document; the version is the size of the log."""
    return {
        "title": one_line(f"{title}: {view.system}"),
        "last-modified": view.position.at,
        "version": str(view.position.size),
        "oscal-version": version,
        "props": props({k: v for k, v in view.position.named().items() if k != "checkpoint"}),
        "remarks": f"Signed checkpoint of the log:\n\n{view.position.checkpoint}",
    }


def props(values: Mapping[str, str | None]) -> list[dict[str, str]]:
    """Properties of ours; what is not known is left out."""
    return [
        {"ns": NAMESPACE, "name": name, "value": one_line(value)}
        for name, value in values.items()
        if value is not None and one_line(value)
    ]


def record_link(record_id: str) -> dict[str, str]:
    """A record as a link; its id is the SHA-256 of its envelope."""
    return {"href": f"urn:aims-mlops:record:{record_id}", "rel": "evidence"}


def no_plan(view: SystemView) -> tuple[str, dict[str, Any]]:
    """The reference and back matter that say that the log has no assessment plan."""
    uuid = view.position.uuid("oscal", view.system, "no plan")
    resource = {
        "uuid": uuid,
        "title": "No assessment plan is recorded",
        "description": "The results come from evidence of pipelines, without a plan in OSCAL.",
    }
    return f"#{uuid}", {"resources": [resource]}
