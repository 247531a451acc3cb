"""What a record means to somebody outside, as a CloudEvent. Pure.

Source: CNCF CloudEvents 1.0.2, structured mode. An event has digests, names of systems and targets
and rule ids; no person, no reason in words and no value of data.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aims_mlops.evidence.bodies.decision import DecisionBody, PromotionBody, WaiverBody
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.records import Record

NAMES = ("approval-wanted", "decision", "refused", "promoted", "expiring", "found-wrong")
KINDS = {
    "impact-assessment": ("approval-wanted",),
    "decision": ("decision", "refused"),
    "promotion": ("promoted",),
    "waiver": ("expiring",),
    "nonconformity": ("found-wrong",),
}
EXPIRES_WITHIN = timedelta(days=7)
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:aims-mlops:events")


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `word` is how a notice says that it was told."""

    name: str
    record: Record
    data: Mapping[str, Any]

    @property
    def word(self) -> str:
        """The record's id and the name."""
        return f"{self.record.id} {self.name}"

    @property
    def id(self) -> str:
        """The same for the same event, however often it is sent."""
        return str(uuid.uuid5(_NAMESPACE, self.word))

    def body(self, log_id: str) -> bytes:
        """The CloudEvent as JSON, the same bytes at each try."""
        record = self.record
        event = {
            "specversion": "1.0",
            "id": self.id,
            "source": f"urn:aims-mlops:log:{log_id}",
            "type": f"aims-mlops.{self.name}",
            "time": record.received_at,
            "datacontenttype": "application/json",
            "data": {
                **self.data,
                "record": record.id,
                "sequence": record.sequence,
                "kind": record.evidence.kind,
                "system": record.evidence.system,
            },
        }
        if record.evidence.system is not None:
            event["subject"] = record.evidence.system
        return json.dumps(event, sort_keys=True, separators=(",", ":")).encode()


def events_of(record: Record, now: datetime) -> list[Event]:
    """The events of one record; `expiring` only while its end is near."""
    said = {name: _data(name, record, now) for name in KINDS.get(record.evidence.kind, ())}
    return [Event(name, record, data) for name, data in said.items() if data is not None]


def _data(name: str, record: Record, now: datetime) -> dict[str, Any] | None:
    body = record.evidence.body
    if name in ("decision", "refused"):
        decision = DecisionBody.of(record)
        if name == "refused" and decision.verdict == "allowed":
            return None
        refusing = [
            reason.get("rule")
            for reason in decision.reasons or ()
            if isinstance(reason, Mapping) and reason.get("refuses")
        ]
        return {
            "verdict": decision.verdict,
            "target": decision.target,
            "model_sha256": decision.model,
            "policy": decision.policy_id,
            "policy_sha256": decision.policy,
            "rules": refusing,
        }
    if name == "promoted":
        promotion = PromotionBody.of(record)
        return {
            "outcome": promotion.outcome,
            "alias": promotion.alias,
            "target": promotion.target,
            "model_sha256": promotion.model,
            "decision": promotion.decision,
        }
    if name == "expiring":
        waiver = WaiverBody.of(record)
        try:
            end = parse(waiver.expires_at or "")
        except ValueError:
            return None
        if not now <= end <= now + EXPIRES_WITHIN:
            return None
        return {"rule": waiver.rule, "expires_at": waiver.expires_at, "model_sha256": waiver.model}
    if name == "found-wrong":
        if body.get("nonconformity") is not None:
            return None  # a later step of one that was told
        return {"severity": body.get("severity"), "key": body.get("key")}
    return {"state": body.get("state"), "model_sha256": body.get("model")}
