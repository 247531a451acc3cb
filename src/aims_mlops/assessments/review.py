"""What the log says about one model before one target, as a person or the gate looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aims_mlops.approvals.consent import Consent, weigh_consent
from aims_mlops.approvals.follow_ups import FollowUp, open_nonconformities
from aims_mlops.approvals.idp_roles import proved_people
from aims_mlops.approvals.separation_of_duties import involved_in, last_incident
from aims_mlops.assessments.approval_text import approval_text
from aims_mlops.assessments.carry_over import ApprovalContext, CarriedOver, keep_assessment
from aims_mlops.assessments.lifecycle import AssessmentState, current_state
from aims_mlops.dossier.binding import Binding
from aims_mlops.dossier.changes import changes_between, material_changes
from aims_mlops.dossier.dossier import Dossier
from aims_mlops.dossier.query import gather, system_of, with_assessed
from aims_mlops.errors import InputError
from aims_mlops.evidence.kinds import CONSENT_KINDS, VERDICT_KINDS
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.store import signed
from aims_mlops.inventory.declared.system import System
from aims_mlops.inventory.project import Project
from aims_mlops.policy.grammar import ApprovalsRequired, ImpactScale
from aims_mlops.policy.key_rule import KeyRule
from aims_mlops.policy.loading import load_policy
from aims_mlops.policy.policy import Policy

if TYPE_CHECKING:
    from aims_mlops.evidence.records import Record
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


@dataclass(frozen=True)
class ReviewContext:
    """One model before one target, with everything the log says about it.

    changes : against the model of the same system that was assessed before, in words.
    shown : the text that an approver reads and signs.
    re_opened : why the assessment of that model is not kept for this one, if the policy keeps any.
    """

    project: Project
    store: EvidenceStore
    model: ModelReference
    policy: Policy
    target: str
    system: System | None
    dossier: Dossier
    binding: Binding
    changes: tuple[str, ...]
    shown: str
    re_opened: tuple[str, ...] = ()

    @property
    def key_rule(self) -> KeyRule:
        """When a signature is a person's, under this policy and for this system."""
        return self.policy.key_rule(
            risk_tier=self.system.risk_tier if self.system else None,
            single_user=self.project.settings.single_user,
        )


def review_of(
    project: Project,
    store: EvidenceStore,
    model: ModelReference,
    target: str,
    policy: str | None = None,
) -> ReviewContext:
    """Everything about a model that whoever answers its assessment is shown.

    policy : a file or pack; without it, the one that aims.yaml names for the target. Raises
    InputError if there is none.
    """
    target = project.target_name(target)
    source = policy or project.policy_source(target)
    if source is None:
        raise InputError(
            f"no policy decides about the target {target!r}",
            next_step="name it under targets in aims.yaml, or give --policy FILE",
        )
    rules = load_policy(source)
    system = system_of(project, store, model)
    kept = load_review(
        project, store, model, rules, target=target, system=system, now=datetime.now(UTC)
    )
    dossier = kept.dossier
    binding = Binding.of(dossier, target=target, policy=rules.digest)
    changes = _since_the_last(store, dossier, system)
    shown = approval_text(dossier, binding, rules, model_uri=model.uri, changes=changes)
    return ReviewContext(
        project,
        store,
        model,
        rules,
        target,
        system,
        dossier,
        binding,
        changes,
        shown,
        kept.why_not,
    )


def _dossier_now(case: ReviewContext) -> Dossier:
    """As the log is by now, after an answer was written."""
    return load_review(
        case.project,
        case.store,
        case.model,
        case.policy,
        target=case.target,
        system=case.system,
        now=datetime.now(UTC),
    ).dossier


def _since_the_last(
    store: EvidenceStore, dossier: Dossier, system: System | None
) -> tuple[str, ...]:
    """What changed against the model of the system that was assessed before."""
    before = dossier.assessed_before
    if before is None:
        return ()
    return tuple(changes_between(gather(store, before, dossier.system), dossier, system))


def consent_of(case: ReviewContext, *, as_read: bool = False) -> Consent:
    """Approvals and rejections weighed as the gate would now; the requester is not known yet.

    as_read : from what the case has read, and not from the log as it is by now.
    """
    dossier = case.dossier if as_read else _dossier_now(case)
    return weigh_consent(
        [r for r in dossier.records if r.evidence.kind in CONSENT_KINDS],
        binding=Binding.of(dossier, target=case.target, policy=case.policy.digest),
        required=case.policy.approvals or ApprovalsRequired(),
        involved=involved_in(dossier, requester=""),
        people=proved_people(case.project, case.store, dossier),
        single_user=case.project.settings.single_user,
        now=datetime.now(UTC),
        reopened_at=last_incident(dossier),
        key_rule=case.key_rule,
    )


def why_not_counted(case: ReviewContext) -> str | None:
    """Why the newest approval of this model does not count; None if it does."""
    dossier = _dossier_now(case)
    approvals = dossier.of_kind("approval")
    consent = consent_of(case)
    return next((why for r, why in consent.refused if approvals and r.id == approvals[-1].id), None)


def state_of(case: ReviewContext, consent: Consent | None = None) -> AssessmentState:
    """Where the assessment of this model stands under the policy."""
    required = case.policy.approvals
    consent = consent or consent_of(case)
    seen = max((record.sequence for record in consent.counted.values()), default=-1)
    return current_state(
        case.dossier.assessment,
        (),
        consent,
        needed=required.count if required else 0,
        max_age_days=case.policy.assessment.max_age_days,
        changes=material_changes(case.dossier, case.system, since=seen) or case.re_opened,
        now=datetime.now(UTC),
    )


def superseded(case: ReviewContext) -> list[tuple[Record, str]]:
    """Earlier assessments of this model, oldest first, each with what took its place."""
    found = case.dossier.of_kind("impact-assessment")
    return [
        (
            record,
            current_state(
                record,
                found[i + 1 :],
                None,
                needed=0,
                max_age_days=0,
                changes=(),
                now=datetime.now(UTC),
            ).why,
        )
        for i, record in enumerate(found[:-1])
    ]


def open_things(case: ReviewContext) -> list[FollowUp]:
    """What is open about this model after it was allowed: break-glass, waivers that ran out."""
    return open_nonconformities(
        case.dossier,
        case.policy,
        proved_people(case.project, case.store, case.dossier),
        target=case.target,
        now=datetime.now(UTC),
        key_rule=case.key_rule,
    )


def prior_assessment(project: Project, system: str) -> Record | None:
    """The newest assessment of a system whose last answer is an approval, else the newest."""
    store = signed(project.open_store())
    newest = None
    for record in store.find(kind="impact-assessment", system=system, newest_first=True):
        newest = newest or record
        digest = record.evidence.body.get("document_sha256")
        answers = store.find(kind=VERDICT_KINDS, system=system, since=record.sequence)
        last = [a for a in answers if a.evidence.body.get("assessment") == digest]
        if last and last[-1].evidence.kind == "approval":
            return record
    return newest


def impact_scale(project: Project, target: str) -> ImpactScale:
    """The scale of the policy for a target; the default one without a policy."""
    source = project.policy_source(target)
    return load_policy(source).impact_scale if source is not None else ImpactScale()
