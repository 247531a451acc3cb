"""Going back to a version that was promoted before and whose decision still stands.

Such a roll-back needs no new decision, by whatever route it is asked for: the same rules that tell
whether a model may go on being used (`gates.decision_validity`) tell whether it may be used again.
An objection of a plugin, a demotion, a revocation, an incident and whatever else ends a decision
still refuses.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aims_mlops.dossier.dossier import Dossier
from aims_mlops.evidence.bodies.decision import DecisionBody, PromotionBody
from aims_mlops.gates.decision.decision import Decision
from aims_mlops.gates.decision.reason import Reason
from aims_mlops.gates.decision.request import PromotionRequest
from aims_mlops.gates.decision_validity import valid_decision
from aims_mlops.inventory.project import Project
from aims_mlops.policy.policy import Policy

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

_BY_NOBODY = PromotionRequest.__dataclass_fields__["enforced_by"].default


def back_to_valid(
    decision: Decision, store: EvidenceStore, project: Project, policy: Policy, dossier: Dossier
) -> Decision | None:
    """The valid decision in place of a refusal, if a promotion back to this version was asked.

    None where the gate did not refuse, no alias, stage or tag was asked for, the version was not
    promoted to the target before, a plugin objects, or its decision no longer stands.
    """
    request = decision.request
    if decision.verdict != "refused" or request is None or request.alias is None:
        return None
    if request.objections or not _was_promoted(dossier, request):
        return None
    if policy.digest != _in_force(project, request.target):
        return None  # asked about another policy than the one that decides about the target
    standing = valid_decision(
        store, request.model, request.target, project=project, now=datetime.now(UTC)
    )
    if not standing.stands or standing.record is None:
        return None
    rules = ", ".join(reason.rule for reason in decision.refusals)
    note = (
        "roll-back: the decision that was made about this content stands, so that no new one was "
        f"made; a new one would be refused ({rules})"
    )
    consent = DecisionBody.of(standing.record).consent
    return replace(
        decision,
        verdict="allowed",
        reasons=(_stands(standing.record.id, standing.record.received_at),),
        checks=(),
        consent=dict(consent or {}),
        uncounted=(),
        waivers=(),
        broke_glass=False,
        notes=(*decision.notes, note),
        record=standing.record.id,
    )


def _was_promoted(dossier: Dossier, request: PromotionRequest) -> bool:
    """Whether this content was promoted to the target before, under this registered name."""
    for record in dossier.of_kind("promotion"):
        promotion = PromotionBody.of(record)
        if promotion.outcome == "set" and _is_one(promotion, promotion.name, request):
            return True
    # A registry whose writes are tied to their decision notes the outcome afterwards, if it can.
    for record in dossier.of_kind("decision"):
        body = DecisionBody.of(record)
        asked = body.request
        if not body.allowed or asked is None:
            continue
        model = asked.get("model")
        tied = asked.get("alias") is not None and asked.get("enforced_by") != _BY_NOBODY
        if tied and isinstance(model, dict) and _is_one(body, model.get("name"), request):
            return True
    return False


def _is_one(body: DecisionBody | PromotionBody, name: object, request: PromotionRequest) -> bool:
    same = (body.target, body.model) == (request.target, request.model.sha256)
    return same and request.model.name in (None, name)


def _in_force(project: Project, target: str) -> str | None:
    from aims_mlops.policy.loading import load_policy

    source = project.policy_source(target)
    return load_policy(source).digest if source is not None else None


def _stands(record: str, decided_at: str) -> Reason:
    return Reason(
        rule="decision.stands",
        outcome="pass",
        observed=f"decision {record[:8]} of {decided_at} stands, and it was promoted before",
        limit="a valid decision about exactly this content",
        next_step="none",
        severity="critical",
        controls=("A.6.2.5",),
    )
