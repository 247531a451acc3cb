"""Answering an assessment: approve, reject, return, revoke; signed by the person who answers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from aims_mlops.approvals.idp_roles import roles_said
from aims_mlops.approvals.keys.personal_key import PersonalKey, named_person, personal_key
from aims_mlops.approvals.keys.signature import sign_consent
from aims_mlops.approvals.keys.statement import Statement
from aims_mlops.dossier.binding import Binding
from aims_mlops.dossier.declarations import declare_policy
from aims_mlops.dossier.dossier import Dossier
from aims_mlops.dossier.query import system_of
from aims_mlops.errors import GovernanceError
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Record, Subject
from aims_mlops.evidence.store import EvidenceStore
from aims_mlops.inventory.declared.system import System
from aims_mlops.inventory.project import Project
from aims_mlops.policy.policy import Policy

Verdict = Literal["approve", "reject", "return", "revoke"]
_KINDS: dict[Verdict, str] = {
    "approve": "approval",
    "reject": "rejection",
    "return": "rejection",  # to be changed and submitted again; it refuses just the same
    "revoke": "revocation",
}


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
    dossier: Dossier,
    target: str,
    person: str,
    verdict: Verdict,
    reason: str,
    shown: str,
    token: str | None = None,
) -> Answer:
    """Approve, reject or revoke, signed with the person's own key over what was shown.

    dossier : what the shown text was made from. The consent is bound to it: what came into the log
        while the person read re-opens the question, as it would a moment later.
    shown : the text that the person read; it is kept as a blob and its digest is signed.
    token : an ID token of the identity provider, which says what roles the person holds there.
    Raises GovernanceError for somebody unknown, a rejection without a reason, or an approval of a
    model about which no assessment was submitted. Whether it counts is the gate's to say.
    """
    known = named_person(project, person)
    rule = policy.key_rule(
        risk_tier=_risk_tier(project, store, model), single_user=project.settings.single_user
    )
    to_sign = statement(
        project, store, model, policy, dossier=dossier, target=target, person=person,
        verdict=verdict, reason=reason, shown=shown, token=token,
    )  # fmt: skip
    # A key made on the spot shows nothing: where the policy asks for more, it is enrolled first.
    key = personal_key(
        known.id, create=verdict != "approve" or not rule.confirmed or token is not None
    )
    return Answer(store.append(to_sign.signed(sign_consent(to_sign.body, key.signer))), key)


def statement(
    project: Project,
    store: EvidenceStore,
    model: ModelReference,
    policy: Policy,
    *,
    dossier: Dossier,
    target: str,
    person: str,
    verdict: Verdict,
    reason: str,
    shown: str,
    token: str | None = None,
) -> Statement:
    """What `answer` signs with a key in a file, for whoever signs it in another way.

    Raises GovernanceError as `answer` does. The policy and the shown text are in the store then.
    """
    known = named_person(project, person)
    if verdict != "approve" and not reason.strip():
        raise GovernanceError(f"a {_KINDS[verdict]} needs a reason", next_step="--reason TEXT")
    system = system_of(project, store, model)
    if verdict == "approve" and dossier.assessment is None and policy.assessment.required:
        raise GovernanceError(
            "there is nothing to approve: no impact assessment about this model was submitted",
            next_step=f"aims assess submit --model {model.uri}",
        )
    declare_policy(store, policy, actor=known.id)
    binding = Binding.of(dossier, target=target, policy=policy.digest)
    blob = store.put_blob(shown.encode(), media_type="text/plain; charset=utf-8")
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
    subjects = _subjects(model, dossier, system)
    return Statement(_KINDS[verdict], known.id, body, subjects, system.id if system else None)


def _risk_tier(project: Project, store: EvidenceStore, model: ModelReference) -> str | None:
    system = system_of(project, store, model)
    return system.risk_tier if system else None


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
