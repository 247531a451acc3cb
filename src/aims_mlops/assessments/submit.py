"""Submitting an assessment about a model, and answering it: approve, reject, withdraw."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from aims_mlops.approvals.idp_roles import roles_said
from aims_mlops.approvals.personal_key import PersonalKey, named_person, personal_key
from aims_mlops.approvals.signature import sign_consent
from aims_mlops.assessments.document import TEXT_FIELDS, Assessment
from aims_mlops.assessments.lint import read_assessment, refuse_incomplete, residual_impact
from aims_mlops.assessments.review import read_case
from aims_mlops.documents.problems import Problem, did_you_mean, refuse
from aims_mlops.dossier.binding import Binding
from aims_mlops.dossier.bought_in import PREFIX, record_bought_in
from aims_mlops.dossier.declarations import declare_policy, declare_system
from aims_mlops.dossier.dossier import Dossier
from aims_mlops.dossier.query import system_of
from aims_mlops.errors import GovernanceError, InputError
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.inventory.declared.system import System
from aims_mlops.inventory.project import Project
from aims_mlops.policy.grammar import ImpactScale
from aims_mlops.policy.policy import Policy

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

Verdict = Literal["approve", "reject", "return", "revoke"]
_KINDS: dict[Verdict, str] = {
    "approve": "approval",
    "reject": "rejection",
    "return": "rejection",  # to be changed and submitted again; it refuses just the same
    "revoke": "revocation",
}


def submit(
    project: Project,
    store: EvidenceStore,
    path: Path,
    model: ModelReference,
    *,
    actor: str,
    scale: ImpactScale | None = None,
) -> Record:
    """Put an assessment file into the log as being about this model.

    Raises DocumentError with every line that is missing for the system's risk tier, InputError
    if the system is not in aims.yaml, GovernanceError if the model belongs to another system.
    """
    assessment, document = read_assessment(path)
    system = project.system(assessment.system)
    if system is None:
        raise InputError(
            f"{path} is about an AI system that aims.yaml does not know",
            got=repr(assessment.system),
            expected="one of " + (", ".join(s.id for s in project.systems) or "none yet"),
            next_step="aims init",
        )
    scale = scale or ImpactScale()
    refuse_incomplete(assessment, document, risk_tier=system.risk_tier, scale=scale)
    if project.people and project.person(assessment.author) is None:
        known = [person.id for person in project.people]
        hint = did_you_mean(assessment.author, known)
        problem = Problem(
            ("author",), "author is nobody that aims.yaml names", repr(assessment.author), hint=hint
        )
        refuse(document, [problem], "write the id of a person in aims.yaml, or add the person")
    owner = system_of(project, store, model)
    if owner is not None and owner.id != system.id:
        raise GovernanceError(
            "the assessment is about another AI system than the model",
            got=system.id,
            expected=owner.id,
            next_step=f"aims assess new {owner.id}",
        )
    declare_system(store, system, actor=actor)
    if model.uri.startswith(PREFIX):
        record_bought_in(store, project, model, actor=actor)
    return store.append(
        Evidence(
            kind="impact-assessment",
            subjects=(
                model.subject,
                Subject.of_name(f"system:{system.id}"),
                Subject(f"assessment:{system.id}", assessment.digest),
            ),
            body=_body(assessment, system, model, scale),
            actor=actor,
            claimed_at=now(),
            system=system.id,
        )
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What was put into the log, and the key it was signed with."""

    record: Record
    key: PersonalKey


def answer(
    project: Project,
    store: EvidenceStore,
    model: ModelReference,
    policy: Policy,
    *,
    target: str,
    person: str,
    verdict: Verdict,
    reason: str,
    shown: str,
    token: str | None = None,
) -> Answer:
    """Approve, reject or revoke, signed with the person's own key over what was shown.

    shown : the text that the person read; it is kept as a blob and its digest is signed.
    token : an ID token of the identity provider, which says what roles the person holds there.
    Raises GovernanceError for somebody unknown, a rejection without a reason, or an approval of a
    model about which no assessment was submitted. Whether it counts is the gate's to say.
    """
    known = named_person(project, person)
    if verdict != "approve" and not reason.strip():
        raise GovernanceError(f"a {_KINDS[verdict]} needs a reason", next_step="--reason TEXT")
    system = system_of(project, store, model)
    dossier = read_case(
        project, store, model, policy, target=target, system=system, now=datetime.now(UTC)
    ).dossier
    if verdict == "approve" and dossier.assessment is None and policy.assessment.required:
        raise GovernanceError(
            "there is nothing to approve: no impact assessment about this model was submitted",
            next_step=f"aims assess submit --model {model.uri}",
        )
    declare_policy(store, policy, actor=known.id)
    binding = Binding.of(dossier, target=target, policy=policy.digest)
    blob = store.put_blob(shown.encode(), media_type="text/plain; charset=utf-8")
    rule = policy.key_rule(
        risk_tier=system.risk_tier if system else None, single_user=project.settings.single_user
    )
    # A key made on the spot shows nothing: where the policy asks for more, it is enrolled first.
    key = personal_key(
        known.id, create=verdict != "approve" or not rule.confirmed or token is not None
    )
    body = {
        **binding.to_body(),
        "verdict": verdict,
        "registered": _registered(model),
        "approver": known.id,
        **roles_said(project, store, known, token if verdict == "approve" else None),
        "reason": reason.strip(),
        "shown_sha256": hashlib.sha256(shown.encode()).hexdigest(),
        "shown_blob": blob.sha256,
        "signed_at": now(),
    }
    record = store.append(
        Evidence(
            kind=_KINDS[verdict],
            subjects=_subjects(model, dossier, system),
            body=sign_consent(body, key.signer),
            actor=known.id,
            claimed_at=now(),
            system=system.id if system else None,
        )
    )
    return Answer(record, key)


def _registered(model: ModelReference) -> dict[str, str | None] | None:
    """The registered version that the person was asked about; the digest alone is what binds."""
    if model.version is None:
        return None
    return {
        "name": model.name,
        "version": model.version,
        "created_at": model.created_at,
        "registry": model.registry_address,
    }


def _subjects(
    model: ModelReference, dossier: Dossier, system: System | None
) -> tuple[Subject, ...]:
    subjects = [model.subject]
    if dossier.assessment_digest is not None and system is not None:
        subjects.append(Subject(f"assessment:{system.id}", dossier.assessment_digest))
    return tuple(subjects)


def _body(
    assessment: Assessment, system: System, model: ModelReference, scale: ImpactScale
) -> dict[str, object]:
    residual = [
        residual_impact(impact, scale) for impact in assessment.impacts if impact.kind == "harm"
    ]
    known = [figure for figure in residual if figure is not None]
    return {
        "document": assessment.model_dump(mode="json"),
        "document_sha256": assessment.digest,
        "state": "submitted",
        "author": assessment.author,
        "system": system.id,
        "risk_tier": system.risk_tier,
        "intended_use": system.intended_use,
        "model": model.sha256,
        "model_uri": model.uri,
        "impact_scale": scale.model_dump(mode="json"),
        # Not stated as long as one harm has no residual figure.
        "residual_impact_max": max(known) if known and len(known) == len(residual) else None,
        "fields": {path: assessment.provenance(path) for path in TEXT_FIELDS},
    }
