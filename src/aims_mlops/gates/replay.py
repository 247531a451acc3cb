"""A decision made once more from its record and the log, as it was then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aims_mlops.dossier.binding import rule_of
from aims_mlops.dossier.dossier import Dossier
from aims_mlops.dossier.query import gather, with_assessed
from aims_mlops.errors import EvidenceFormatError, EvidenceNotFoundError
from aims_mlops.evidence.bodies.decision import DecisionBody
from aims_mlops.evidence.bodies.organisation import PolicyBody
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Record
from aims_mlops.evidence.store import signed
from aims_mlops.gates.decision.decide import decide
from aims_mlops.gates.decision.decision import Decision
from aims_mlops.gates.decision.reason import Objection
from aims_mlops.gates.decision.request import PromotionRequest
from aims_mlops.inventory.declared.people import People
from aims_mlops.inventory.declared.system import System
from aims_mlops.policy.policy import Policy, policy_from_content

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore


def repeat(
    store: EvidenceStore,
    record: Record,
    known: Dossier | None = None,
    *,
    size: int | None = None,
    also_open: Sequence[dict[str, Any]] = (),
) -> Decision:
    """Decide again what a decision's record decided: same policy, people, evidence and time.

    known : what was gathered about the model just now, to read the log once and not twice.
    size : of the log to decide from; without it, the one that the record names.
    also_open : findings about the system beside those that the record names.
    Raises EvidenceFormatError for a record of a decision that was not made, EvidenceNotFoundError
    if its policy is not in the log.
    """
    store = signed(store)
    body = DecisionBody.of(record)
    asked = body.request
    if (
        record.evidence.kind != "decision"
        or asked is None
        or body.policy is None
        or body.at is None
    ):
        raise EvidenceFormatError(
            f"record {record.id[:12]} holds no decision that can be repeated",
            got=record.evidence.kind,
            expected="a decision that allowed or refused",
        )
    request = _request(store, asked, rule_of(body.bound or {}))
    if size is None:
        size = int(str(request.checkpoint).split()[0])
    else:
        request = replace(request, evidence_digest=None)
    if also_open:
        request = replace(request, oversight=(*(request.oversight or ()), *also_open))
    system = request.system.id if request.system else None
    if known is not None and (known.model, known.system) == (request.model.sha256, system):
        dossier = known
    else:
        dossier = gather(store, request.model.sha256, system)
    policy = recorded_policy(store, body.policy)
    dossier = with_assessed(store, dossier, policy, size=size)
    records = [found for found in dossier.records if found.sequence < size]
    return decide(request, policy, records, parse(body.at))


def recorded_policy(store: EvidenceStore, digest: str) -> Policy:
    """The policy of this digest, from its record; EvidenceNotFoundError."""
    found = next(iter(signed(store).find(kind="policy", subject=digest, limit=1)), None)
    if found is None:
        raise EvidenceNotFoundError(f"no policy {digest[:16]}… in the log")
    policy = policy_from_content(dict(PolicyBody.of(found).content or {}))
    if policy.digest != digest:
        raise EvidenceFormatError(
            "the policy's record does not hold what its digest says",
            got=policy.digest[:16],
            expected=digest[:16],
        )
    return policy


def _request(store: EvidenceStore, asked: dict[str, Any], rule: int) -> PromotionRequest:
    system = asked["system"]
    return PromotionRequest(
        model=ModelReference(**asked["model"]),
        target=asked["target"],
        requester=asked["requester"],
        system=System.model_validate(system, strict=False) if system is not None else None,
        alias=asked["alias"],
        people=People.from_json(store.get_blob(asked["people_sha256"])),
        single_user=asked["single_user"],
        enrolment=asked.get("enrolment") is True,
        checkpoint=asked["checkpoint"],
        evidence_digest=asked["evidence_digest"],
        enforced_by=asked["enforced_by"],
        break_glass=asked["break_glass"],
        oversight=tuple(asked["oversight"]) if asked.get("oversight") is not None else None,
        evidence_rule=rule,
        objections=tuple(Objection(**objection) for objection in asked["objections"]),
    )
