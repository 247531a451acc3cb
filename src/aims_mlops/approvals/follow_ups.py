"""What was allowed and has to be made good: break-glass and waivers that ran out. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from shlex import quote

from aims_mlops.approvals.waiver import weigh_waivers
from aims_mlops.dossier.dossier import Dossier
from aims_mlops.evidence.bodies.decision import DecisionBody, PromotionBody
from aims_mlops.evidence.clock import parse, stamp
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.declared.people import People
from aims_mlops.policy.key_rule import KeyRule
from aims_mlops.policy.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """Something that is open about a promoted model.

    what : `break-glass` or `expired-waiver`.  since, due : RFC 3339.
    overdue : whether the time to put it right is over.  record : id of the decision or waiver.
    """

    what: str
    model: str
    target: str
    record: str
    observed: str
    next_step: str
    since: str
    due: str | None
    overdue: bool


def open_nonconformities(
    dossier: Dossier,
    policy: Policy,
    people: People,
    *,
    target: str,
    now: datetime,
    key_rule: KeyRule,
) -> list[FollowUp]:
    """What is open about a model under the decision that allowed it last for a target.

    key_rule : when a signature is a person's, as the policy asks for the model's system.
    """
    allowed = [
        record
        for record in dossier.of_kind("decision")
        if DecisionBody.of(record).allowed
        and DecisionBody.of(record).target == target
        and not in_vain(record, dossier.of_kind("promotion"))
    ]
    if not allowed:
        return []
    return [
        *_broken_glass(allowed, dossier, policy, people, now),
        *_expired_waivers(allowed[-1], dossier, policy, people, target, now, key_rule),
    ]


def _broken_glass(
    allowed: list[Record], dossier: Dossier, policy: Policy, people: People, now: datetime
) -> Iterable[FollowUp]:
    """Open until a decision without break-glass allows the same model."""
    last = allowed[-1]
    body = DecisionBody.of(last)
    if not body.glass_was_broken:
        return
    due = parse(last.received_at) + timedelta(hours=policy.break_glass.second_person_within_hours)
    who = people.human(last.evidence.actor)
    yield FollowUp(
        what="break-glass",
        model=dossier.model,
        target=str(body.target),
        record=last.id,
        observed=f"{who} went ahead without consent: {_reason_given(body)}",
        next_step=f"another person than {who} runs: aims assess approve "
        f"--model sha256:{dossier.model} --for {quote(str(body.target))}; then: "
        f"aims gate MODEL --for {quote(str(body.target))}",
        since=last.received_at,
        due=stamp(due),
        overdue=now > due,
    )


def _expired_waivers(
    last: Record,
    dossier: Dossier,
    policy: Policy,
    people: People,
    target: str,
    now: datetime,
    key_rule: KeyRule,
) -> Iterable[FollowUp]:
    used = set(DecisionBody.of(last).waivers or ())
    weighed = weigh_waivers(
        dossier,
        policy.waivers,
        people=people,
        target=target,
        policy=policy.digest,
        now=now,
        key_rule=key_rule,
    )
    for record, waiver, why in weighed:
        if record.id in used and why is not None:
            yield FollowUp(
                what="expired-waiver",
                model=dossier.model,
                target=target,
                record=record.id,
                observed=f"the waiver of {waiver.rule} no longer stands: {why}",
                next_step=f"make {waiver.rule} pass, or demote the model",
                since=waiver.expires_at,
                due=None,
                overdue=True,
            )


def _reason_given(body: DecisionBody) -> str:
    return str(body.request.get("break_glass")) if body.request is not None else "no reason"


def in_vain(record: Record, promotions: Iterable[Record]) -> bool:
    """Whether glass was broken for a promotion that the registry then did not make."""
    if DecisionBody.of(record).broke_glass is not True:
        return False
    outcomes = [
        body.outcome for body in map(PromotionBody.of, promotions) if body.decision == record.id
    ]
    return "failed" in outcomes and "set" not in outcomes
