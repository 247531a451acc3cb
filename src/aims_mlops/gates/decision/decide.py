"""Policy + evidence + time → decision. Pure: no store, no measures, no clock, no files.

Rules of this module
- the same request, policy, evidence and time give the same decision, years later too;
- every refusal has a reason, what was observed, the limit and a next step;
- taking evidence away never turns a refusal into a permission: what is missing refuses, and a
  decision repeated on other records than it was asked about refuses;
- a record counts through digests, never through a name and version;
- an error inside a check refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from aims_mlops.approvals.waiver import waivers_in_force
from aims_mlops.assessments.carry_over import CarriedOver, keep_assessment
from aims_mlops.dossier.binding import Binding, rule_of
from aims_mlops.dossier.dossier import Dossier, evidence_root
from aims_mlops.evidence.bodies.consent import ImpactAssessmentBody
from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.records import Record
from aims_mlops.gates.decision.break_glass import broken
from aims_mlops.gates.decision.consent import check_assessment, check_consent
from aims_mlops.gates.decision.decision import Decision
from aims_mlops.gates.decision.evidence import check_figures, check_required
from aims_mlops.gates.decision.operations import check_oversight, notes_on
from aims_mlops.gates.decision.reason import Objection, Reason
from aims_mlops.gates.decision.request import PromotionRequest
from aims_mlops.gates.decision.waiving import waived
from aims_mlops.policy.policy import Policy

__all__ = ["Decision", "Objection", "PromotionRequest", "Reason", "decide"]


def decide(
    request: PromotionRequest, policy: Policy, evidence: Sequence[Record], now: datetime
) -> Decision:
    """Decide about one promotion.

    evidence : the records that the store has about the model, its runs, datasets and system, and
        all consent; in any order, duplicates count once.
    now : aware; ages are counted against the store's clock in `received_at`.
    """
    system = request.system.id if request.system is not None else None
    kept = keep_assessment(
        Dossier.of(request.model.sha256, system, evidence), policy, request.around(now)
    )
    dossier = kept.dossier
    binding = Binding.of(
        dossier, target=request.target, policy=policy.digest, rule=request.evidence_rule
    )
    reasons = list(_about_the_request(request, policy, dossier))
    reasons += check_required(policy, dossier, now, uri=request.model.uri)
    figures, checks = check_figures(policy, dossier, now)
    reasons += figures
    reasons += check_assessment(policy, dossier, request, now, re_opened=kept.why_not)
    consent = check_consent(policy, dossier, binding, request, now)
    reasons += consent.reasons
    reasons += check_oversight(policy, request.oversight)
    reasons += [_objection(objection) for objection in request.objections]
    waivers = waivers_in_force(
        dossier,
        policy.waivers,
        people=request.people,
        target=request.target,
        policy=policy.digest,
        now=now,
        key_rule=request.around(now).key_rule(policy),
    )
    reasons = [waived(reason, policy, waivers) for reason in reasons]
    reasons, broke_glass = broken(reasons, request, policy)
    reasons.sort(key=lambda reason: (not reason.refuses, reason.outcome == "pass", reason.rule))
    refused = any(reason.refuses for reason in reasons)
    return Decision(
        verdict="refused" if refused else "allowed",
        target=request.target,
        model=request.model.sha256,
        model_uri=request.model.uri,
        at=stamp(now),
        policy=policy.digest,
        policy_id=policy.id,
        reasons=tuple(reasons),
        checks=tuple(checks),
        bound=binding,
        attempts=len(dossier.other_models),
        other_models=dossier.other_models[:100],
        consent={human: record.id for human, record in consent.counted.items()},
        uncounted=tuple((record.id, why) for record, why in consent.refused),
        waivers=tuple(
            sorted(
                {
                    w.record
                    for r in reasons
                    if (w := waivers.get(r.rule)) is not None and r.waived_by == w.record
                }
            )
        ),
        broke_glass=broke_glass,
        notes=(
            *_notes(request, policy, approved=bool(consent.counted), broke_glass=broke_glass),
            *_first_use_note(request, consent.first_use),
            *_kept_note(kept),
            *_earlier_rule_notes(consent.counted.values(), binding),
            *notes_on(policy, request.oversight),
        ),
        request=request,
        evidence=tuple(record.id for record in dossier.records),
    )


def _about_the_request(request: PromotionRequest, policy: Policy, dossier: Dossier) -> list[Reason]:
    reasons: list[Reason] = []
    if policy.is_empty:
        reasons.append(
            Reason(
                rule="policy.asks-for-something",
                outcome="fail",
                observed="the policy asks for nothing",
                limit="a blocking requirement or rule, an assessment or approvals",
                next_step="extend a pack: extends: [baseline]",
                severity="critical",
            )
        )
    risk_tier = request.system.risk_tier if request.system else None
    if not policy.is_for(target=request.target, model=request.model.name, risk_tier=risk_tier):
        reasons.append(
            Reason(
                rule="policy.is-for-target",
                outcome="fail",
                observed=f"policy {policy.id} is not for target {request.target!r} and this model",
                limit="a policy written for the promotion",
                next_step="name another policy with --policy, or add the target to this one",
                severity="critical",
            )
        )
    digest = evidence_root(dossier.records)
    if request.evidence_digest is not None and request.evidence_digest != digest:
        reasons.append(
            Reason(
                rule="evidence.is-complete",
                outcome="error",
                observed="the records are not those that the decision was asked about",
                limit="the very records that were read from the log",
                next_step="read the evidence from the log again: aims evidence list",
                severity="critical",
            )
        )
    if not any(r.evidence.kind == "model" for r in dossier.of_kind("model")):
        reasons.append(
            Reason(
                rule="model.is-recorded",
                outcome="missing",
                observed=f"no record of a model with digest {dossier.model[:12]}…",
                limit="a model record with this very content digest",
                next_step="train it in a recorded run: @aims.training, then promote that version",
                severity="critical",
                controls=("A.6.2.3",),
            )
        )
    return [*reasons, *_about_the_system(request, policy), *_about_the_pin(policy, dossier)]


def _about_the_system(request: PromotionRequest, policy: Policy) -> list[Reason]:
    known = request.system is not None
    return [
        Reason(
            rule="system.is-declared",
            outcome="pass" if known else "missing",
            observed=f"AI system {request.system.id}" if request.system else "no AI system",
            limit="an AI system in aims.yaml that the model belongs to",
            next_step=(
                "none"
                if known
                else "in aims.yaml (aims init writes one), add the model's name to `models:`"
            ),
            severity="critical",
            blocking=policy.assessment.required or policy.approvals is not None,
            controls=("A.3.2", "A.6.2.2"),
        )
    ]


def _about_the_pin(policy: Policy, dossier: Dossier) -> list[Reason]:
    """A policy that was written after the run could have been fitted to its result."""
    if not policy.pinned:
        return []
    in_log = [
        record.sequence for record in dossier.of_kind("policy") if policy.digest in _digests(record)
    ]
    runs = [record.sequence for record in dossier.of_kind("model")]
    good = bool(in_log) and bool(runs) and min(in_log) < min(runs)
    return [
        Reason(
            rule="policy.is-pinned",
            outcome="pass" if good else "fail",
            observed=(
                "the policy was recorded before the model"
                if good
                else "the policy was recorded after the model, or not at all"
            ),
            limit="this policy, by digest, in the log before the model that it judges",
            next_step="none" if good else "aims policy pin FILE, then train again",
            controls=("A.6.1.2", "A.6.2.4"),
        )
    ]


def _objection(objection: Objection) -> Reason:
    return Reason(
        rule=f"plugin.{objection.plugin}.{objection.rule}",
        outcome="fail",
        observed=objection.observed,
        limit=objection.limit,
        next_step=objection.next_step or f"ask whoever runs the plugin {objection.plugin}",
        severity=objection.severity,
    )


def _notes(
    request: PromotionRequest, policy: Policy, *, approved: bool, broke_glass: bool
) -> tuple[str, ...]:
    notes: list[str] = []
    if request.single_user:
        notes.append("single-user mode: separation of duties is not enforced in this project")
    elif approved and request.people.person(request.requester) is None:
        notes.append(
            f"{request.requester!r}, who asks, is nobody that aims.yaml names: whether it is an "
            "approver cannot be told"
        )
    if broke_glass:
        hours = policy.break_glass.second_person_within_hours
        notes.append(
            f"break-glass: {request.break_glass}; a nonconformity is open until a second person "
            f"approves within {hours} hours"
        )
    return tuple(notes)


def _first_use_note(request: PromotionRequest, humans: Sequence[str]) -> tuple[str, ...]:
    if not humans or not request.enrolment or request.single_user:
        return ()
    note = (
        f"nobody confirmed whose key {' and '.join(humans)} signed with: believed on first use, "
        "which keeps no duties apart (aims people list)"
    )
    return (note,)


def _kept_note(kept: CarriedOver) -> tuple[str, ...]:
    record = kept.dossier.kept
    if record is None:
        return ()
    of = f"model {str(ImpactAssessmentBody.of(record).model)[:12]}…, record {record.id[:8]}"
    note = f"the impact assessment of {of}, is kept: the policy's tolerance covers this model"
    return (note if kept.same is None else f"{note}, {kept.same}",)


def _earlier_rule_notes(counted: Iterable[Record], binding: Binding) -> Iterable[str]:
    for record in counted:
        rule = rule_of(record.evidence.body)
        if rule != binding.evidence_rule:
            yield (
                f"approval {record.id[:8]} names its evidence by rule {rule}; it counts, for "
                "nothing about this model changed since"
            )


def _digests(record: Record) -> frozenset[str]:
    return frozenset(subject.sha256 for subject in record.evidence.subjects)
