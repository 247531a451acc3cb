"""Roles that an identity provider vouches for: put into an approval, verified by whoever decides.

The token itself is kept beside the approval, as content that can be erased, so that nobody has to
believe the approver about it. It counts for the moment at which the store received the approval.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aims_mlops.dossier.dossier import Dossier
from aims_mlops.errors import AimsError, GovernanceError, VerificationError
from aims_mlops.evidence.bodies.consent import ApprovalBody
from aims_mlops.evidence.clock import parse, stamp
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.declared.identity_provider import Identity, read_jwks, verify_token
from aims_mlops.inventory.declared.people import People, Proof
from aims_mlops.inventory.declared.person import Person, account_digest
from aims_mlops.inventory.project import Project

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore


def roles_said(
    project: Project, store: EvidenceStore, person: Person, token: str | None
) -> dict[str, Any]:
    """What an approval says of its approver's roles: `roles`, `role_sources` and, with a token,
    `identity`.

    Raises VerificationError for a token that does not hold, GovernanceError if it is about somebody
    else or aims.yaml names no identity provider.
    """
    sources = dict.fromkeys(person.roles, "aims.yaml")
    if token is None:
        return {"roles": sorted(sources), "role_sources": sources}
    identity = verified_identity(project, person.id, token, datetime.now(UTC))
    for role in identity.roles:
        sources.setdefault(role, f"identity provider {identity.issuer}")
    blob = store.put_blob(token.strip().encode(), media_type="application/jwt")
    return {
        "roles": sorted(sources),
        "role_sources": sources,
        "identity": {
            "issuer": identity.issuer,
            "roles": list(identity.roles),
            "key_id": identity.key_id,
            "expires_at": stamp(identity.expires_at),
            "token_blob": blob.sha256,
        },
    }


def proved_people(project: Project, store: EvidenceStore, dossier: Dossier) -> People:
    """The people of aims.yaml, with the roles that their approvals of these models prove."""
    models = {dossier.model, *dossier.assessed_models}
    proofs = tuple(_proofs(project, store, dossier.records, models))
    return replace(project.humans, proofs=proofs) if proofs else project.humans


def _proofs(
    project: Project, store: EvidenceStore, records: Iterable[Record], models: set[str]
) -> Iterable[Proof]:
    for record in records:
        if record.evidence.kind != "approval":
            continue
        body = ApprovalBody.of(record)
        said = body.identity
        if body.model not in models or said is None:
            continue
        human = project.human(body.approver or "")
        try:
            token = store.get_blob(str(said.get("token_blob"))).decode()
            identity = verified_identity(project, human, token, parse(record.received_at))
        except (AimsError, UnicodeDecodeError) as error:
            why = error.thing if isinstance(error, AimsError) else "its ID token is no text"
            yield Proof(record=record.id, human=human, source="", why_not=why)
        else:
            yield Proof(
                record=record.id,
                human=human,
                source=identity.issuer,
                roles=identity.roles,
                account=account_digest(identity.issuer, identity.subject),
                token=hashlib.sha256(token.encode()).hexdigest(),
            )


def verified_identity(project: Project, human: str, token: str, moment: datetime) -> Identity:
    """Who a token is, if it is this human's and good at a moment.

    Raises VerificationError if it is not, GovernanceError if aims.yaml names no provider.
    """
    provider = project.settings.identity_provider
    if provider is None:
        raise GovernanceError(
            "aims.yaml names no identity provider whose tokens count",
            next_step="add identity_provider to aims.yaml, or leave the token out",
        )
    identity = verify_token(token, provider, read_jwks(provider, project.root), moment)
    owner = next((p for p in project.people if identity.subject in p.subjects), None)
    if owner is None:
        raise VerificationError(
            "the ID token's subject is nobody's under people in aims.yaml",
            next_step="add it to the person's `subjects`",
        )
    if owner.acts_for is not None:
        raise VerificationError(f"the ID token is of {owner.id}, which is a service account")
    if owner.id != project.human(human):
        raise VerificationError(f"the ID token is {owner.id}'s and not {human}'s")
    return identity
