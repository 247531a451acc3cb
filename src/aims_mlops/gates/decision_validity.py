"""The decision that still stands for exactly this content and target, or why none does.

A decision is a fact about the past; whether it may be acted on today is asked here. It stands while
- it was made under the policy that decides about the target today, and made again from the log as
  it was then it allows the same: a record that only says so is no decision (`genuine`);
- the approvals that it counted, weighed with the people of today, are not taken back;
- the impact assessment behind it is the last one that was submitted, and has not run out;
- the waivers that it used still stand, and glass that was broken was looked at in time;
- nothing is open about the system, where the policy asks that of what is in use;
- the gate has not refused the same content since, and nobody took the promotion away.

Approvals have to be fresh when a decision is made, and need not be afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aims_mlops.approvals.follow_ups import in_vain, open_nonconformities
from aims_mlops.approvals.idp_roles import proved_people
from aims_mlops.approvals.separation_of_duties import last_incident
from aims_mlops.assessments.carry_over import ApprovalContext, CarriedOver, keep_assessment
from aims_mlops.dossier.binding import Binding
from aims_mlops.dossier.dossier import Dossier
from aims_mlops.dossier.query import gather, system_of, with_assessed
from aims_mlops.errors import GateUndecidedError
from aims_mlops.evidence.bodies.consent import ImpactAssessmentBody
from aims_mlops.evidence.bodies.decision import DecisionBody, PromotionBody
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.kinds import VALIDITY_KINDS
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Record
from aims_mlops.evidence.store import signed
from aims_mlops.gates.decision.consent import check_assessment, check_consent
from aims_mlops.gates.decision.operations import check_oversight
from aims_mlops.gates.decision.reason import Reason
from aims_mlops.gates.decision.request import PromotionRequest
from aims_mlops.gates.genuine import why_not_the_gates
from aims_mlops.gates.open_findings import open_about
from aims_mlops.inventory.declared.people import People
from aims_mlops.inventory.declared.system import System
from aims_mlops.inventory.project import Project
from aims_mlops.operations.in_use import Uses
from aims_mlops.policy.loading import load_policy
from aims_mlops.policy.policy import Policy

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

# Refusals for these reasons depend on who asked; they are weighed anew instead.
_WEIGHED_ANEW = ("approvals.", "assessment.", "break-glass.", "oversight.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidDecision:
    """Whether content may be used for a target now.

    model : content digest.  record : the decision that stands, or the last that was found and no
    longer does; None if there never was one.  reasons : why none stands; empty if one does.
    """

    model: str
    target: str
    record: Record | None
    reasons: tuple[Reason, ...]

    @property
    def stands(self) -> bool:
        """Whether there is an allowing decision that nothing has ended."""
        return self.record is not None and not self.reasons

    def to_body(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "model": self.model,
            "target": self.target,
            "stands": self.stands,
            "decision": self.record.id if self.record else None,
            "decided_at": self.record.received_at if self.record else None,
            "reasons": [reason.to_body() for reason in self.reasons],
        }


def valid_decision(
    store: EvidenceStore,
    model: ModelReference | str,
    target: str,
    *,
    project: Project,
    now: datetime,
) -> ValidDecision:
    """The decision that stands for a model's content, or every reason why none does.

    model : a reference, or the bare content digest (64 hex digits).  now : aware.
    Raises StoreError if the log cannot be read, GateUndecidedError if no policy decides about the
    target, GovernanceError if the model belongs to two AI systems: each counts as refused.
    """
    store = signed(store)
    if isinstance(model, str):
        model = ModelReference(uri=f"sha256:{model}", sha256=model)
    target = project.target_name(target)
    policy = _policy_in_force(project, target)
    system = system_of(project, store, model)
    dossier = gather(store, model.sha256, system.id if system else None)
    decisions = [
        record
        for record in dossier.of_kind("decision")
        if DecisionBody.of(record).target == target
        and DecisionBody.of(record).model == model.sha256
    ]
    allowed = [r for r in decisions if DecisionBody.of(r).allowed]
    in_force = [r for r in allowed if DecisionBody.of(r).policy == policy.digest]
    record: Record | None = None
    if in_force:
        record = in_force[-1]
        look = _Look(store, dossier, policy, project, model, system, target, record, now)
        reasons = look.reasons(decisions)
    elif allowed:
        record = allowed[-1]
        reasons = [_another_policy(record, policy, model, target)]
    else:
        reasons = [_never(model, target, decisions)]
    return ValidDecision(model=model.sha256, target=target, record=record, reasons=tuple(reasons))


@dataclass(frozen=True, slots=True)
class _Look:
    """One allowed decision under the policy in force, held against what the log says now."""

    store: EvidenceStore
    dossier: Dossier
    policy: Policy
    project: Project
    model: ModelReference
    system: System | None
    target: str
    record: Record
    now: datetime

    @property
    def people(self) -> People:
        return proved_people(self.project, self.store, self.dossier)

    def reasons(self, decisions: Sequence[Record]) -> list[Reason]:
        found = [*self._is_no_decision(), *self._refused_since(decisions), *self._taken_away()]
        found += self._not_carried_out()
        found += self._no_longer_agreed()
        found += self._run_out()
        found += self._open_now()
        return found

    def _is_no_decision(self) -> Iterable[Reason]:
        why = why_not_the_gates(self.store, self.record, self.dossier, self.policy, self.people)
        if why is not None:
            yield self._reason("decision.is-repeatable", "error", why, "the same answer again")

    def _refused_since(self, decisions: Sequence[Record]) -> Iterable[Reason]:
        for later in decisions:
            body = DecisionBody.of(later)
            if (
                later.sequence > self.record.sequence
                and body.verdict == "refused"
                and body.policy == self.policy.digest
                and (rules := _refusing_rules(body))
            ):
                yield self._reason(
                    "decision.not-refused-since",
                    "fail",
                    f"the gate refused it at {later.received_at}: {', '.join(rules)} "
                    f"(record {later.id[:8]})",
                    "no later refusal of the same content",
                )
                return

    def _taken_away(self) -> Iterable[Reason]:
        uses = Uses(
            record
            for record in self.dossier.of_kind("promotion")
            if PromotionBody.of(record).target == self.target
        )
        if len(uses) or not uses.last:
            return
        last = max(uses.last.values(), key=lambda record: record.sequence)
        if last.sequence > self.record.sequence:
            yield self._reason(
                "decision.not-demoted",
                "fail",
                f"{last.evidence.actor} took the promotion away at {last.received_at} "
                f"(record {last.id[:8]})",
                "a promotion that was not taken away since",
            )

    def _not_carried_out(self) -> Iterable[Reason]:
        if in_vain(self.record, self.dossier.of_kind("promotion")):
            yield self._reason(
                "break-glass.carried-out",
                "fail",
                "glass was broken for a promotion that the registry then refused",
                "a promotion that happened",
            )

    def _no_longer_agreed(self) -> Iterable[Reason]:
        """Consent and assessment of the decision, with the people and the system of today."""
        body = DecisionBody.of(self.record)
        asked = body.request
        size = _size_of(asked)
        then = Dossier.of(
            self.dossier.model,
            self.dossier.system,
            [record for record in self.dossier.records if record.sequence < size],
        )
        request = PromotionRequest(
            model=self.model,
            target=self.target,
            requester=str(asked.get("requester")) if asked is not None else "unknown",
            system=self.system,
            people=self.people,
            single_user=self.project.settings.single_user,
        )
        decided = parse(self.record.received_at)
        around = request.around(decided)
        then = keep_assessment(
            with_assessed(self.store, then, self.policy, size=size), self.policy, around
        ).dossier
        binding = Binding.of(then, target=self.target, policy=self.policy.digest)
        kept = self._still_kept(then, around)
        dossier = kept.dossier
        needs_system = self.policy.assessment.required or self.policy.approvals is not None
        if self.system is None and needs_system:
            yield self._reason(
                "system.is-declared", "missing", "no AI system", "an AI system in aims.yaml"
            )
        incident = last_incident(self.dossier)
        if self.policy.approvals is None and incident > self.record.sequence:
            # Where approvals are asked for, it takes them back; here nothing else would.
            yield self._reason(
                "decision.no-incident-since",
                "fail",
                f"an incident of the system since (record {incident})",
                "no incident since it was decided",
            )
        if self.dossier.datasets != binding.datasets:
            yield self._reason(
                "decision.same-data",
                "fail",
                "a later run recorded this model with other datasets",
                "the datasets that were decided about",
            )
        if dossier.assessment_digest != binding.assessment:
            yield self._reason(
                "assessment.not-superseded",
                "fail",
                "; ".join(kept.why_not) or "another impact assessment was submitted since",
                "the impact assessment that was decided about",
            )
        reasons = check_assessment(self.policy, dossier, request, self.now, re_opened=kept.why_not)
        reasons += check_consent(self.policy, dossier, binding, request, decided).reasons
        glass = body.broke_glass is True
        for reason in reasons:
            if reason.refuses and not (glass and reason.rule != "approvals.no-rejection"):
                yield reason

    def _still_kept(self, then: Dossier, around: ApprovalContext) -> CarriedOver:
        """Today's dossier with the assessment that the decision kept from another model, if any.

        Only what speaks against it counts since: it was held against the evidence of that time.
        """
        if then.kept is None:
            return CarriedOver(self.dossier)
        of = str(ImpactAssessmentBody.of(then.kept).model)
        since = [r for r in self.dossier.records if r.evidence.kind in VALIDITY_KINDS]
        return keep_assessment(
            Dossier.of(then.model, then.system, [*then.records, *since]), self.policy, around, of=of
        )

    def _run_out(self) -> Iterable[Reason]:
        """Waivers that no longer stand, and glass that nobody looked at in time."""
        earlier = [r for r in self.dossier.records if r.sequence <= self.record.sequence]
        waivers = [r for r in self.dossier.of_kind("waiver") if r.sequence > self.record.sequence]
        dossier = Dossier.of(self.dossier.model, self.dossier.system, [*earlier, *waivers])
        for open_ in open_nonconformities(
            dossier,
            self.policy,
            self.people,
            target=self.target,
            now=self.now,
            key_rule=self.policy.key_rule(
                risk_tier=self.system.risk_tier if self.system else None,
                single_user=self.project.settings.single_user,
            ),
        ):
            if open_.what == "expired-waiver" or open_.overdue:
                rule = {"expired-waiver": "waiver.stands"}.get(open_.what, "break-glass.in-time")
                reason = self._reason(rule, "stale", open_.observed, f"due {open_.due or 'always'}")
                yield replace(reason, next_step=open_.next_step)

    def _open_now(self) -> Iterable[Reason]:
        """What is open about the system, where the policy ends the standing of what is in use."""
        oversight = self.policy.oversight
        if oversight is not None and oversight.in_use == "refuse":
            findings = open_about(self.store, self.project, self.system, self.now)
            yield from (r for r in check_oversight(self.policy, findings) if r.refuses)

    def _reason(self, rule: str, outcome: Any, observed: str, limit: str) -> Reason:
        return Reason(
            rule=rule,
            outcome=outcome,
            observed=observed,
            limit=limit,
            next_step=_again(self.model, self.target),
            severity="critical",
            controls=("A.6.2.5",),
        )


def _policy_in_force(project: Project, target: str) -> Policy:
    source = project.policy_source(target)
    if source is None:
        raise GateUndecidedError(
            f"no policy decides about the target {target!r}",
            got="targets " + (", ".join(project.settings.targets) or "none"),
            next_step="name it under targets in aims.yaml; AIMS_PROJECT says where that is",
        )
    return load_policy(source)


def _never(model: ModelReference, target: str, decisions: Sequence[Record]) -> Reason:
    last = decisions[-1] if decisions else None
    if last is None:
        observed = f"no decision about content {model.sha256[:16]}… for {target}"
    else:
        observed = f"the gate has only {DecisionBody.of(last).verdict} it, at "
        observed += f"{last.received_at} (record {last.id[:8]})"
    return Reason(
        rule="decision.exists",
        outcome="missing",
        observed=observed,
        limit="an allowed decision about exactly this content",
        next_step=_again(model, target) + "; if files were changed, restore those decided about",
        severity="critical",
        controls=("A.6.2.5",),
    )


def _another_policy(record: Record, policy: Policy, model: ModelReference, target: str) -> Reason:
    then = str(DecisionBody.of(record).policy)
    return Reason(
        rule="policy.is-in-force",
        outcome="fail",
        observed=f"it was decided under policy {then[:16]}… (record {record.id[:8]})",
        limit=f"policy {policy.id} {policy.digest[:16]}…, which decides about {target} now",
        next_step=_again(model, target),
        severity="critical",
        controls=("A.6.1.3",),
    )


def _refusing_rules(body: DecisionBody) -> list[str]:
    """Rules that refused in a decision's record and do not depend on who asked."""
    return [
        str(reason.get("rule"))
        for reason in body.reasons or ()
        if isinstance(reason, dict)
        and reason.get("refuses")
        and not str(reason.get("rule")).startswith(_WEIGHED_ANEW)
    ]


def _size_of(asked: Any) -> int:
    """Size of the log that a decision was made from; 0, so nothing counts, if it does not say."""
    try:
        return int(str(asked["checkpoint"]).split()[0])
    except (KeyError, TypeError, ValueError, IndexError):
        return 0


def _again(model: ModelReference, target: str) -> str:
    return f"aims gate {model.uri} --for {target}"
