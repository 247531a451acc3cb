"""The impact assessment, and what people signed: consent, keys, roles handed over."""

from __future__ import annotations

from typing import Annotated, Any

from aims_mlops.evidence.bodies.body import (
    Body,
    Given,
    Later,
    Must,
    Object,
    Objects,
    Sha256,
    SignedBody,
    Texts,
    body_of,
    says,
)


class ConsentBody(SignedBody, frozen=True):
    """What the answers to an assessment have in common."""

    assessment: str | None = None
    datasets: Objects | None = None
    evidence_root: str | None = None
    model: str | None = None
    policy: str | None = None
    reason: str | None = None
    roles: Objects | None = None
    shown_blob: str | None = None
    shown_sha256: str | None = None
    signed_at: str | None = None
    target: str | None = None
    verdict: str | None = None


@body_of("approval")
class ApprovalBody(ConsentBody, frozen=True):
    """A second person's signed consent."""

    model: Must[str] = None
    datasets: Must[Objects] = None
    assessment: Must[str] = None
    policy: Must[str] = None
    evidence_root: Must[Sha256] = None
    target: Must[str] = None
    identity: Object | None = None
    role_sources: Object | None = None
    registered: Later[Object] = None


@body_of("rejection")
class RejectionBody(ConsentBody, frozen=True):
    """A second person's refusal, with the reason."""

    reason: Must[str] = None


@body_of("revocation")
class RevocationBody(ConsentBody, frozen=True):
    """An approval taken back, with the reason."""

    reason: Must[str] = None


@body_of("impact-assessment")
class ImpactAssessmentBody(Body, frozen=True):
    """An AI system impact assessment."""

    document: Must[Object] = None
    document_sha256: Must[Sha256] = None
    state: Must[str] = None
    author: Must[str] = None
    system: Must[str] = None
    fields: Object | None = None
    impact_scale: Object | None = None
    intended_use: str | None = None
    model: str | None = None
    model_uri: str | None = None
    # What is no number is told to whoever asks the gate, as it stands there.
    residual_impact_max: Annotated[Any, says(type=["integer", "null"])] = None
    risk_tier: str | None = None


@body_of("review-comment")
class ReviewCommentBody(Body, frozen=True):
    """What somebody said of one section of an assessment; an answer names what it answers."""

    assessment: Must[str] = None
    model: Must[str] = None
    section: Must[str] = None
    text: Must[str] = None
    by: Must[str] = None
    question: bool | None = None
    answers: str | None = None


@body_of("delegation")
class DelegationBody(SignedBody, frozen=True):
    """A role handed to another person for a time."""

    to: Must[str] = None
    roles: Must[Objects] = None
    valid_until: Must[str] = None
    reason: Must[str] = None


@body_of("enrolment")
class EnrolmentBody(SignedBody, frozen=True):
    """A person's key, confirmed by another person, or ended."""

    step: Must[Annotated[str, says(enum=["enrol", "confirm", "end"])]] = None
    person: Must[str] = None
    public_key: Must[Sha256] = None
    doubtful_from: str | None = None
    enrolment: Given[str] = None
    identity: Object | None = None
    key: Given[Sha256] = None
    reason: Given[str] = None
    replaces: str | None = None
    signed_at: Given[str] = None


class AboutEntryBody(SignedBody, frozen=True):
    """What a person signs about an entry: which record of it, and the digest of its content."""

    register: Must[str] = None
    entry: Must[str] = None
    record: Must[str] = None
    digest: Must[Sha256] = None
    id: Must[str] = None
    signed_at: Must[str] = None
    roles: Texts | None = None
    shown_blob: str | None = None
    shown_sha256: str | None = None
    version: str | None = None


@body_of("entry-approval")
class EntryApprovalBody(AboutEntryBody, frozen=True):
    """A person's signed yes or no to an entry of a register."""

    verdict: Must[Annotated[str, says(enum=["approve", "reject", "revoke"])]] = None
    reason: str | None = None


@body_of("acknowledgement")
class AcknowledgementBody(AboutEntryBody, frozen=True):
    """A person read and understood a document."""
