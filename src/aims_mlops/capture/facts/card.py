"""The facts of a model card, as far as one run knows them; the report renders the card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aims_mlops.capture.state.captured import CapturedModel
    from aims_mlops.capture.state.run_state import RunState


def card_facts(run: RunState, model: CapturedModel, code: dict[str, Any]) -> dict[str, Any]:
    """The body of `model-card` evidence of one model; digests lead to the evidence in full."""
    return {
        "facts": {
            "model": {
                "name": model.name,
                "sha256": model.reference.sha256,
                "framework": model.framework,
                "class": model.klass,
                "signature": model.signature,
                "registered": model.registered,
                "parameters": dict(model.parameters),
            },
            "system": run.system,
            "run": {
                "id": run.id,
                "activity": run.activity,
                "name": run.name,
                "started_at": run.started_at,
                "duration_seconds": round(run.duration_seconds, 6),
                "links": dict(sorted(run.links.items())),
                "actor": run.actor,
            },
            "code": {key: code[key] for key in ("commit", "dirty", "remote", "source_sha256")},
            "parameters": run.parameters.values,
            "datasets": [
                {
                    **entry.reference,
                    "rows": entry.digest.get("rows"),
                    "columns": len(entry.digest.get("columns", ())),
                    "source": entry.about.source,
                    "licence": entry.about.licence,
                    "purpose": entry.about.purpose,
                }
                for entry in run.datasets
            ],
            "performance": [
                figure
                for check in run.checks
                if check.kind == "performance"
                for figure in check.measured.get("figures", ())
                if figure.get("group") is None
            ],
            "bias": [
                figure
                for check in run.checks
                if check.kind == "bias"
                for figure in check.measured.get("figures", ())
                if figure.get("group") is None or "*" in figure["group"].values()
            ],
            "gaps": [gap.where for gap in run.gaps],
        },
        "markdown": None,
    }
