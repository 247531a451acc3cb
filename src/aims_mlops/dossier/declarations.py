"""Putting what aims.yaml and the policy say into the log, so that their changes are records."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from aims_mlops.evidence.clock import now
from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.inventory.declared.system import Supplier, System
from aims_mlops.policy.policy import Policy

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore


def declare_system(store: EvidenceStore, system: System, *, actor: str) -> Record:
    """The record of a system as aims.yaml declares it now; written only when it changed.

    Each of its suppliers becomes a record of its own, so that A.10.3 has its evidence.
    """
    body = system.model_dump(mode="json")
    digest = hashlib.sha256(canonical(body)).hexdigest()
    newest = next(
        iter(store.find(kind="system", system=system.id, newest_first=True, limit=1)), None
    )
    if newest is not None and any(s.sha256 == digest for s in newest.evidence.subjects):
        return newest
    suppliers = [_supplier(system, supplier, actor) for supplier in system.suppliers]
    if suppliers:
        store.append_many(suppliers)
    return store.append(
        Evidence(
            kind="system",
            subjects=(
                Subject.of_name(f"system:{system.id}"),
                Subject(f"system-as-declared:{system.id}", digest),
            ),
            body=body,
            actor=actor,
            claimed_at=now(),
            system=system.id,
        )
    )


def _supplier(system: System, supplier: Supplier, actor: str) -> Evidence:
    subjects = [Subject.of_name(f"supplier:{supplier.name}")]
    if supplier.sha256 is not None:
        subjects.append(Subject(f"supplied:{supplier.name}", supplier.sha256))
    return Evidence(
        kind="supplier",
        subjects=tuple(subjects),
        body=supplier.model_dump(mode="json"),
        actor=actor,
        claimed_at=now(),
        system=system.id,
    )


def declare_policy(store: EvidenceStore, policy: Policy, *, actor: str) -> Record:
    """The record of a policy in force, by digest; written once for each content."""
    known = next(iter(store.find(kind="policy", subject=policy.digest, limit=1)), None)
    if known is not None:
        return known
    return store.append(
        Evidence(
            kind="policy",
            subjects=(Subject(f"policy:{policy.id}", policy.digest),),
            body={
                "id": policy.id,
                "sha256": policy.digest,
                "bases": list(policy.bases),
                "content": policy.content(),
            },
            actor=actor,
            claimed_at=now(),
        )
    )
