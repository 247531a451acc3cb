"""Writing waivers: signed with the key of whoever grants them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aims_mlops.approvals.keys.personal_key import named_person, personal_key
from aims_mlops.approvals.keys.signature import sign_consent
from aims_mlops.documents.problems import did_you_mean
from aims_mlops.dossier.declarations import declare_policy
from aims_mlops.dossier.query import system_of
from aims_mlops.errors import GovernanceError, InputError, SeparationOfDutiesError
from aims_mlops.evidence.clock import now, stamp
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Evidence, Record
from aims_mlops.inventory.project import Project
from aims_mlops.policy.policy import Policy

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore


def waive(
    project: Project,
    store: EvidenceStore,
    model: ModelReference,
    policy: Policy,
    *,
    rule: str,
    target: str,
    reason: str,
    compensating_measure: str,
    days: int,
    requester: str,
    approver: str,
) -> Record:
    """Set one rule of the policy aside for one model digest.

    Raises GovernanceError if the policy does not allow it, InputError for a rule that it does not
    have, SeparationOfDutiesError if requester and approver are the same human.
    """
    allowed = policy.waivers
    known = [row.id for row in (*policy.requires, *policy.rules)]
    if rule not in known:
        hint = did_you_mean(rule, known)
        raise InputError(
            f"policy {policy.id} has no rule {rule!r} that can be waived",
            expected=f"{hint!r}?" if hint else "one of " + ", ".join(known),
        )
    if not allowed.allowed or days > allowed.max_days:
        raise GovernanceError(
            f"policy {policy.id} does not allow this waiver",
            got=f"{days} days",
            expected=f"at most {allowed.max_days} days" if allowed.allowed else "no waivers at all",
        )
    if not reason.strip() or not compensating_measure.strip():
        raise GovernanceError("a waiver needs a reason and a compensating measure")
    giver = named_person(project, approver).id
    asker = project.human(requester)
    if asker == project.human(giver):
        raise SeparationOfDutiesError(f"{asker} asks for the waiver and may not also grant it")
    declare_policy(store, policy, actor=giver)
    system = system_of(project, store, model)
    body = {
        "rule": rule,
        "model": model.sha256,
        "target": target,
        "policy": policy.digest,
        "reason": reason.strip(),
        "compensating_measure": compensating_measure.strip(),
        "requester": asker,
        "approver": giver,
        "expires_at": stamp(datetime.now(UTC) + timedelta(days=days)),
    }
    return store.append(
        Evidence(
            kind="waiver",
            subjects=(model.subject,),
            body=sign_consent(body, personal_key(giver).signer),
            actor=giver,
            claimed_at=now(),
            system=system.id if system else None,
        )
    )
