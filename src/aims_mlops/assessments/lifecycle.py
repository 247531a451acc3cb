"""Where an assessment stands. Computed from records when asked; never stored as a state. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from aims_mlops.approvals.consent import Consent
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.records import Record

State = Literal[
    "draft",
    "submitted",
    "approved",
    "rejected",
    "returned",
    "superseded",
    "expired",
    "re-opened",
]


@dataclass(frozen=True, slots=True)
class AssessmentState:
    """The state of an assessment, and why it is so, in words."""

    state: State
    why: str


def overdue_review(submitted: Record, now: datetime) -> str | None:
    """That the review which the assessment itself names was due before today (UTC), in words."""
    document = submitted.evidence.body.get("document")
    due = document.get("review_by") if isinstance(document, Mapping) else None
    if not isinstance(due, str):
        return None
    try:
        over = now.date() > date.fromisoformat(due)
    except ValueError:
        return f"the date of its review, {due!r}, is no date"
    return f"its review was due on {due}" if over else None


def current_state(
    submitted: Record | None,
    newer: Sequence[Record],
    consent: Consent | None,
    *,
    needed: int,
    max_age_days: int,
    changes: Sequence[str],
    now: datetime,
) -> AssessmentState:
    """The state of a submitted assessment.

    newer : assessments of the same system and model that were submitted later.
    consent : the approvals and rejections, weighed; None if the policy asks for none.
    changes : material changes since the submission, each in words; any re-opens it. Without a
        submission, why the assessment of the model before is not kept.
    """
    if submitted is None and changes:
        return AssessmentState("re-opened", "; ".join(changes))
    if submitted is None:
        return AssessmentState("draft", "it was not submitted")
    if newer:
        return AssessmentState("superseded", f"record {newer[-1].id[:8]} was submitted later")
    age = now - parse(submitted.received_at)
    if age > timedelta(days=max_age_days):
        return AssessmentState("expired", f"{age.days} days old; the policy allows {max_age_days}")
    if (overdue := overdue_review(submitted, now)) is not None:
        return AssessmentState("expired", overdue)
    if consent is not None and consent.rejected_by:
        human, reason = consent.rejected_by[-1]
        only_returned = all(who in consent.returned_by for who, _ in consent.rejected_by)
        return AssessmentState("returned" if only_returned else "rejected", f"by {human}: {reason}")
    if changes:
        return AssessmentState("re-opened", "; ".join(changes))
    counted: Mapping[str, Record] = consent.counted if consent is not None else {}
    if len(counted) >= needed:
        return AssessmentState(
            "approved", "by " + (", ".join(sorted(counted)) or "nobody: none needed")
        )
    lacking = needed - len(counted)
    why = f"{lacking} more {'approval' if lacking == 1 else 'approvals'} needed"
    if consent is not None and consent.refused:
        why += f"; one does not count: {consent.refused[-1][1]}"
    return AssessmentState("submitted", why)
