"""Handing roles to another person for a time: signed with the key of whoever hands them over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from aims_mlops.approvals.keys.personal_key import named_person, personal_key
from aims_mlops.approvals.keys.signature import sign_consent
from aims_mlops.errors import GovernanceError, SeparationOfDutiesError
from aims_mlops.evidence.clock import now, stamp
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.evidence.store import EvidenceStore
from aims_mlops.inventory.project import Project


def delegate(
    project: Project,
    store: EvidenceStore,
    *,
    giver: str,
    to: str,
    roles: Sequence[str],
    days: int,
    reason: str,
) -> Record:
    """Hand roles to another person for a time; no roles take back what was handed over before.

    Raises GovernanceError if the giver does not hold a role or hands it to themselves.
    """
    giver, to = named_person(project, giver).id, named_person(project, to).id
    if project.human(giver) == project.human(to):
        raise SeparationOfDutiesError(f"{giver} cannot hand a role to themselves")
    held = project.humans.roles(giver)
    if lacking := sorted(set(roles) - set(held)):
        raise GovernanceError(
            f"{giver} cannot hand over a role that aims.yaml does not give them",
            got=", ".join(lacking),
            expected="one of " + (", ".join(held) or "none"),
        )
    if not reason.strip():
        raise GovernanceError("a delegation needs a reason")
    body = {
        "approver": giver,
        "to": to,
        "roles": sorted(roles),
        "valid_until": stamp(datetime.now(UTC) + timedelta(days=days)),
        "reason": reason.strip(),
    }
    return store.append(
        Evidence(
            kind="delegation",
            subjects=(Subject.of_name(f"person:{giver}"), Subject.of_name(f"person:{to}")),
            body=sign_consent(body, personal_key(giver).signer),
            actor=giver,
            claimed_at=now(),
        )
    )
