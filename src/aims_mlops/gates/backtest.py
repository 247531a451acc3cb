"""What another policy would have said about what was decided before.

Only evidence and figures are tried: consent is bound to the policy under which it was given.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from aims_mlops.dossier.query import gather
from aims_mlops.evidence.bodies.decision import DecisionBody
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.records import Record
from aims_mlops.gates.decision.evidence import check_figures, check_required
from aims_mlops.gates.decision.reason import Reason
from aims_mlops.policy.policy import Policy

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore


@dataclass(frozen=True, slots=True)
class Trial:
    """One earlier decision: what it said, and which rules of the tried policy refuse now."""

    decision: Record
    was_allowed: bool
    refusals: tuple[Reason, ...]

    @property
    def would_refuse(self) -> bool:
        """Whether the other policy refuses what was allowed."""
        return bool(self.refusals)


def try_policy(
    store: EvidenceStore,
    policy: Policy,
    *,
    target: str | None = None,
    system: str | None = None,
    since: datetime | None = None,
) -> Iterable[Trial]:
    """Hold a policy's requirements and limits against the evidence of each earlier decision.

    Evidence is taken as the log stood then, ages are counted to the time of the decision.
    """
    for record in store.find(kind="decision", system=system):
        body = DecisionBody.of(record)
        if not body.model or (target is not None and body.target != target):
            continue
        moment = parse(record.received_at)
        if since is not None and moment < since:
            continue
        dossier = gather(store, body.model, record.evidence.system)
        then = [found for found in dossier.records if found.sequence < record.sequence]
        seen = type(dossier).of(dossier.model, dossier.system, then)
        reasons = [
            *check_required(policy, seen, moment),
            *check_figures(policy, seen, moment)[0],
        ]
        refusals = tuple(reason for reason in reasons if reason.refuses)
        yield Trial(record, bool(body.allowed), refusals)
