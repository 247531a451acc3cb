"""Which approvals count, and why the others do not. Pure.

An approval counts only if
- it binds exactly what is decided now: model, datasets, assessment, policy, evidence, target;
- its signature holds, over exactly the record's own content;
- the signing key is the person's: enrolled before and confirmed by another person or, where the
  policy believes a key on first use, the one with which that person first signed; and no other
  person has ever signed with it (`signed_records`);
- the approver, as a human and not as an account, is none of those whom the policy excludes, and
  aims.yaml knows all of those: a stranger could be the approver's other account;
- the approver holds a role that the policy asks for, then and now, or held it then by delegation
  or by a verified word of the identity provider;
- no incident of the system was recorded since;
- it is fresh by the store's clock, and the same human has not refused or revoked it since;
- nobody said the very same signed words before: a replay brings nothing back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aims_mlops.approvals.delegation import delegated_roles
from aims_mlops.approvals.keys.signature import signed_bytes, verify_consent
from aims_mlops.approvals.signed_records import KeyOwners
from aims_mlops.dossier.binding import Binding
from aims_mlops.errors import VerificationError
from aims_mlops.evidence.bodies.consent import ApprovalBody, ConsentBody
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.kinds import PEOPLE_KINDS
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.declared.people import People
from aims_mlops.policy.grammar import ApprovalsRequired
from aims_mlops.policy.key_rule import KeyRule


@dataclass(frozen=True, slots=True)
class Consent:
    """What all approvals and rejections come to.

    counted : approver -> record.  refused : (record, reason in words) for those that do not count.
    rejected_by : (person, reason) of standing rejections of this very assessment or model.
    returned_by : those of them who sent it back to be changed instead of refusing it for good.
    """

    counted: Mapping[str, Record]
    refused: tuple[tuple[Record, str], ...]
    rejected_by: tuple[tuple[str, str], ...]
    returned_by: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Involved:
    """Who has to do with what is approved, by the names in the records."""

    author: frozenset[str] = frozenset()
    submitter: frozenset[str] = frozenset()
    trainer: frozenset[str] = frozenset()
    requester: frozenset[str] = frozenset()

    def makers(self, people: People) -> frozenset[str]:
        """The humans who made what is approved: nobody's key rests on their word alone."""
        return frozenset(people.human(n) for n in self.author | self.submitter | self.trainer)

    def parts_of(self, human: str, people: People) -> tuple[str, ...]:
        """What a human was, such as ('author', 'trainer')."""
        return tuple(
            part
            for part in ("author", "submitter", "trainer", "requester")
            if human in {people.human(name) for name in getattr(self, part)}
        )


def weigh_consent(
    records: Sequence[Record],
    *,
    binding: Binding,
    required: ApprovalsRequired,
    involved: Involved,
    people: People,
    single_user: bool,
    now: datetime,
    reopened_at: int,
    key_rule: KeyRule,
) -> Consent:
    """Weigh every approval and rejection in `records`, which are in the order of the log.

    records : all consent records of the log, also those about other models: they show which key
        belongs to whom.
    key_rule : when a signature is a person's, as the policy asks for this system.
    reopened_at : sequence of the last incident of the system, -1 without one; approvals before it
        do not count.
    """
    keys = KeyOwners.of(records, people, rule=key_rule, interested=involved.makers(people))
    delegations = [record for record in records if record.evidence.kind == "delegation"]
    counted: dict[str, Record] = {}
    refused: list[tuple[Record, str]] = []
    rejections: dict[str, str] = {}
    returned: set[str] = set()
    seen: set[bytes] = set()
    for record in records:
        body = ConsentBody.of(record)
        if record.evidence.kind in PEOPLE_KINDS or body.model != binding.model:
            continue
        human = people.human(body.approver or "")
        words = signed_bytes(body.raw)
        if words in seen:
            refused.append((record, "it repeats the signed words of an earlier record"))
            continue
        seen.add(words)
        if record.evidence.kind != "approval":
            # Anybody's own withdrawal counts for that person; it can only ever refuse.
            if _is_genuine(record, people):
                counted.pop(human, None)
                if record.evidence.kind == "rejection" and _same_subject(body, binding):
                    rejections[human] = body.reason or "no reason given"
                    returned.discard(human)
                    if body.verdict == "return":
                        returned.add(human)
            continue
        why = _why_not(record, human, binding, people) or _why_nobody(human, people)
        lent = delegated_roles(human, delegations, keys, parse(record.received_at))
        proof = people.proof(record.id, human)
        lent |= frozenset(proof.roles if proof is not None else ())
        why = why or _why_not_this_person(human, required, involved, people, single_user, lent)
        why = why or keys.why_not(record, human) or _age(record, required, now)
        why = why or _why_not_then(record, human, required, lent)
        if why is None and record.sequence < reopened_at:
            why = "an incident of the system was recorded since"
        if why and proof is not None and proof.why_not is not None:
            why += f"; {proof.why_not}"
        if why:
            refused.append((record, why))
        else:
            counted[human] = record
            rejections.pop(human, None)
    standing = tuple(sorted(rejections.items()))
    return Consent(counted, tuple(refused), standing, frozenset(returned & rejections.keys()))


def roles_of(
    found: Consent,
    records: Sequence[Record],
    people: People,
    *,
    key_rule: KeyRule,
    involved: Involved,
) -> Mapping[str, frozenset[str]]:
    """The roles that each counted approver holds, or held by delegation when approving."""
    delegations = [record for record in records if record.evidence.kind == "delegation"]
    keys = KeyOwners.of(records, people, rule=key_rule, interested=involved.makers(people))
    return {
        human: frozenset(people.roles(human))
        | delegated_roles(human, delegations, keys, parse(record.received_at))
        | frozenset(proof.roles if (proof := people.proof(record.id, human)) else ())
        for human, record in found.counted.items()
    }


def is_agreed(
    found: Consent,
    required: ApprovalsRequired,
    records: Sequence[Record],
    people: People,
    *,
    key_rule: KeyRule,
    involved: Involved,
) -> bool:
    """Whether enough people approved, each role that is asked for among them, and none refuses."""
    if len(found.counted) < required.count or found.rejected_by:
        return False
    roles = roles_of(found, records, people, key_rule=key_rule, involved=involved)
    held = frozenset[str]().union(*roles.values())
    return not required.each_role or held.issuperset(required.roles)


def _same_subject(body: ConsentBody, binding: Binding) -> bool:
    return body.assessment == binding.assessment and body.target == binding.target


def _is_genuine(record: Record, people: People) -> bool:
    body = ConsentBody.of(record)
    try:
        verify_consent(body.raw)
    except VerificationError:
        return False
    return people.human(record.evidence.actor) == people.human(body.approver or "")


def _why_not(
    record: Record,
    human: str,
    binding: Binding,
    people: People,
) -> str | None:
    body = ConsentBody.of(record)
    if body.verdict != "approve":
        return "its record does not say 'approve'"
    if different := binding.differences(body.raw, at=record.sequence):
        return f"it is bound to another {', '.join(different)}"
    if people.human(record.evidence.actor) != human:
        return "its record was written by somebody other than the approver"
    return None


def _why_nobody(human: str, people: People) -> str | None:
    person = people.person(human)
    if person is None:
        return f"{human!r} is nobody that aims.yaml names under people"
    if person.acts_for is not None:
        return f"{human} is a service account; a person approves"
    return None


def _age(record: Record, required: ApprovalsRequired, now: datetime) -> str | None:
    age = now - parse(record.received_at)
    if age > timedelta(days=required.max_age_days):
        return f"it is {age.days} days old; the policy allows {required.max_age_days}"
    return None


def _why_not_then(
    record: Record, human: str, required: ApprovalsRequired, lent: frozenset[str]
) -> str | None:
    """A role that was given only after the approval does not make it count."""
    body = ApprovalBody.of(record)
    sources = body.role_sources
    held = set(body.roles or ())
    if sources is not None:  # what an identity provider is said to say has to be proved
        held &= {role for role, source in sources.items() if source == "aims.yaml"}
    held |= lent
    if required.roles and held.isdisjoint(required.roles):
        return f"{human} held none of the roles {', '.join(required.roles)} when approving"
    return None


def _why_not_this_person(
    human: str,
    required: ApprovalsRequired,
    involved: Involved,
    people: People,
    single_user: bool,
    lent: frozenset[str],
) -> str | None:
    held = lent | set(people.roles(human))
    if required.roles and held.isdisjoint(required.roles):
        return f"{human} holds none of the roles {', '.join(required.roles)}"
    if single_user and required.single_user == "allow":
        return None
    parts = [part for part in involved.parts_of(human, people) if part in required.not_by]
    if parts:
        return f"{human} is the {' and '.join(parts)} and may not also approve"
    for part in required.not_by:
        if part == "requester" and not required.known_requester:
            continue
        for name in sorted(getattr(involved, part)):
            # A stranger could be the approver's other account.
            if people.person(name) is None:
                return (
                    f"the {part} {name!r} is nobody that aims.yaml names, "
                    f"so that it could be {human}"
                )
    return None
