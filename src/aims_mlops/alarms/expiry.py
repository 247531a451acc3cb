"""Everything that is wrong now: with the monitoring, and with what is promoted or runs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from aims_mlops.errors import GateUndecidedError, GovernanceError
from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.kinds import USE_KINDS
from aims_mlops.evidence.records import Record, Subject
from aims_mlops.evidence.store import signed
from aims_mlops.gates.decision_validity import ValidDecision, valid_decision
from aims_mlops.operations.alarms.monitoring import Alarm, alarms
from aims_mlops.operations.in_use import InUse, in_use

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore
    from aims_mlops.inventory.project import Project

_WHAT = (("waiver.", "expired-waiver"), ("assessment.", "expired-assessment"))


def every_alarm(store: EvidenceStore, project: Project, now: datetime) -> tuple[Alarm, ...]:
    """What is wrong now, worst first. Raises StoreUnavailableError."""
    store = signed(store)
    found = [*alarms(store, project, now), *alarms_of_promoted(store, project, now)]
    return tuple(sorted(found, key=lambda alarm: (alarm.severity != "major", alarm.key)))


def alarms_of_promoted(store: EvidenceStore, project: Project, now: datetime) -> list[Alarm]:
    """An alarm for each content that is promoted or deployed and has no valid decision."""
    found: list[Alarm] = []
    store = signed(store)
    records = tuple(store.find(kind=USE_KINDS))
    for (model, target), (system, words, ends) in _in_use(records).items():
        if project.target(target) is None:
            continue
        try:
            standing = valid_decision(store, model, target, project=project, now=now)
        except (GateUndecidedError, GovernanceError) as error:
            found.append(_alarm("no-decision", model, target, system, words, ends, str(error), now))
            continue
        if not standing.stands:
            found.append(_of(standing, system, words, ends, now))
    return found


def _in_use(records: Iterable[Record]) -> dict[tuple[str, str], tuple[str | None, str, str]]:
    """(content digest, target) -> AI system, where it is in use in words, and how each use ends."""
    found: dict[tuple[str, str], tuple[str | None, str, str]] = {}
    for use in sorted(in_use(records), key=lambda use: not use.is_promotion):
        system, words, ends = found.get((use.model, use.target), (use.system, use.words, ""))
        how = _ends(use)
        if how not in ends:
            ends = f"{ends}; {how}" if ends else how
        found[use.model, use.target] = (system, words, ends)
    return found


def _ends(use: InUse) -> str:
    if use.is_promotion:
        return "aims reconcile --demote takes the promotion away"
    return f"aims deployment rollback {use.record.id[:12]} --reason TEXT takes the deployment back"


def _of(standing: ValidDecision, system: str | None, words: str, ends: str, now: datetime) -> Alarm:
    what = next(
        (
            name
            for prefix, name in _WHAT
            for reason in standing.reasons
            if reason.rule.startswith(prefix)
        ),
        "no-decision",
    )
    why = "; ".join(f"{reason.rule}: {reason.observed}" for reason in standing.reasons)
    return _alarm(
        what,
        standing.model,
        standing.target,
        system,
        words,
        ends,
        why,
        now,
        standing.reasons[0].next_step,
    )


def _alarm(
    what: str,
    model: str,
    target: str,
    system: str | None,
    words: str,
    ends: str,
    why: str,
    now: datetime,
    next_step: str = "see aims check-model MODEL --for TARGET",
) -> Alarm:
    return Alarm(
        key=f"{what}/{system or '-'}/{target}/{model[:16]}",
        what=what,
        severity="major",
        system=system,
        reason=f"{words} is in use for {target} without a valid decision: {why}",
        next_step=f"{next_step}; {ends}",
        since=stamp(now),
        subjects=(Subject(f"model:{system or 'unknown'}", model),),
    )
