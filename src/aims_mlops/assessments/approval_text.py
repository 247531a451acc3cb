"""The text that an approver reads and signs. Pure: the same records give the same text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aims_mlops.assessments.document import Assessment
from aims_mlops.assessments.prefill import from_evidence
from aims_mlops.dossier.binding import Binding
from aims_mlops.dossier.dossier import Dossier
from aims_mlops.errors import EvidenceFormatError
from aims_mlops.policy.policy import Policy
from aims_mlops.visible import plain


def approval_text(
    dossier: Dossier,
    binding: Binding,
    policy: Policy,
    *,
    model_uri: str,
    changes: Sequence[str] = (),
) -> str:
    """What the assessment says, what the evidence says, and the digests that consent binds.

    changes : against the model of the same system that was assessed before, in words.
    """
    lines = [
        f"Model       {model_uri}",
        f"Target      {binding.target}",
        f"AI system   {dossier.system or 'none'}",
        f"Policy      {policy.id}",
        "",
    ]
    record = dossier.assessment
    if record is None:
        lines.append("No impact assessment about this model was submitted.")
    else:
        body = record.evidence.body
        lines.append(
            f"Impact assessment, submitted {record.received_at[:10]} by {record.evidence.actor}, "
            f"written by {body.get('author') or 'nobody named'}"
        )
        if record is dossier.kept:
            of = str(body.get("model"))
            lines.append(f"It is about model {of}; the policy's tolerance keeps it for this one.")
        lines += _assessment(assessment_of(body), body.get("fields") or {})
    facts = from_evidence(dossier)
    document = assessment_of(record.evidence.body) if record is not None else None
    for path in ("algorithm.performance", "algorithm.fairness", "data.description"):
        text, source = facts.get(path, ("", ""))
        # What the assessment repeats word for word is not shown twice.
        if text and (document is None or document.text_at(path).strip() != text):
            lines += ["", f"In the log: {path.replace('.', ', ')} (record {source[:8]})"]
            lines += [f"  {line}" for line in text.splitlines()]
    others = len(dossier.other_models)
    if changes:
        lines += ["", "Changed since the model of this system that was assessed before"]
        lines += [f"  {change}" for change in changes]
    lines += ["", f"Other models of this system in the log: {others}", "", "Bound digests"]
    for name, value in binding.to_body().items():
        text = ", ".join(value) if isinstance(value, list) else value
        lines.append(f"  {name:<14}{text or 'none'}")
    return "\n".join(plain(line) for line in lines) + "\n"


def assessment_of(body: Mapping[str, Any]) -> Assessment:
    """The assessment in a record's body; raises EvidenceFormatError if it is none of ours."""
    import json

    from pydantic import ValidationError

    try:
        return Assessment.model_validate_json(json.dumps(body["document"]))
    except (KeyError, ValidationError) as error:
        raise EvidenceFormatError("the record holds no assessment that can be read") from error


def _assessment(assessment: Assessment, fields: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    for path, origin in fields.items():
        text = assessment.text_at(path).strip()
        if text:
            lines += ["", f"{path.replace('.', ', ').replace('_', ' ')} ({origin})"]
            lines += [f"  {line}" for line in text.splitlines()]
    if assessment.interested_parties:
        lines += ["", "interested parties"]
        lines += [f"  {party.who}: {party.interest}" for party in assessment.interested_parties]
    for impact in assessment.impacts:
        lines += [
            "",
            f"{impact.kind} {impact.id}, on {impact.on}, {impact.aspect}",
            f"  {impact.description}",
            (
                f"  likelihood {impact.likelihood or 'not given'}, "
                f"severity {impact.severity or 'not given'}, "
                f"reversible {impact.reversible or 'not given'}"
            ),
        ]
        if impact.residual_likelihood or impact.residual_severity:
            lines.append(
                f"  after measures: likelihood {impact.residual_likelihood}, "
                f"severity {impact.residual_severity}"
            )
    for measure in assessment.measures:
        due = "done" if measure.done else f"due {measure.due or 'not given'}"
        lines += [
            "",
            f"measure {measure.id} for {', '.join(measure.for_impacts) or 'nothing named'}",
            f"  {measure.description}; owner {measure.owner or 'nobody'}; {due}",
        ]
    return lines
