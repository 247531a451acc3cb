"""A decision's body as every format of this folder reads it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aims_mlops.evidence.bodies.decision import DecisionBody

GATE = "gate.decision"  # the rule of what refuses without a reason of its own


@dataclass(frozen=True, slots=True)
class Why:
    """One reason. `refuses` says whether it alone is enough; `waived_by` is a record's id."""

    rule: str
    outcome: str
    observed: str
    limit: str
    next_step: str
    severity: str
    controls: tuple[str, ...]
    refuses: bool
    waived_by: str | None
    tolerated: bool

    @property
    def passes(self) -> bool:
        """Whether the rule is held."""
        return self.outcome == "pass"

    @property
    def sentence(self) -> str:
        """What was observed, the limit, and the next step."""
        said = f"{self.observed}. Limit: {self.limit}."
        return said if self.passes else f"{said} Next: {self.next_step}"

    @property
    def not_refusing(self) -> str:
        """Why a rule that is not held does not refuse, in words."""
        if self.waived_by is not None:
            return f"set aside by waiver {self.waived_by[:12]}"
        return "too little data, let pass" if self.tolerated else "does not block"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision; `record` is the id of its own record, None if it was not recorded."""

    verdict: str
    target: str
    model: str
    model_uri: str
    at: str
    policy: str | None
    policy_id: str | None
    checkpoint: str | None
    enforced_by: str | None
    reasons: tuple[Why, ...]
    notes: tuple[str, ...]
    record: str | None

    @property
    def title(self) -> str:
        """Such as 'refused: models:/loans/3 for production'."""
        return f"{self.verdict}: {self.model_uri} for {self.target}"

    @property
    def source(self) -> dict[str, str | None]:
        """Where everything that is said comes from."""
        return {
            "record": self.record,
            "checkpoint": self.checkpoint,
            "model_sha256": self.model or None,
            "policy": self.policy_id,
            "policy_sha256": self.policy,
            "enforced_by": self.enforced_by,
        }


def outcome_of(body: DecisionBody, record: str | None) -> Outcome:
    """A decision's body, taken apart. What is not there is an empty text or None.

    A decision that does not allow refuses somewhere: if no reason does, one of the gate is added,
    so that no format can show it as passed.
    """
    reasons = tuple(_why(entry) for entry in body.reasons or () if isinstance(entry, Mapping))
    verdict = body.verdict or "undecided"
    if body.allowed is not True and verdict == "allowed":
        verdict = "undecided"
    if verdict != "allowed" and not any(why.refuses for why in reasons):
        reasons = (_without_reason(verdict), *reasons)
    return Outcome(
        verdict=verdict,
        target=body.target or "",
        model=body.model or "",
        model_uri=body.model_uri or "",
        at=body.at or "",
        policy=body.policy,
        policy_id=body.policy_id,
        checkpoint=body.checkpoint,
        enforced_by=body.enforced_by,
        reasons=reasons,
        notes=tuple(str(note) for note in body.notes or ()),
        record=record,
    )


def _why(entry: Mapping[str, Any]) -> Why:
    controls = entry.get("controls")
    waived_by = entry.get("waived_by")
    return Why(
        rule=str(entry.get("rule") or "unnamed"),
        outcome=str(entry.get("outcome") or "error"),
        observed=str(entry.get("observed") or "nothing was observed"),
        limit=str(entry.get("limit") or "none"),
        next_step=str(entry.get("next_step") or "aims gate MODEL --for TARGET"),
        severity=str(entry.get("severity") or "major"),
        controls=tuple(map(str, controls)) if isinstance(controls, list) else (),
        refuses=entry.get("refuses") is not False and entry.get("outcome") != "pass",
        waived_by=str(waived_by) if waived_by else None,
        tolerated=entry.get("tolerated") is True,
    )


def _without_reason(verdict: str) -> Why:
    return Why(
        rule=GATE,
        outcome="error",
        observed=f"the gate answered {verdict} and named no reason",
        limit="allowed",
        next_step="aims gate MODEL --for TARGET",
        severity="major",
        controls=(),
        refuses=True,
        waived_by=None,
        tolerated=False,
    )
