"""Required evidence and figures, held against the policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from shlex import quote
from typing import Any

from aims_mlops.dossier.dossier import Dossier
from aims_mlops.evidence.bodies.data import DataQualityBody
from aims_mlops.evidence.bodies.figure import figure_entries
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.kind_spec import Scope
from aims_mlops.evidence.kinds import FIGURE_KINDS, controls_of, scope_of
from aims_mlops.evidence.records import Record
from aims_mlops.gates.decision.reason import Outcome, Reason
from aims_mlops.policy.grammar import Requirement, Rule
from aims_mlops.policy.policy import Policy
from aims_mlops.policy.rules import CheckResult, judge


def check_required(
    policy: Policy, dossier: Dossier, now: datetime, *, uri: str | None = None
) -> list[Reason]:
    """One reason for each kind of evidence that the policy asks for."""
    return [_required(requirement, dossier, now, uri) for requirement in policy.requires]


def check_figures(
    policy: Policy, dossier: Dossier, now: datetime
) -> tuple[list[Reason], list[CheckResult]]:
    """One reason and one check result for each rule on figures."""
    results = [(rule, _held(rule, dossier, now)) for rule in policy.rules]
    return [_told(rule, result) for rule, result in results], [result for _, result in results]


def _required(requirement: Requirement, dossier: Dossier, now: datetime, uri: str | None) -> Reason:
    kind = requirement.kind
    limit = f"evidence of kind {kind}"
    if scope_of(kind) is Scope.DATA:
        limit += " for every dataset of the model"
    if requirement.success:
        limit += ", with success"
    if requirement.max_age_days is not None:
        limit += f", at most {requirement.max_age_days} days old"
    outcome, observed = _found(requirement, dossier, now)
    return Reason(
        rule=requirement.id,
        outcome=outcome,
        observed=observed,
        limit=limit,
        next_step="none" if outcome == "pass" else _how_to_get(kind, dossier, uri),
        severity=requirement.severity,
        blocking=requirement.blocking,
        controls=requirement.controls or controls_of(kind),
    )


def _found(requirement: Requirement, dossier: Dossier, now: datetime) -> tuple[Outcome, str]:
    kind = requirement.kind
    if scope_of(kind) is not Scope.DATA:
        return _newest(dossier.of_kind(kind), requirement, now)
    if not dossier.datasets:
        return "missing", "the model's record names no dataset"
    lacking: list[str] = []
    worst: tuple[Outcome, str] | None = None
    for dataset in dossier.datasets:
        found = _newest(dossier.about_dataset(kind, dataset), requirement, now)
        if found[0] != "pass":
            lacking.append(dataset[:12])
            worst = found
    if worst is None:
        return "pass", f"{len(dossier.datasets)} of {len(dossier.datasets)} datasets"
    have = len(dossier.datasets) - len(lacking)
    return worst[0], (
        f"{have} of {len(dossier.datasets)} datasets; {worst[1]} for {', '.join(lacking[:3])}"
    )


def _newest(
    records: Sequence[Record], requirement: Requirement, now: datetime
) -> tuple[Outcome, str]:
    if not records:
        return "missing", "none"
    newest = max(records, key=lambda record: (record.received_at, record.sequence))
    age = now - parse(newest.received_at)
    text = f"{_age_text(age)} old, record {newest.id[:8]}"
    limit = requirement.max_age_days
    if limit is not None and age > timedelta(days=limit):
        return "stale", text
    if requirement.success and DataQualityBody.of(newest).success is not True:
        return "fail", f"{text}, without success"
    return "pass", text


def _held(rule: Rule, dossier: Dossier, now: datetime) -> CheckResult:
    kinds = (rule.kind,) if rule.kind is not None else FIGURE_KINDS
    records = [
        record
        for kind in kinds
        for record in dossier.of_kind(kind)
        if rule.max_age_days is None
        or now - parse(record.received_at) <= timedelta(days=rule.max_age_days)
    ]
    records.sort(key=lambda record: record.sequence)
    if rule.use == "newest":
        having = [r for r in records if any(f.get("measure") == rule.measure for f in _figures(r))]
        records = having[-1:]
    return judge([figure for record in records for figure in _figures(record)], rule)


def _figures(record: Record) -> list[Mapping[str, Any]]:
    return figure_entries(record)


def _told(rule: Rule, result: CheckResult) -> Reason:
    # A figure that is not there at all is never tolerated: leaving a measure out must not help.
    tolerated = (
        result.status == "insufficient" and result.figures > 0 and rule.insufficient == "allow"
    )
    return Reason(
        rule=rule.id,
        outcome=result.status,
        observed=result.observed,
        limit=result.limit,
        next_step=result.next_step,
        severity=rule.severity,
        blocking=rule.blocking,
        controls=rule.controls,
        tolerated=tolerated,
    )


def _how_to_get(kind: str, dossier: Dossier, uri: str | None) -> str:
    system = dossier.system or "SYSTEM"
    model = quote(uri or f"sha256:{dossier.model}")
    ways = {
        "performance": "measure it in the run: run.check(y_true=…, y_pred=…)",
        "bias": "measure it in the run: run.check(…, sensitive=…)",
        "dataset": "declare the data in the run: aims.dataset(df, name, source=…)",
        "data-quality": "check the data in the run: aims.dataset(df, name, quality=…)",
        "drift": "aims drift run --reference A --current B",
        "system": "describe the AI system in aims.yaml",
        "impact-assessment": (
            f"aims assess new {system}, fill it in, then aims assess submit --model {model}"
        ),
        "policy": "aims policy pin FILE",
    }
    return ways.get(kind, f"record it: run the training under @aims.training ({kind})")


def _age_text(age: timedelta) -> str:
    if age < timedelta(hours=1):
        return f"{max(int(age.total_seconds() // 60), 0)} min"
    if age < timedelta(days=2):
        return f"{int(age.total_seconds() // 3600)} h"
    return f"{age.days} days"
