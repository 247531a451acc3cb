"""What the log says about one model before one target, as a person or the gate looks at it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from aims_mlops.approvals.idp_roles import proved_people
from aims_mlops.assessments.carry_over import ApprovalContext, CarriedOver, keep_assessment
from aims_mlops.dossier.query import gather, with_assessed
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.inventory.declared.system import System
from aims_mlops.inventory.project import Project
from aims_mlops.policy.policy import Policy

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore


def load_review(
    project: Project,
    store: EvidenceStore,
    model: ModelReference,
    policy: Policy,
    *,
    target: str,
    system: System | None,
    now: datetime,
) -> CarriedOver:
    """The model's dossier, with the assessment of the model before if the policy keeps it."""
    dossier = gather(store, model.sha256, system.id if system else None)
    around = ApprovalContext(
        target=target,
        people=proved_people(project, store, dossier),
        single_user=project.settings.single_user,
        system=system,
        now=now,
    )
    return keep_assessment(with_assessed(store, dossier, policy), policy, around)
