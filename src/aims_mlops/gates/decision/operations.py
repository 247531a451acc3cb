"""What is open about an AI system in operation, held against what the policy tolerates. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aims_mlops.gates.decision.reason import Reason
from aims_mlops.operations.alarms.undeclared import NOT_BEGUN, UNDECLARED
from aims_mlops.operations.nonconformity import BREAK_GLASS, Nonconformity
from aims_mlops.policy.grammar import Oversight
from aims_mlops.policy.policy import Policy

MISSED = "missed-run"
# Monitoring that did not happen; neither has an id.
_MISSED = frozenset((MISSED, NOT_BEGUN))
# These say that something in use has no valid decision. The decision asked for is their cure.
_CURED = frozenset((BREAK_GLASS, "no-decision", "expired-waiver", "expired-assessment"))
_RANK = {"minor": 0, "major": 1}
_SHOWN = 5

Finding = Mapping[str, Any]


def finding_of(found: Nonconformity) -> dict[str, Any] | None:
    """An open nonconformity as a request carries it; None for one that a decision cures."""
    if not found.is_open or found.what in _CURED:
        return None
    return {
        "what": found.what,
        "severity": found.severity,
        "reason": found.reason[:500],
        "id": found.id,
        "due": found.due,
    }


def check_oversight(policy: Policy, findings: Sequence[Finding] | None) -> list[Reason]:
    """One reason for each thing that the policy asks; none where it asks for nothing.

    findings : what was open when it was asked, and runs that were missed, which have no id; None if
        nobody looked, which refuses.
    """
    asked = policy.oversight
    if asked is None:
        return []
    counted = [f for f in findings or () if _refuses(asked, f)]
    reasons = []
    if asked.nonconformities != "none":
        open_ = [f for f in counted if f["id"]]
        reasons.append(
            _reason(
                policy,
                "oversight.nonconformities",
                None if findings is None else open_,
                f"no open nonconformity of the system that is {asked.nonconformities}"
                + (" or worse" if asked.nonconformities == "minor" else ""),
                "aims nonconformity list: analyse, act, and close each",
            )
        )
    nowhere = [f for f in counted if f["what"] == UNDECLARED]
    if nowhere:  # a request that was recorded before this was looked for says nothing of it
        reasons.append(
            _reason(
                policy,
                "oversight.systems-declared",
                nowhere,
                "every AI system in operation is declared in aims.yaml",
                "declare it again, or: aims system rename OLD NEW --reason TEXT",
            )
        )
    if asked.missed_runs == "refuse":
        missed = [f for f in counted if f["what"] in _MISSED and not f["id"]]
        reasons.append(
            _reason(
                policy,
                "oversight.monitoring-happened",
                None if findings is None else missed,
                "every scheduled run of monitoring happened in time",
                "aims monitor run catches up",
            )
        )
    return reasons


def notes_on(policy: Policy, findings: Sequence[Finding] | None) -> Iterable[str]:
    """What is open and does not refuse is shown all the same."""
    asked = policy.oversight
    others = [f for f in findings or () if asked is None or not _refuses(asked, f)]
    if others:
        yield f"open about this system, and the policy does not ask: {_words(others)}"


def _refuses(asked: Oversight, found: Finding) -> bool:
    """Whether the policy refuses for it. A missed run has no id, nor has an undeclared system."""
    if not found["id"]:
        missed = asked.missed_runs == "refuse" and found["what"] in _MISSED
        return missed or found["what"] == UNDECLARED
    least = asked.nonconformities
    return least != "none" and _RANK[found["severity"]] >= _RANK[least]


def _reason(
    policy: Policy, rule: str, found: Sequence[Finding] | None, limit: str, next_step: str
) -> Reason:
    asked = policy.oversight
    assert asked is not None
    if found is None:
        observed, outcome = "the request does not say what is open", "error"
        next_step = "ask again with this version of aims-mlops"
    elif found:
        observed, outcome = _words(found), "fail"
    else:
        observed, outcome, next_step = "none", "pass", "none"
    return Reason(
        rule=rule,
        outcome=outcome,  # type: ignore[arg-type]
        observed=observed,
        limit=limit,
        next_step=next_step,
        severity=asked.severity,
        controls=asked.controls,
    )


def _words(found: Sequence[Finding]) -> str:
    named = [
        f"{f['what']} ({f['severity']}{', ' + str(f['id'])[:8] if f['id'] else ''})"
        for f in found[:_SHOWN]
    ]
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"{len(found)} open: {', '.join(named)}{more}"
