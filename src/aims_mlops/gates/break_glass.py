"""Going ahead now, with a second person afterwards. Pure.

It sets aside consent that is missing, and nothing else: not a rejection, not a failing figure, not
missing evidence, not a plugin's objection.
"""

from __future__ import annotations

from dataclasses import replace

from aims_mlops.gates.reason import Reason
from aims_mlops.gates.request import PromotionRequest
from aims_mlops.policy.policy import Policy

_NEVER = ("approvals.no-rejection",)


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


def _why_not(request: PromotionRequest, policy: Policy) -> Reason | None:
    allowed = policy.break_glass
    human = request.people.human(request.requester)
    held = set(request.people.roles(human))
    if not allowed.allowed:
        observed, step = "the policy has no break-glass", "get the approvals"
    elif not (request.break_glass or "").strip():
        observed, step = "no reason was given", "--break-glass REASON"
    elif allowed.roles and held.isdisjoint(allowed.roles):
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
