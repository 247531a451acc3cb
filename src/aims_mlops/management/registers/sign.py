"""What people sign about entries: yes, no, and that they read and understood a document."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from aims_mlops.approvals.delegation import delegated_roles
from aims_mlops.approvals.keys.personal_key import named_person, personal_key
from aims_mlops.approvals.keys.signature import sign_consent
from aims_mlops.approvals.signed_records import KeyOwners
from aims_mlops.errors import GovernanceError, InputError, SeparationOfDutiesError
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.kinds import SIGNED_KINDS
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.evidence.store import signed
from aims_mlops.inventory.project import Project
from aims_mlops.management.registers.document import DocumentEntry
from aims_mlops.management.registers.entry import Entry
from aims_mlops.management.registers.read import duties_of
from aims_mlops.management.registers.shown import shown_text
from aims_mlops.management.registers.spec import ACKNOWLEDGEMENT, APPROVAL
from aims_mlops.policy.key_rule import KeyRule

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

Verdict = Literal["approve", "reject", "revoke"]


def approve(
    project: Project,
    store: EvidenceStore,
    entry: Entry,
    *,
    person: str,
    shown: str,
    verdict: Verdict = "approve",
    reason: str = "",
    step: Record | None = None,
) -> Record:
    """Sign an entry as one of its records says it, with the person's own key.

    shown : the text that the person read, kept as a blob.  step : the newest if not given.
    Raises SeparationOfDutiesError for whom the register keeps apart, GovernanceError for somebody
    unknown, without the role, about an entry that is closed, or a refusal without a reason.
    """
    step = step or entry.latest
    human = _signer(project, person)
    if verdict != "approve" and not reason.strip():
        raise GovernanceError(f"to {verdict} needs a reason", next_step="--reason TEXT")
    if verdict == "approve":
        if entry.is_closed:
            raise GovernanceError(
                f"{entry.register} {entry.id} is {entry.state}",
                next_step=f"aims record reopen {entry.register}/{entry.id} --reason TEXT",
            )
        lent = _lent(project, store, human)
        why = duties_of(project).why_not(human, entry, step, lent)
        if why is not None:
            owner = entry.spec.by_owner
            who = "its owner signs it" if owner else "another person approves it"
            raise SeparationOfDutiesError(why, next_step=who)
    body = {
        "verdict": verdict,
        **_about(project, store, entry, step, human, shown),
        "reason": reason.strip(),
    }
    return _signed(store, APPROVAL, entry, step, human, body, create=verdict != "approve")


def acknowledge(
    project: Project, store: EvidenceStore, entry: Entry, *, person: str, shown: str
) -> Record:
    """Sign that a person read and understood the version of a document that is in force.

    Raises InputError for what is no document, GovernanceError if no version of it is in force.
    """
    if not isinstance(entry, DocumentEntry):
        raise InputError(
            f"{entry.register} {entry.id} is no document",
            expected="a document; entries of other registers are approved",
        )
    version = entry.in_force
    if version is None:
        raise GovernanceError(
            f"no version of document {entry.id} is in force",
            got=entry.state,
            next_step=f"aims record approve document/{entry.id}",
        )
    human = _signer(project, person)
    body = _about(project, store, entry, version.record, human, shown)
    return _signed(store, ACKNOWLEDGEMENT, entry, version.record, human, body, create=False)


def text_of(store: EvidenceStore, entry: Entry, step: Record | None = None) -> str:
    """What whoever signs reads: the entry, and of a Markdown or plain file the text itself."""
    step = step or entry.latest
    text = shown_text(entry, step)
    held = step.evidence.body.get("file")
    if isinstance(held, dict) and str(held.get("media_type")).startswith("text/"):
        content = store.get_blob(str(held["sha256"])).decode("utf-8", "replace")
        text += f"\n---- {held.get('name')}\n{content}"
    return text


def _signer(project: Project, person: str) -> str:
    known = named_person(project, person)
    if known.acts_for is not None:
        raise GovernanceError(
            f"{known.id} is a service account, and signs nothing",
            next_step=f"--as {known.acts_for}",
        )
    return known.id


def _lent(project: Project, store: EvidenceStore, human: str) -> frozenset[str]:
    """The roles that others have handed to a person."""
    records = list(signed(store).find(kind=SIGNED_KINDS))
    delegations = [record for record in records if record.evidence.kind == "delegation"]
    if not delegations:
        return frozenset()
    rule = KeyRule(confirmed=not project.settings.single_user)
    keys = KeyOwners.of(records, project.humans, rule=rule)
    return delegated_roles(human, delegations, keys, datetime.now(UTC))


def _about(
    project: Project, store: EvidenceStore, entry: Entry, step: Record, human: str, shown: str
) -> dict[str, Any]:
    blob = store.put_blob(shown.encode(), media_type="text/plain; charset=utf-8")
    said = {
        "register": entry.register,
        "entry": entry.record_id,
        "record": step.id,
        "digest": entry.digest_of(step),
        "id": entry.id,
        "approver": human,
        "roles": sorted(project.humans.roles(human)),
        "shown_sha256": hashlib.sha256(shown.encode()).hexdigest(),
        "shown_blob": blob.sha256,
        "signed_at": now(),
    }
    version = step.evidence.body.get("version")
    return said | ({"version": version} if entry.register == "document" else {})


def _signed(
    store: EvidenceStore,
    kind: str,
    entry: Entry,
    step: Record,
    human: str,
    body: dict[str, Any],
    *,
    create: bool,
) -> Record:
    signer = personal_key(human, create=create).signer
    subjects = (
        Subject(f"{entry.kind}:{entry.id}", body["digest"]),
        step.evidence.subjects[0],
    )
    return store.append(
        Evidence(
            kind=kind,
            subjects=subjects,
            body=sign_consent(body, signer),
            actor=human,
            claimed_at=now(),
            system=step.evidence.system,
        )
    )
