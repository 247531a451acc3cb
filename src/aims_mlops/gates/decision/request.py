"""What is asked of the gate, with everything about the world that a decision depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aims_mlops.assessments.carry_over import ApprovalContext
from aims_mlops.dossier.dossier import EVIDENCE_RULE
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.gates.decision.reason import Objection
from aims_mlops.inventory.declared.people import People
from aims_mlops.inventory.declared.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionRequest:
    """A model, a target, and who asks.

    target : such as 'production'.  alias : the alias that would be set, if one was named.
    system : the AI system that the model belongs to; None if the inventory knows none.
    requester : identity of whoever asks.  people, single_user : from aims.yaml.
    checkpoint : size and Merkle root of the log that the evidence was read from.
    evidence_digest : over the ids of all records that were read; a decision repeated on fewer
        records is refused.
    enforced_by : what keeps an alias from being set past this decision.
    objections : of plugins, gathered before the decision.
    oversight : what is open about the system in operation, and missed runs; None if nobody looked.
    enrolment : whether keys have to be enrolled where the policy asks for it; false for a decision
        from before they could be, which is made again as it was.
    evidence_rule : how the evidence root is made; an earlier one where a decision is made again.
    break_glass : reason given for going ahead without the approvals, if somebody gave one.
    """

    model: ModelReference
    target: str
    requester: str
    system: System | None = None
    alias: str | None = None
    people: People = field(default_factory=People)
    single_user: bool = False
    checkpoint: str | None = None
    evidence_digest: str | None = None
    enforced_by: str = "nothing: a client's decision is guidance"
    objections: tuple[Objection, ...] = ()
    enrolment: bool = True
    break_glass: str | None = None
    oversight: tuple[Mapping[str, Any], ...] | None = None
    evidence_rule: int = EVIDENCE_RULE

    def around(self, now: datetime) -> ApprovalContext:
        """What keeping an assessment depends on, at a moment."""
        return ApprovalContext(
            target=self.target,
            people=self.people,
            single_user=self.single_user,
            system=self.system,
            now=now,
            enrolment=self.enrolment,
            evidence_rule=self.evidence_rule,
        )

    def to_body(self) -> dict[str, Any]:
        """As JSON values; people stand in a blob of their own, which can be erased."""
        return {
            "model": {
                "uri": self.model.uri,
                "sha256": self.model.sha256,
                "name": self.model.name,
                "version": self.model.version,
                "created_at": self.model.created_at,
                "source": self.model.source,
                "run": self.model.run,
                "registry": self.model.registry_address,
            },
            "target": self.target,
            "alias": self.alias,
            "requester": self.requester,
            "system": self.system.model_dump(mode="json") if self.system else None,
            "people_sha256": self.people.digest,
            "single_user": self.single_user,
            "enrolment": self.enrolment,
            "checkpoint": self.checkpoint,
            "evidence_digest": self.evidence_digest,
            "enforced_by": self.enforced_by,
            "break_glass": self.break_glass,
            "oversight": None if self.oversight is None else [dict(f) for f in self.oversight],
            "objections": [
                {
                    "rule": o.rule,
                    "observed": o.observed,
                    "next_step": o.next_step,
                    "limit": o.limit,
                    "severity": o.severity,
                    "plugin": o.plugin,
                }
                for o in self.objections
            ],
        }
