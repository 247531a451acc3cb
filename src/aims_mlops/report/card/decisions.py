"""Who decided what about a model: assessments, approvals, rejections, decisions, promotions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aims_mlops.evidence.kinds import ANSWER_KINDS
from aims_mlops.evidence.records import Record
from aims_mlops.report.render import reading
from aims_mlops.report.render.one_line import plural, summarise

_PERSONAL = {
    "approval": "approved",
    "rejection": "rejected",
    "revocation": "approval taken back",
    "waiver": "rule set aside",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One step: `word` is what came of it, `who` did it, `reasons` say why, line by line."""

    record: Record
    word: str
    who: str | None
    reasons: tuple[str, ...]

    @property
    def kind(self) -> str:
        """Approval, rejection or what else it was."""
        return self.record.evidence.kind


def answers(newest_first: Sequence[Record]) -> tuple[Answer, ...]:
    """Every step about the model, newest first; approvals with what the gate made of them."""
    steps = [record for record in newest_first if record.evidence.kind in ANSWER_KINDS]
    uncounted = {id_: why for id_, why in weighed(steps).items() if why is not None}
    found = []
    for record in steps:
        answer = _answer(record)
        if record.evidence.kind == "approval" and record.id in uncounted:
            why = f"the gate did not count it: {uncounted[record.id]}"
            answer = replace(answer, reasons=(*answer.reasons, why))
        found.append(answer)
    return tuple(found)


def weighed(steps: Sequence[Record]) -> dict[str, str | None]:
    """Id of an approval to why the newest decision that weighed it did not count it; None: it did.

    steps : newest first.  An approval that no decision weighed is not there.
    """
    found: dict[str, str | None] = {}
    for record in steps:  # newest first, so the first word on an approval stands
        if record.evidence.kind != "decision":
            continue
        body = record.evidence.body
        for counted in reading.mapping(body, "consent").values():
            found.setdefault(str(counted), None)
        for entry in reading.sequence(body, "uncounted"):
            if isinstance(entry, Mapping):
                why = reading.string(entry, "why") or "no reason recorded"
                found.setdefault(str(entry.get("record")), why)
    return found


def _answer(record: Record) -> Answer:
    body = record.evidence.body
    kind = record.evidence.kind
    if kind == "impact-assessment":
        word = reading.string(body, "state") or "state not recorded"
        return Answer(record, word, reading.string(body, "author"), ())
    if kind in _PERSONAL:
        who = reading.string(body, "approver") or record.evidence.actor
        why = reading.texts(body, "reason")
        if kind == "waiver":
            why = (summarise(record), *reading.texts(body, "compensating_measure"))
        return Answer(record, _PERSONAL[kind], who, why)
    if kind == "decision":
        return Answer(record, _decided(body), record.evidence.actor, _reasons(body))
    alias = reading.string(body, "alias")
    outcome = reading.string(body, "outcome") or "outcome not recorded"
    word = f"alias {alias}: {outcome}" if alias else outcome
    return Answer(record, word, record.evidence.actor, ())


def _decided(body: Mapping[str, Any]) -> str:
    word = decided(body)
    target = reading.string(body, "target")
    policy = reading.mapping(body, "policy")
    name = reading.string(policy, "name") or reading.string(body, "policy_id")
    return word + (f" for {target}" if target else "") + (f" under policy {name}" if name else "")


def decided(body: Mapping[str, Any]) -> str:
    """'allowed', 'refused' or 'undecided'."""
    verdict = reading.string(body, "verdict")
    if verdict is not None:
        return verdict
    allowed = body.get("allowed")
    if isinstance(allowed, bool):
        return "allowed" if allowed else "refused"
    return "undecided"


def _reasons(body: Mapping[str, Any]) -> tuple[str, ...]:
    """What did not pass, one line each, with limit and next step; what passed, as a count."""
    said = []
    passed = 0
    for entry in reading.sequence(body, "reasons"):
        if isinstance(entry, Mapping):
            if entry.get("outcome") == "pass":
                passed += 1
            else:
                said.append(_reason(entry))
        elif isinstance(entry, str):
            said.append(entry)
    if passed:
        said.append(f"{plural(passed, 'rule')} passed")
    said += reading.texts(body, "notes")
    enforced = reading.texts(body, "enforced_by")
    said += [f"enforced by {', '.join(enforced)}"] if enforced else []
    return tuple(said)


def _reason(entry: Mapping[str, Any]) -> str:
    rule = reading.string(entry, "rule") or "rule not recorded"
    outcome = reading.string(entry, "outcome")
    waiver = reading.string(entry, "waived_by")
    parts = [
        reading.string(entry, "observed"),
        f"limit: {limit}" if (limit := reading.string(entry, "limit")) else None,
        f"set aside by waiver {waiver[:12]}" if waiver else None,
        f"next: {step}" if (step := reading.string(entry, "next_step")) else None,
    ]
    if outcome and entry.get("refuses") is False and not waiver:
        outcome += ", does not block"
    head = f"{rule} ({outcome})" if outcome else rule
    return ": ".join(part for part in (head, "; ".join(p for p in parts if p)) if part)
