"""Writing who signs with which key: enrolled by its owner, confirmed or ended by a person."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aims_mlops.approvals.idp_roles import verified_identity
from aims_mlops.approvals.keys.enrolment import KIND, Enrolled, Enrolments
from aims_mlops.approvals.keys.personal_key import (
    PersonalKey,
    named_person,
    personal_key,
    renewed_key,
)
from aims_mlops.approvals.keys.signature import sign_consent
from aims_mlops.approvals.keys.statement import Statement
from aims_mlops.errors import GovernanceError, SeparationOfDutiesError
from aims_mlops.evidence.clock import now, stamp
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.evidence.store import signed
from aims_mlops.inventory.declared.person import account_digest
from aims_mlops.inventory.project import Project

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore


@dataclass(frozen=True, slots=True)
class NewEnrolment:
    """What was put into the log, and the key that it enrols."""

    record: Record
    key: PersonalKey


def fingerprint(key: str) -> str:
    """What two people compare, over the phone or in person: 8 groups of 4 hex digits."""
    digest = hashlib.sha256(bytes.fromhex(key)).hexdigest()
    return " ".join(digest[i : i + 4] for i in range(0, 32, 4))


def enrolments(project: Project, store: EvidenceStore) -> Enrolments:
    """Everybody's keys as the log says."""
    return Enrolments.of(signed(store).find(kind=KIND), project.humans)


def enrol(
    project: Project,
    store: EvidenceStore,
    *,
    person: str,
    token: str | None = None,
    new_key: bool = False,
) -> NewEnrolment:
    """Put a person's own key into the log, made now if there is none.

    token : an ID token of the identity provider, to enrol that account with the key.
    new_key : make a new key; the one there is ends when the new one is confirmed.
    Raises GovernanceError for somebody unknown, a service account, or a key enrolled already.
    """
    known = named_person(project, person)
    if known.acts_for is not None:
        raise GovernanceError(
            f"{known.id} is a service account, and signs nothing",
            next_step=f"aims people enrol --as {known.acts_for}",
        )
    identity = None
    if token is not None:
        said = verified_identity(project, known.id, token, datetime.now(UTC))
        account = account_digest(said.issuer, said.subject)
        identity = {"issuer": said.issuer, "account": account}
    replaces = None
    if new_key:
        key, replaces = renewed_key(known.id)
    else:
        key = personal_key(known.id)
        public = key.signer.public.hex()
        for entry in enrolments(project, store).entries:
            same = (entry.human, entry.key) == (known.id, public)
            if same and (identity is None or entry.account == identity["account"]):
                waits = "" if entry.confirmations else f"; then aims people confirm {known.id}"
                raise GovernanceError(
                    f"the key of {known.id} is enrolled already, by record {entry.record.id[:8]}",
                    next_step=f"aims people list{waits}",
                )
    body = {
        "step": "enrol",
        "person": known.id,
        "approver": known.id,
        "replaces": replaces,
        "identity": identity,
        "signed_at": now(),
    }
    return NewEnrolment(_write(store, known.id, body, key, about=known.id), key)


def waiting(project: Project, store: EvidenceStore, person: str, key: str | None) -> Enrolled:
    """The enrolled key of a person that waits to be confirmed.

    key : the beginning of its public key or fingerprint, if there is more than one.
    Raises GovernanceError if there is none, or more than one.
    """
    known = named_person(project, person)
    found = enrolments(project, store)
    open_ = [e for e in found.entries if e.human == known.id and found.ended(e) is None]
    matching = [entry for entry in open_ if key is None or _is(entry.key, key)]
    waits = [entry for entry in matching if not entry.confirmations] or matching
    if not waits:
        raise GovernanceError(
            f"{known.id} has enrolled no key" + (" like this" if key else ""),
            next_step=f"{known.id} runs: aims people enrol --as {known.id}",
        )
    if len({entry.key for entry in waits}) > 1:
        raise GovernanceError(
            f"{known.id} has enrolled more than one key",
            got=", ".join(entry.key[:16] for entry in waits),
            next_step="name the one whose fingerprint you compared: --key",
        )
    return waits[-1]


def confirm(project: Project, store: EvidenceStore, entry: Enrolled, *, by: str) -> Record:
    """Say, signed, that a key is its owner's.

    Raises SeparationOfDutiesError for one's own key, GovernanceError if nothing shows that the key
    of `by` is theirs.
    """
    to_sign = confirmation(project, entry, by=by)
    key = _good_key(project, store, to_sign.person)
    return store.append(to_sign.signed(sign_consent(to_sign.body, key.signer)))


def confirmation(project: Project, entry: Enrolled, *, by: str) -> Statement:
    """What whoever confirms a key signs; raises SeparationOfDutiesError for one's own key."""
    giver = named_person(project, by)
    if project.human(giver.id) == entry.human:
        raise SeparationOfDutiesError(f"{giver.id} cannot confirm a key of their own")
    body = {
        "step": "confirm",
        "person": entry.human,
        "enrolment": entry.record.id,
        "key": entry.key,
        "approver": giver.id,
        "signed_at": now(),
    }
    return Statement(KIND, giver.id, body, (Subject.of_name(f"person:{entry.human}"),))


def passkey_enrolment(project: Project, *, person: str) -> Statement:
    """What a person signs with a new passkey, to enrol it.

    Raises GovernanceError for somebody unknown or a service account.
    """
    known = named_person(project, person)
    if known.acts_for is not None:
        raise GovernanceError(f"{known.id} is a service account, and signs nothing")
    body = {
        "step": "enrol",
        "person": known.id,
        "approver": known.id,
        "replaces": None,
        "identity": None,
        "signed_at": now(),
    }
    return Statement(KIND, known.id, body, (Subject.of_name(f"person:{known.id}"),))


def end(
    project: Project,
    store: EvidenceStore,
    *,
    person: str,
    by: str,
    reason: str,
    key: str | None = None,
    doubtful_from: datetime | None = None,
) -> Record:
    """End a key: what is signed with it from now on counts for nobody.

    key : the beginning of its public key or fingerprint, if the person has more than one.
    doubtful_from : what it signed from then on does not count either, as for a stolen key.
    Raises GovernanceError without a reason, or if the key of `by` is not known to be theirs.
    """
    giver = named_person(project, by)
    if not reason.strip():
        raise GovernanceError("the end of a key needs a reason", next_step="--reason TEXT")
    human = project.human(person)
    found = enrolments(project, store)
    known = project.person(human)
    keys = {e.key for e in found.entries if e.human == human and found.ended(e) is None}
    keys |= {k.public_key for k in known.keys} if known is not None else set()
    matching = sorted(k for k in keys if key is None or _is(k, key))
    if len(matching) != 1:
        raise GovernanceError(
            f"{human} has {len(matching)} keys" + (" like this" if key else " that have not ended"),
            got=", ".join(k[:16] for k in matching) or "none",
            next_step="aims people list, then --key" if matching else "aims people list",
        )
    signer = personal_key(giver.id, create=False)
    if giver.id != human or signer.signer.public.hex() != matching[0]:
        signer = _good_key(project, store, giver.id)
    body = {
        "step": "end",
        "person": human,
        "key": matching[0],
        "reason": reason.strip(),
        "doubtful_from": stamp(doubtful_from) if doubtful_from is not None else None,
        "approver": giver.id,
        "signed_at": now(),
    }
    return _write(store, giver.id, body, signer, about=human)


def _good_key(project: Project, store: EvidenceStore, person: str) -> PersonalKey:
    """A person's key, if more than that person's word says that it is theirs."""
    key = personal_key(person, create=False)
    public = key.signer.public.hex()
    if enrolments(project, store).is_good(person, public):
        return key
    raise GovernanceError(
        f"nothing shows that the key of {person} is theirs, so that it vouches for nobody",
        expected="a key that somebody confirmed, or that aims.yaml lists",
        next_step=(
            f"somebody else confirms it: aims people confirm {person}; the first keys are listed "
            f"in aims.yaml, at {person}: keys: [{{public_key: {public}}}]"
        ),
    )


def _is(key: str, said: str) -> bool:
    said = "".join(said.split()).casefold()
    return key.startswith(said) or fingerprint(key).replace(" ", "").startswith(said)


def _write(
    store: EvidenceStore, actor: str, body: dict[str, Any], key: PersonalKey, *, about: str
) -> Record:
    return store.append(
        Evidence(
            kind=KIND,
            subjects=(Subject.of_name(f"person:{about}"),),
            body=sign_consent(body, key.signer),
            actor=actor,
            claimed_at=now(),
        )
    )
