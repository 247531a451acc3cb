"""The impact assessment and the approvals, held against the policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from shlex import quote
from typing import Any

from aims_mlops.approvals.consent import Consent, roles_of, weigh_consent
from aims_mlops.approvals.keys.enrolment import unconfirmed
from aims_mlops.approvals.separation_of_duties import involved_in, last_incident
from aims_mlops.assessments.lifecycle import overdue_review
from aims_mlops.dossier.binding import Binding
from aims_mlops.dossier.dossier import Dossier
from aims_mlops.evidence.bodies.consent import ImpactAssessmentBody
from aims_mlops.evidence.clock import parse, stamp
from aims_mlops.evidence.kinds import CONSENT_KINDS
from aims_mlops.evidence.records import Record
from aims_mlops.gates.decision.reason import Reason
from aims_mlops.gates.decision.recreated_version import created_again
from aims_mlops.gates.decision.request import PromotionRequest
from aims_mlops.policy.grammar import ApprovalsRequired
from aims_mlops.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class ConsentCheck:
    """The reasons that come of approvals, and which approvals counted.

    first_use : whoever's key was believed though nobody had confirmed it.
    """

    reasons: tuple[Reason, ...]
    counted: Mapping[str, Record] = field(default_factory=dict)
    refused: tuple[tuple[Record, str], ...] = ()
    first_use: tuple[str, ...] = ()


def check_assessment(
    policy: Policy,
    dossier: Dossier,
    request: PromotionRequest,
    now: datetime,
    *,
    re_opened: Sequence[str] = (),
) -> list[Reason]:
    """Whether a submitted assessment about this model is there, fresh, and within its limits.

    re_opened : why the assessment of the model before is not kept for this one, in words.
    """
    required = policy.assessment
    if not required.required:
        return []
    limit = f"a submitted impact assessment, at most {required.max_age_days} days old"

    def reason(rule: str, outcome: Any, observed: str, limit: str, next_step: str) -> Reason:
        return Reason(
            rule=rule,
            outcome=outcome,
            observed=observed,
            limit=limit,
            next_step=next_step,
            severity=required.severity,
            controls=required.controls,
        )

    submit = f"aims assess submit --model {quote(request.model.uri)}"
    record = dossier.assessment
    if record is None:
        next_step = f"name its AI system in aims.yaml (aims init writes one), then {submit}"
        if request.system is not None:
            next_step = f"aims assess new {request.system.id}, fill it in, then {submit}"
        observed = "none about this model"
        if re_opened:
            observed += f", and the one before is re-opened: {'; '.join(re_opened)}"
        return [reason("assessment.submitted", "missing", observed, limit, next_step)]
    body = ImpactAssessmentBody.of(record)
    age = now - parse(record.received_at)
    observed = f"{age.days} days old, record {record.id[:8]}"
    again = f"look through it again, then {submit}"
    if age > timedelta(days=required.max_age_days):
        return [reason("assessment.submitted", "stale", observed, limit, again)]
    if (overdue := overdue_review(record, now)) is not None:
        return [reason("assessment.submitted", "stale", overdue, limit, again)]
    if request.system is not None and record.evidence.system != request.system.id:
        observed = f"it is about the AI system {record.evidence.system!r}"
        return [reason("assessment.submitted", "fail", observed, limit, again)]
    created = created_again(dossier, request.model) if policy.approvals is None else None
    if created is not None and parse(record.received_at) < created:
        observed = f"it was submitted before {_again(request, created)}"
        return [reason("assessment.submitted", "stale", observed, limit, again)]
    reasons = [reason("assessment.submitted", "pass", observed, limit, "none")]
    if (highest := required.residual_impact_max) is not None:
        residual = body.residual_impact_max
        good = isinstance(residual, int) and residual <= highest
        reasons.append(
            reason(
                "assessment.residual-impact",
                "pass" if good else "fail",
                "not stated" if residual is None else f"{residual} at most",
                f"at most {highest} (likelihood × severity, after measures)",
                "none" if good else "add measures, or assess the residual impact again",
            )
        )
    says_use = body.intended_use is not None or "intended_use" in body.odd
    if says_use and request.system is not None:
        same = body.intended_use == request.system.intended_use
        reasons.append(
            reason(
                "assessment.intended-use",
                "pass" if same else "fail",
                "as assessed" if same else "aims.yaml states another intended use by now",
                "the intended use that was assessed",
                "none" if same else f"assess the new intended use, then {submit}",
            )
        )
    return reasons


def check_consent(
    policy: Policy,
    dossier: Dossier,
    binding: Binding,
    request: PromotionRequest,
    now: datetime,
) -> ConsentCheck:
    """Whether enough other people agree, and nobody refuses."""
    required = policy.approvals
    if required is None:
        return ConsentCheck(())
    consent = [r for r in dossier.records if r.evidence.kind in CONSENT_KINDS]
    key_rule = request.around(now).key_rule(policy)
    involved = involved_in(dossier, request.requester)
    found = weigh_consent(
        consent,
        binding=binding,
        required=required,
        involved=involved,
        people=request.people,
        single_user=request.single_user,
        now=now,
        reopened_at=last_incident(dossier),
        key_rule=key_rule,
    )
    if (created := created_again(dossier, request.model)) is not None:
        found = _given_since(created, found, request)
    reasons = [_enough(required, found, request)]
    if required.each_role:
        held = roles_of(found, consent, request.people, key_rule=key_rule, involved=involved)
        reasons += [_role(required, role, held, request) for role in required.roles]
    for human, why in found.rejected_by:
        did = "returned" if human in found.returned_by else "rejected"
        reasons.append(
            _reason(
                required,
                "approvals.no-rejection",
                "fail",
                f"{human} {did} it: {why}",
                "no standing rejection",
                f"settle it with {human}, who can then approve: {_approve(request)}",
            )
        )
    first_use = () if key_rule.confirmed else unconfirmed(found.counted, consent, request.people)
    return ConsentCheck(tuple(reasons), found.counted, found.refused, first_use)


def _given_since(created: datetime, found: Consent, request: PromotionRequest) -> Consent:
    """Consent without the approvals that were given to an earlier version of this number."""
    early = {
        human: record
        for human, record in found.counted.items()
        if parse(record.received_at) < created
    }
    why = f"it was given before {_again(request, created)}"
    return replace(
        found,
        counted={human: r for human, r in found.counted.items() if human not in early},
        refused=(*found.refused, *((record, why) for record in early.values())),
    )


def _again(request: PromotionRequest, created: datetime) -> str:
    model = request.model
    return f"version {model.version} of {model.name!r} was created again at {stamp(created)}"


def _enough(required: ApprovalsRequired, found: Consent, request: PromotionRequest) -> Reason:
    have = len(found.counted)
    names = ", ".join(sorted(found.counted))
    observed = f"{have}" + (f" ({names})" if names else "")
    if have < required.count and found.refused:
        record, why = found.refused[-1]
        observed += f"; approval {record.id[:8]} does not count: {why}"
    who = " or ".join(required.roles) if required.roles else "another person"
    limit = f"{required.count} by {who}, not by the {', '.join(required.not_by) or 'nobody'}"
    good = have >= required.count
    step = _approve(request)
    possible = request.people.with_role(required.roles)
    if not good and request.single_user and required.single_user == "refuse":
        step = "add a second person under people in aims.yaml, who then approves"
    elif not good and not possible:
        step = _give_role(who, request)
    return _reason(
        required,
        "approvals.count",
        "pass" if good else ("fail" if found.refused else "missing"),
        observed,
        limit,
        "none" if good else step,
    )


def _role(
    required: ApprovalsRequired,
    role: str,
    held: Mapping[str, frozenset[str]],
    request: PromotionRequest,
) -> Reason:
    holders = [human for human, roles in held.items() if role in roles]
    possible = ", ".join(request.people.with_role((role,)))
    step = f"one of {possible} runs {_approve(request)}" if possible else _give_role(role, request)
    return _reason(
        required,
        f"approvals.role-{role}",
        "pass" if holders else "missing",
        ", ".join(holders) or "none",
        f"an approval by the role {role}",
        "none" if holders else step,
    )


def _give_role(role: str, request: PromotionRequest) -> str:
    file = "aims.yaml" if request.people.known else "aims.yaml (aims init writes one)"
    return f"give somebody under people in {file} the role {role}"


def _approve(request: PromotionRequest) -> str:
    model = quote(request.model.uri)
    return f"aims assess approve --model {model} --for {quote(request.target)} --as PERSON"


def _reason(
    required: ApprovalsRequired, rule: str, outcome: Any, observed: str, limit: str, step: str
) -> Reason:
    return Reason(
        rule=rule,
        outcome=outcome,
        observed=observed,
        limit=limit,
        next_step=step,
        severity=required.severity,
        controls=required.controls,
    )
