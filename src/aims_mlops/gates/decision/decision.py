"""What the gate answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from aims_mlops.dossier.binding import Binding
from aims_mlops.gates.decision.reason import Reason
from aims_mlops.gates.decision.request import PromotionRequest
from aims_mlops.policy.rules import CheckResult
from aims_mlops.visible import plain

EXIT_CODES = {"allowed": 0, "refused": 1, "undecided": 2}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Decision:
    """Allowed, refused, or undecided, which counts as refused.

    reasons : everything that was looked at, refusing ones first.
    checks : figures held against rules.  bound : the digests that it holds for.
    attempts : how many other models of the same system are in the log.
    other_models : digests of up to 100 of them.
    consent : {approver: record id} that counted.  uncounted : approvals that did not, and why.
    waivers : ids of the waivers that set a rule aside.
    broke_glass : missing consent was set aside; a second person has to look at it afterwards.
    record : id of the decision's own record, once it is stored.
    """

    verdict: Literal["allowed", "refused", "undecided"]
    target: str
    model: str
    model_uri: str
    at: str
    policy: str | None = None
    policy_id: str | None = None
    reasons: tuple[Reason, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    bound: Binding | None = None
    attempts: int = 0
    other_models: tuple[str, ...] = ()
    consent: dict[str, str] = field(default_factory=dict)
    uncounted: tuple[tuple[str, str], ...] = ()
    waivers: tuple[str, ...] = ()
    broke_glass: bool = False
    notes: tuple[str, ...] = ()
    request: PromotionRequest | None = None
    evidence: tuple[str, ...] = ()
    record: str | None = None

    def __repr__(self) -> str:
        why = ", ".join(reason.rule for reason in self.refusals)
        return f"<Decision {self.verdict}: {self.model_uri} for {self.target}" + (
            f" ({why})>" if why else ">"
        )

    def __str__(self) -> str:
        """The answer and, for each refusing reason, what was observed and what to do."""
        lines = [f"{self.verdict}: {self.model_uri} for {self.target}"]
        for reason in self.refusals:
            lines.append(f"  {reason.rule}: {reason.observed}; limit: {reason.limit}")
            lines.append(f"    next: {reason.next_step}")
        return "\n".join(map(plain, lines))

    @property
    def allowed(self) -> bool:
        """Whether the model may be promoted."""
        return self.verdict == "allowed"

    @property
    def refusals(self) -> tuple[Reason, ...]:
        """The reasons that alone are enough to refuse."""
        return tuple(reason for reason in self.reasons if reason.refuses)

    @property
    def exit_code(self) -> int:
        """0 allowed, 1 refused, 2 could not decide."""
        return EXIT_CODES[self.verdict]

    def to_body(self) -> dict[str, Any]:
        """As JSON values: the body of the decision's record, and `aims gate --json`."""
        return {
            "verdict": self.verdict,
            "allowed": self.allowed,
            "target": self.target,
            "model": self.model,
            "model_uri": self.model_uri,
            "policy": self.policy,
            "policy_id": self.policy_id,
            "at": self.at,
            "reasons": [reason.to_body() for reason in self.reasons],
            "checks": [check.to_body() for check in self.checks],
            "bound": self.bound.to_body() if self.bound else None,
            "attempts": self.attempts,
            "other_models": list(self.other_models),
            "consent": dict(self.consent),
            "uncounted": [{"record": r, "why": why} for r, why in self.uncounted],
            "waivers": list(self.waivers),
            "broke_glass": self.broke_glass,
            "notes": list(self.notes),
            "checkpoint": self.request.checkpoint if self.request else None,
            "enforced_by": self.request.enforced_by if self.request else None,
            "request": self.request.to_body() if self.request else None,
        }
