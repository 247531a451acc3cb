"""What audits found, as nonconformities of clause 10.2: opened with the audit, found by its id."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.operations.nonconformity import Nonconformity, nonconformities, opening

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """A finding of an audit, and the nonconformity that it became; an observation becomes none."""

    audit: str
    finding: str
    grade: str
    requirement: str | None
    nonconformity: Nonconformity | None


def finding_key(audit: str, finding: str) -> str:
    """What makes a finding the same one when the audit is written down again."""
    words = hashlib.sha256(finding.encode()).hexdigest()[:16]
    return f"{AUDIT}/{audit}/{words}"


def findings_of(
    audit: Mapping[str, Any], known: Iterable[Nonconformity]
) -> tuple[AuditFinding, ...]:
    """The findings that the content of an audit says, each with its nonconformity.

    known : every nonconformity of the log.
    """
    every = list(known)
    by_key = {one.key: one for one in every}
    found = []
    for said in _findings(audit):
        named = str(said.get("nonconformity") or "")
        other = next((o for o in every if named and o.id.startswith(named)), None)
        text = str(said.get("finding"))
        found.append(
            AuditFinding(
                str(audit.get("id")),
                text,
                str(said.get("grade")),
                said.get("requirement"),
                other or by_key.get(finding_key(str(audit.get("id")), text)),
            )
        )
    return tuple(found)


def findings_opened(
    store: EvidenceStore, batch: Sequence[Evidence], *, actor: str, now: datetime
) -> list[tuple[Evidence, str]]:
    """The nonconformities that the audits of a batch open, each with its idempotency key.

    A finding that names a nonconformity, or that became one before, opens none.
    """
    audits = [e for e in batch if e.kind == AUDIT and e.body.get("step") != "close"]
    due = [(e, said) for e in audits for said in _findings(e.body) if _counts(said)]
    if not due:
        return []
    known = {one.key for one in nonconformities(store)}
    found = []
    for evidence, said in due:
        key = finding_key(str(evidence.body["id"]), str(said["finding"]))
        if key in known:
            continue
        known.add(key)
        severity: Literal["minor", "major"] = "major" if said["grade"] == "major" else "minor"
        found.append(
            opening(
                key=key,
                what="audit-finding",
                detail=str(said["finding"]),
                next_step="aims nonconformity analyse ID --root-cause TEXT",
                subjects=(Subject.of_name(f"{AUDIT}:{evidence.body['id']}"),),
                system=evidence.system,
                now=now,
                severity=severity,
                owner=evidence.body.get("owner"),
                actor=actor,
            )
        )
    return found


def _findings(audit: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for said in audit.get("findings") or ():
        if isinstance(said, Mapping):
            yield said


def _counts(said: Mapping[str, Any]) -> bool:
    return said.get("grade") != "observation" and not said.get("nonconformity")
