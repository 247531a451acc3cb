"""The review of an assessment: what it says, what changed, what was asked, and what is signed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from aims_mlops.approvals.consent import Consent
from aims_mlops.assessments.approval_text import assessment_of
from aims_mlops.assessments.difference import difference
from aims_mlops.assessments.document import TEXT_FIELDS, Assessment
from aims_mlops.assessments.review import (
    ReviewContext,
    consent_of,
    prior_assessment,
    review_of,
    state_of,
)
from aims_mlops.errors import InputError
from aims_mlops.evidence.bodies.consent import ConsentBody, ReviewCommentBody
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.kinds import VERDICT_KINDS
from aims_mlops.evidence.records import Evidence, Record
from aims_mlops.web.pages.assessment.form import SECTIONS
from aims_mlops.web.pages.model import model_of
from aims_mlops.web.pages.reading import Reading
from aims_mlops.web.render.environment import address

KIND = "review-comment"
WHOLE = "whole"
PLACES = (*(name for name, _, _ in SECTIONS), WHOLE)
_MOST_TEXT = 4_000


def context_of(reading: Reading) -> ReviewContext:
    """What whoever answers the assessment of the model of the address is shown."""
    reference, _ = model_of(reading)
    target = reading.asked("for") or next(iter(reading.project.settings.targets), "production")
    return review_of(reading.project, reading.store, reference, target)


def review(reading: Reading) -> dict[str, Any]:
    """The newest assessment of a model with everything that an answer rests on."""
    case = context_of(reading)
    record = case.dossier.assessment
    digest = reading.path["model"]
    found: dict[str, Any] = {
        "model": digest,
        "uri": case.model.uri,
        "target": case.target,
        "targets": list(reading.project.settings.targets),
        "system": case.system.id if case.system else None,
        "title": (case.system.title if case.system else "") or case.model.uri,
        "record": None if record is None else address("records", record.id),
        "write": address("models", digest, "assessment"),
        "page": address("models", digest),
        "shown": case.shown,
        "shown_sha256": hashlib.sha256(case.shown.encode()).hexdigest(),
        "model_changes": list(case.changes),
    }
    if record is None:
        return {**found, "assessment": None}
    document = assessment_of(record.evidence.body)
    consent = consent_of(case, as_read=True)
    state = state_of(case, consent)
    mine = {
        reading.project.human(name) for name in (document.author, record.evidence.actor) if name
    }
    comments = _comments(reading, case)
    return {
        **found,
        "assessment": document.digest,
        "author": document.author,
        "submitted_by": record.evidence.actor,
        "submitted_at": record.received_at,
        "state": state.state,
        "why": state.why,
        "sections": [
            {
                "name": name,
                "clause": clause,
                "fields": [
                    {
                        "path": path,
                        "text": document.text_at(path),
                        "from_evidence": document.provenance(path) == "from evidence",
                    }
                    for path in TEXT_FIELDS
                    if path.split(".")[0] in prefixes
                ],
                "rows": _rows(document, name),
                "comments": [c for c in comments if c["section"] == name],
            }
            for name, clause, prefixes in SECTIONS
        ],
        "comments": [c for c in comments if c["section"] == WHOLE],
        "open_questions": sum(c["open"] for c in comments),
        "differences": _differences(reading, record, document),
        "answers": list(_answers(case, consent)),
        "own": reading.project.human(reading.viewer.person) in mine,
    }


def _rows(document: Assessment, section: str) -> list[dict[str, Any]]:
    rows: Iterable[Any] = getattr(document, section, ()) if section in (
        "interested_parties", "impacts", "measures",
    ) else ()  # fmt: skip
    return [row.model_dump(mode="json") for row in rows]


def _differences(reading: Reading, record: Record, document: Assessment) -> list[str] | None:
    """Lines against the last one that was approved; None if no other was."""
    prior = prior_assessment(reading.project, record.evidence.system or "")
    if prior is None or prior.id == record.id:
        return None
    return difference(assessment_of(prior.evidence.body), document)


def _answers(case: ReviewContext, consent: Consent) -> Iterable[dict[str, Any]]:
    """Every answer about this model, newest first, with whether it counts now."""
    refused = {record.id: why for record, why in consent.refused}
    counted = {record.id for record in consent.counted.values()}
    given = [r for r in case.dossier.records if r.evidence.kind in VERDICT_KINDS]
    for record in reversed(given):
        said = ConsentBody.of(record)
        yield {
            "record": record.id,
            "page": address("records", record.id),
            "verdict": str(said.verdict or record.evidence.kind),
            "by": str(said.approver),
            "reason": str(said.reason or ""),
            "at": record.received_at,
            "counts": record.id in counted,
            "why_not": refused.get(record.id),
        }


def _comments(reading: Reading, case: ReviewContext) -> list[dict[str, Any]]:
    """What was said of this assessment, each question with its answers."""
    said = [
        (record, ReviewCommentBody.of(record))
        for record in reading.find(kind=KIND, subject=reading.path["model"])
    ]
    said = [(r, body) for r, body in said if body.assessment == case.dossier.assessment_digest]
    replies: dict[str, list[dict[str, Any]]] = {}
    for record, body in said:
        if body.answers:
            replies.setdefault(body.answers, []).append(_comment(record, body))
    return [
        {
            **_comment(record, body),
            "replies": replies.get(record.id, []),
            "open": bool(body.question) and record.id not in replies,
        }
        for record, body in said
        if not body.answers
    ]


def _comment(record: Record, body: ReviewCommentBody) -> dict[str, Any]:
    return {
        "id": record.id,
        "page": address("records", record.id),
        "by": str(body.by),
        "at": record.received_at,
        "section": str(body.section),
        "text": str(body.text),
        "question": bool(body.question),
    }


def comment(reading: Reading, said: Mapping[str, str]) -> Record:
    """Record what the viewer says of a section, or answers. Raises InputError."""
    case = context_of(reading)
    assessment = case.dossier.assessment_digest
    text, section = said.get("text", "").strip(), said.get("section", "")
    if assessment is None:
        raise InputError("no assessment of this model was submitted", got="a comment on it")
    if section not in PLACES or not text or len(text) > _MOST_TEXT:
        raise InputError(
            "a comment needs a section and a text",
            got=f"{len(text)} characters",
            expected=f"1 to {_MOST_TEXT}",
        )
    body: dict[str, Any] = {
        "assessment": assessment,
        "model": case.model.sha256,
        "section": section,
        "text": text,
        "by": reading.viewer.person,
        "question": bool(said.get("question")),
    }
    if said.get("answers"):
        asked = reading.get(said["answers"])
        if asked.evidence.kind != KIND or asked.evidence.body.get("assessment") != assessment:
            raise InputError("what is answered is no comment on this assessment")
        body["answers"] = asked.id
    return reading.store.append(
        Evidence(
            kind=KIND,
            subjects=(case.model.subject,),
            body=body,
            actor=reading.viewer.person,
            claimed_at=now(),
            system=case.system.id if case.system else None,
        )
    )
