"""A policy in words."""

from __future__ import annotations

from aims_mlops.policy.grammar import Tolerance
from aims_mlops.policy.groups import selector_text
from aims_mlops.policy.policy import Policy
from aims_mlops.policy.rules import limit_text


def explain(policy: Policy) -> str:
    """What a policy asks for, as plain text for a terminal."""
    lines = [f"{policy.id}: {policy.document.title or 'no title'}"]
    lines.append(f"digest  {policy.digest}")
    if policy.bases:
        lines.append(f"extends {', '.join(policy.bases)}")
    for match in policy.document.targets:
        also = f" (aliases {', '.join(match.aliases)})" if match.aliases else ""
        models = f", models {', '.join(match.models)}" if match.models else ""
        tiers = f", risk tiers {', '.join(match.risk_tiers)}" if match.risk_tiers else ""
        lines.append(f"for     {match.name}{also}{models}{tiers}")
    if policy.requires:
        lines += ["", "Evidence that must be there"]
        for row in policy.requires:
            age = f", at most {row.max_age_days} days old" if row.max_age_days else ""
            age += ", with success" if row.success else ""
            lines.append(_row(row.id, f"{row.kind}{age}", row.blocking, row.severity, row.controls))
    if policy.rules:
        lines += ["", "Limits on figures"]
        for rule in policy.rules:
            group = "" if rule.group == "overall" else f" for {selector_text(rule.group)}"
            text = f"{rule.measure}{group}: {limit_text(rule)}; too little data: "
            text += "refuses" if rule.insufficient == "refuse" else "is shown"
            lines.append(_row(rule.id, text, rule.blocking, rule.severity, rule.controls))
    lines += ["", *_people(policy)]
    for entry in policy.document.without:
        lines.append(f"without {entry.id}: {entry.reason}")
    return "\n".join(lines)


def _people(policy: Policy) -> list[str]:
    lines = []
    if policy.assessment.required:
        lines.append(f"Impact assessment: at most {policy.assessment.max_age_days} days old")
        if policy.assessment.residual_impact_max is not None:
            lines.append(f"  residual impact at most {policy.assessment.residual_impact_max}")
        lines += _tolerance(policy.assessment.tolerance)
    scale = policy.impact_scale
    lines.append(f"  likelihood: {', '.join(scale.likelihood)}")
    lines.append(f"  severity:   {', '.join(scale.severity)}")
    required = policy.approvals
    if required is None:
        lines.append("Approvals: none")
    else:
        who = " or ".join(required.roles) or "any person in aims.yaml"
        lines.append(
            f"Approvals: {required.count} by {who}, at most {required.max_age_days} days old, "
            f"never by the {', '.join(required.not_by) or 'nobody'}"
        )
        alone = "refused" if required.single_user == "refuse" else "allowed, and said plainly"
        lines.append(f"  single-user mode: {alone}")
    if policy.pinned:
        lines.append("The policy must be in the log before the model that it judges")
    waivers = policy.waivers
    lines.append(
        f"Waivers: at most {waivers.max_days} days" if waivers.allowed else "Waivers: not allowed"
    )
    if (oversight := policy.oversight) is not None:
        if oversight.nonconformities != "none":
            lines.append(f"Open nonconformities, {oversight.nonconformities} or worse: refuse")
        lines.append(f"Monitoring that did not happen: {oversight.missed_runs}")
        if oversight.in_use == "refuse":
            lines.append("  what is in use no longer stands while such a nonconformity is open")
    glass = policy.break_glass
    lines.append(
        f"Break-glass: a second person within {glass.second_person_within_hours} hours"
        if glass.allowed
        else "Break-glass: not allowed"
    )
    return lines


def _tolerance(tolerance: Tolerance | None) -> list[str]:
    if tolerance is None:
        return ["  a retrained model needs a new one"]
    others = [f"{name} within ±{move:g}" for name, move in sorted(tolerance.measures.items())]
    free = [
        name.replace("_", " ")
        for name in ("dataset_content", "parameters", "environment")
        if getattr(tolerance, name) == "any"
    ]
    return [
        "  a retrained model keeps the approved one of the model before while each figure stays "
        f"within ±{tolerance.figures_within:g}" + "".join(f", {other}" for other in others),
        f"  what may change with that: {', '.join(free) or 'nothing else'}",
        *(
            ["  an identical retraining (canonical digest) may run in another environment"]
            if tolerance.environment == "same"
            else []
        ),
        "  it needs approvals of its own",
    ]


def _row(id_: str, text: str, blocking: bool, severity: str, controls: tuple[str, ...]) -> str:
    effect = "blocks" if blocking else "warns"
    supports = f"; supports {', '.join(controls)}" if controls else ""
    return f"  {id_}\n      {text} ({effect}, {severity}{supports})"
