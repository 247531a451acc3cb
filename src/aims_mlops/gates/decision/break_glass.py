"""Going ahead now, with a second person afterwards. Pure.

It sets aside consent that is missing, and nothing else: not a rejection, not a failing figure, not
missing evidence, not a plugin's objection.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from aims_mlops.evidence.bodies.decision import DecisionBody, PromotionBody
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.records import Record
from aims_mlops.gates.decision.reason import Reason
from aims_mlops.gates.decision.request import PromotionRequest
from aims_mlops.inventory.declared.people import People
from aims_mlops.policy.policy import Policy

_NEVER = ("approvals.no-rejection",)
_MINUTES = 15  # for which a decision waits for the registry that carries it out


def broken(
    reasons: list[Reason], request: PromotionRequest, policy: Policy
) -> tuple[list[Reason], bool]:
    """The reasons with missing consent set aside, and whether the glass was broken for that.

    A request for break-glass that the policy or the requester's role does not allow is itself a
    reason to refuse.
    """
    if request.break_glass is None:
        return reasons, False
    if (refusal := _why_not(request, policy)) is not None:
        return [*reasons, refusal], False
    used = False
    found: list[Reason] = []
    for reason in reasons:
        consent = reason.rule.startswith(("approvals.", "assessment."))
        if consent and reason.refuses and reason.rule not in _NEVER:
            found.append(replace(reason, waived_by="break-glass"))
            used = True
        else:
            found.append(reason)
    return found, used


def asked_before(
    records: Iterable[Record], request: PromotionRequest, now: datetime
) -> PromotionRequest | None:
    """The request as somebody made it with broken glass just now, for whatever carries it out.

    A registry with the gate inside knows neither the reason nor, without log-in, who asks: `aims
    promote --break-glass` has decided where the person is, and the log says so. Each such decision
    serves one promotion, of this very model under this alias, for a quarter of an hour. The gate
    decides anew, with this person's roles.
    """
    records = list(records)
    done = {
        PromotionBody.of(record).decision
        for record in records
        if record.evidence.kind == "promotion"
    }
    for record in reversed(records):
        if record.evidence.kind != "decision":
            continue
        body = DecisionBody.of(record)
        asked = body.request
        if not body.broke_glass or asked is None or record.id in done:
            continue
        fresh = now - parse(record.received_at) <= timedelta(minutes=_MINUTES)
        if fresh and _is_this(body, asked, request) and asked["requester"] == record.evidence.actor:
            return replace(
                request, requester=asked["requester"], break_glass=str(asked["break_glass"])
            )
    return None


def _is_this(body: DecisionBody, asked: Any, request: PromotionRequest) -> bool:
    model = asked.get("model") or {}
    said = (body.allowed, body.target, body.model)
    return (
        said == (True, request.target, request.model.sha256)
        and asked.get("alias") in (None, request.alias)
        and model.get("name") in (None, request.model.name)
        and model.get("version") in (None, request.model.version)
        and asked.get("enforced_by") != request.enforced_by
    )


def may_break(actor: str, people: People, policy: Policy) -> bool:
    """Whether the policy has break-glass, and this person a role that may use it."""
    allowed, held = policy.break_glass, set(people.roles(people.human(actor)))
    return allowed.allowed and (not allowed.roles or not held.isdisjoint(allowed.roles))


def _why_not(request: PromotionRequest, policy: Policy) -> Reason | None:
    allowed = policy.break_glass
    human = request.people.human(request.requester)
    if not allowed.allowed:
        observed, step = "the policy has no break-glass", "get the approvals"
    elif not (request.break_glass or "").strip():
        observed, step = "no reason was given", "--break-glass REASON"
    elif not may_break(request.requester, request.people, policy):
        observed = f"{human} holds none of the roles {', '.join(allowed.roles)}"
        step = f"ask somebody with the role {' or '.join(allowed.roles)}"
    else:
        return None
    return Reason(
        rule="break-glass.is-allowed",
        outcome="fail",
        observed=observed,
        limit="a policy that has break-glass, a role that may use it, and a reason",
        next_step=step,
        severity="critical",
    )
