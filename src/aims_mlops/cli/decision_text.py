"""A decision as text for a terminal: what refuses, what was looked at, what to do next."""

from __future__ import annotations

from aims_mlops.cli.plain import plain
from aims_mlops.gates.decision.decision import Decision
from aims_mlops.gates.decision.reason import Reason

_HEAD = {"allowed": "✓ allowed", "refused": "✗ refused", "undecided": "? could not decide"}


def decision_text(decision: Decision, *, verbose: bool = False) -> str:
    """The answer first, then each refusing reason with its next step, then the rest in short."""
    lines = [
        plain(f"{_HEAD[decision.verdict]}: {decision.model_uri} for {decision.target}"),
        "",
    ]
    for reason in decision.refusals:
        lines += _full(reason)
    rest = [reason for reason in decision.reasons if not reason.refuses]
    shown = rest if verbose else [r for r in rest if r.outcome != "pass"]
    width = max((len(reason.rule) for reason in shown), default=0)
    for reason in shown:
        lines.append(plain(f"  {_mark(reason)} {reason.rule.ljust(width)}  {_short(reason)}"))
    passed = sum(reason.outcome == "pass" for reason in rest)
    if passed and not verbose:
        lines.append(f"  ✓ {passed} other rules pass (--verbose shows them)")
    lines += ["", *_facts(decision)]
    return "\n".join(lines)


def _full(reason: Reason) -> list[str]:
    controls = f" [{', '.join(reason.controls)}]" if reason.controls else ""
    texts = (
        f"  {_mark(reason)} {reason.rule} ({reason.severity}){controls}",
        f"      observed  {reason.observed}",
        f"      limit     {reason.limit}",
        f"      next      {reason.next_step}",
    )
    return [plain(text) for text in texts]


def _short(reason: Reason) -> str:
    if reason.waived_by is not None:
        by = reason.waived_by if reason.waived_by == "break-glass" else reason.waived_by[:8]
        return f"waived by {by}: {reason.observed}"
    if reason.outcome == "pass":
        return reason.observed
    how = "too little data, let pass" if reason.tolerated else "does not block"
    return f"{reason.observed}; limit: {reason.limit} ({how})"


def _facts(decision: Decision) -> list[str]:
    facts = []
    if decision.policy is not None:
        facts.append(("policy", f"{decision.policy_id} {decision.policy[:16]}…"))
    if decision.model:
        facts.append(("model", f"sha256 {decision.model[:16]}…"))
    if decision.consent:
        facts.append(("approved by", ", ".join(sorted(decision.consent))))
    if decision.attempts:
        facts.append(("attempts", f"{decision.attempts} other models of this system in the log"))
    if decision.request is not None:
        facts.append(("enforced by", decision.request.enforced_by))
    facts.append(("record", decision.record[:16] + "…" if decision.record else "not recorded"))
    lines = [plain(f"{name:<12}{value}") for name, value in facts]
    return lines + [plain(f"note        {note}") for note in decision.notes]


def _mark(reason: Reason) -> str:
    if reason.outcome == "pass" or reason.waived_by is not None:
        return "✓"
    return "?" if reason.outcome in ("insufficient", "error") else "✗"
