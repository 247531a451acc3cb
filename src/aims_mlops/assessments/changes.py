"""What changed since an assessment was submitted, in words. Pure."""

from __future__ import annotations

from aims_mlops.assessments.dossier import SHOWN_KINDS, Dossier
from aims_mlops.inventory.system import System


def material_changes(dossier: Dossier, system: System | None) -> list[str]:
    """Changes that re-open the assessment of this model."""
    submitted = dossier.assessment
    if submitted is None:
        return []
    body = submitted.evidence.body
    found: list[str] = []
    if system is not None:
        for field, word in (("intended_use", "intended use"), ("risk_tier", "risk tier")):
            if body.get(field) is not None and body[field] != getattr(system, field):
                found.append(f"aims.yaml states another {word}")
    for kind in ("dataset", "performance", "bias"):
        if kind in SHOWN_KINDS:
            later = [r for r in dossier.of_kind(kind) if r.sequence > submitted.sequence]
            if later:
                found.append(f"{len(later)} new {kind} records since it was submitted")
    return found
