"""Who decided what about a model: assessments, approvals, rejections, decisions, promotions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aims_mlops.evidence.records import Record
from aims_mlops.report import reading

KINDS = ("impact-assessment", "approval", "rejection", "decision", "promotion")


@dataclass(frozen=True, slots=True)
class Answer:
    """One step: `word` is what came of it, `who` did it, `reasons` say why, line by line."""

    record: Record
    word: str
    who: str | None
    reasons: tuple[str, ...]

    @property
    def kind(self) -> str:
        return self.record.evidence.kind


def answers(newest_first: Sequence[Record]) -> tuple[Answer, ...]:
    """Every step about the model, newest first."""
    return tuple(_answer(r) for r in newest_first if r.evidence.kind in KINDS)


def _answer(record: Record) -> Answer:
    body = record.evidence.body
    kind = record.evidence.kind
    if kind == "impact-assessment":
        word = reading.string(body, "state") or "state not recorded"
        return Answer(record, word, reading.string(body, "author"), ())
    if kind in ("approval", "rejection"):
        word = "approved" if kind == "approval" else "rejected"
        return Answer(record, word, reading.string(body, "approver"), reading.texts(body, "reason"))
    if kind == "decision":
        return Answer(record, _decided(body), record.evidence.actor, _reasons(body))
    alias = reading.string(body, "alias")
    outcome = reading.string(body, "outcome") or "outcome not recorded"
    word = f"alias {alias}: {outcome}" if alias else outcome
    return Answer(record, word, record.evidence.actor, ())


def _decided(body: Mapping[str, Any]) -> str:
    allowed = body.get("allowed")
    word = "could not decide"
    if isinstance(allowed, bool):
        word = "allowed" if allowed else "refused"
    target = reading.string(body, "target")
    policy = reading.mapping(body, "policy")
    name = reading.string(policy, "name") if policy else reading.string(body, "policy")
    return word + (f" for {target}" if target else "") + (f" under {name}" if name else "")


def _reasons(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Each reason on one line, whatever of rule, observation, limit and next step it has."""
    said = []
    for entry in reading.sequence(body, "reasons"):
        if isinstance(entry, str):
            said.append(entry)
        elif isinstance(entry, Mapping):
            rule = reading.string(entry, "rule") or reading.string(entry, "id")
            parts = [
                reading.string(entry, "observed") or reading.string(entry, "message"),
                f"limit {limit}" if (limit := reading.string(entry, "limit")) else None,
                f"next: {step}" if (step := reading.string(entry, "next_step")) else None,
            ]
            text = "; ".join(part for part in parts if part)
            said.append(f"{rule}: {text}" if rule and text else rule or text or "not recorded")
    return tuple(said)
