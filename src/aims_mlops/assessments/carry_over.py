"""Whether a retrained model keeps the approved assessment of the model before. Pure.

Only under a policy with a tolerance, and only while the retrained model has no assessment of its
own. What is kept is the assessment of the system's model that was assessed last, if
- enough people approved it under this very policy, bound to what the log said then, and their
  approvals count today;
- nothing re-opened it since: an incident, a nonconformity, a rejection, a new evaluation;
- the retrained model stays within the tolerance (`tolerance`).
It still needs approvals of its own: those are bound to one model digest, the raw one, also where
the canonical digests say that the retraining was an identical one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from aims_mlops.approvals.consent import Consent, is_agreed, weigh_consent
from aims_mlops.approvals.separation_of_duties import involved_in, last_incident
from aims_mlops.assessments.tolerance import beyond_tolerance
from aims_mlops.dossier.binding import Binding
from aims_mlops.dossier.changes import changes_since, same_content
from aims_mlops.dossier.dossier import EVIDENCE_RULE, Dossier
from aims_mlops.evidence.kinds import CARRY_OVER_KINDS, CONSENT_KINDS
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.declared.people import People
from aims_mlops.inventory.declared.system import System
from aims_mlops.policy.grammar import ApprovalsRequired
from aims_mlops.policy.key_rule import KeyRule
from aims_mlops.policy.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalContext:
    """What weighing consent depends on besides the records; as the gate is asked.

    enrolment : false for a decision from before keys were enrolled, which is made again as it was.
    """

    target: str
    people: People
    single_user: bool
    system: System | None
    now: datetime
    evidence_rule: int = EVIDENCE_RULE
    enrolment: bool = True

    def key_rule(self, policy: Policy) -> KeyRule:
        """When a signature is a person's, under a policy."""
        rule = policy.key_rule(
            risk_tier=self.system.risk_tier if self.system else None, single_user=self.single_user
        )
        return rule if self.enrolment else replace(rule, confirmed=False)


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """The dossier, with the assessment that is kept if one is, and else why none is, in words.

    same : where one is kept and the retraining was an identical one, that in words.
    """

    dossier: Dossier
    why_not: tuple[str, ...] = ()
    same: str | None = None


def keep_assessment(
    dossier: Dossier, policy: Policy, around: ApprovalContext, *, of: str | None = None
) -> CarriedOver:
    """The dossier with the assessment that this policy keeps for its model.

    dossier : with the records about the model that was assessed before (`gather`).
    of : digest of the model whose assessment is kept; without it, the one assessed last.
    """
    tolerance = policy.assessment.tolerance
    before = of or dossier.assessed_before
    if tolerance is None or before is None or dossier.assessment is not None:
        return CarriedOver(dossier)
    old = Dossier.of(before, dossier.system, dossier.records)
    seen = _as_approved(old, policy, around)
    if isinstance(seen, str):
        return CarriedOver(
            dossier, (f"that of model {before[:12]}… is not approved by now: {seen}",)
        )
    approved_at = max(record.sequence for record in seen.records)
    why = changes_since(old, approved_at, CARRY_OVER_KINDS)
    why += beyond_tolerance(seen, dossier, around.system, tolerance)
    if why:
        return CarriedOver(dossier, tuple(why))
    return CarriedOver(replace(dossier, kept=seen.assessment), same=same_content(seen, dossier))


def _as_approved(old: Dossier, policy: Policy, around: ApprovalContext) -> Dossier | str:
    """The assessed model as the log showed it to the approvers who agreed, or why they do not."""
    required = policy.approvals
    if required is None:
        return "the policy asks for no approvals"
    why: list[str] = []
    consent = [record for record in old.records if record.evidence.kind in CONSENT_KINDS]
    key_rule = around.key_rule(policy)
    for seen in _moments(old):
        found = weigh_consent(
            consent,
            binding=Binding.of(
                seen, target=around.target, policy=policy.digest, rule=around.evidence_rule
            ),
            required=required,
            involved=(involved := involved_in(seen, requester="")),
            people=around.people,
            single_user=around.single_user,
            now=around.now,
            reopened_at=last_incident(old),
            key_rule=key_rule,
        )
        if seen.assessment != old.assessment:
            why.append("another assessment of it was submitted since")
        elif is_agreed(
            found, required, consent, around.people, key_rule=key_rule, involved=involved
        ):
            last = max(record.sequence for record in found.counted.values())
            return Dossier.of(seen.model, seen.system, _until(old, last))
        else:
            why.append(_why_not_agreed(found, required))
    return why[0] if why else "nobody approved it"


def _why_not_agreed(found: Consent, required: ApprovalsRequired) -> str:
    if found.rejected_by:
        return "rejected by " + "; ".join(f"{who}: {why}" for who, why in found.rejected_by)
    if found.refused:
        return found.refused[-1][1]
    roles = f", not one of each role: {', '.join(required.roles)}" if required.each_role else ""
    return f"{len(found.counted)} of {required.count} approvals count{roles}"


def _moments(old: Dossier) -> Iterator[Dossier]:
    """The log as each approval of the model found it, the newest first; each state once."""
    roots = set()
    for approval in reversed(old.of_kind("approval")):
        seen = Dossier.of(old.model, old.system, _until(old, approval.sequence))
        if seen.evidence_root not in roots:
            roots.add(seen.evidence_root)
            yield seen


def _until(old: Dossier, sequence: int) -> list[Record]:
    return [record for record in old.records if record.sequence <= sequence]
