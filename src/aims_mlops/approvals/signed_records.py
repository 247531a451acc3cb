"""Whose signing key is whose, as aims.yaml and the log say. Pure.

By default a key counts for a person if it was enrolled and confirmed before (`enrolment`). Under a
policy that believes keys on first use it is one of those listed in aims.yaml and good at that time
or, with none there, the one with which that person first signed. In no case does a key count that
another human signed with first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from aims_mlops.approvals.keys.enrolment import Enrolments
from aims_mlops.approvals.keys.signature import verify_consent
from aims_mlops.errors import VerificationError
from aims_mlops.evidence.bodies.body import SignedBody
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.declared.people import People
from aims_mlops.policy.key_rule import KeyRule


@dataclass(frozen=True, slots=True)
class KeyOwners:
    """Who first signed with which key, and which keys were enrolled.

    first_key : human -> key (hex).  first_human : key -> human.
    first_record : digest of an ID token -> the record that it proves; a token proves no other.
    rule : what the policy asks of keys.  verified : id of a record -> the key that signed it, of
    those whose signature was seen to hold.
    """

    people: People
    first_key: Mapping[str, str]
    first_human: Mapping[str, str]
    first_record: Mapping[str, str]
    enrolments: Enrolments
    rule: KeyRule
    verified: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        records: Iterable[Record],
        people: People,
        *,
        rule: KeyRule,
        interested: frozenset[str] = frozenset(),
    ) -> KeyOwners:
        """From signed records (consent, enrolments, waivers) in the order of the log.

        interested : humans who made what is looked at; they vouch for nobody's key there.
        """
        records = list(records)
        keys: dict[str, str] = {}
        humans: dict[str, str] = {}
        verified: dict[str, str] = {}
        for record in records:
            body = SignedBody.of(record)
            human = people.human(body.approver or "")
            try:
                key = verify_consent(body.raw)
            except VerificationError:
                continue
            verified[record.id] = key
            if people.human(record.evidence.actor) == human:
                keys.setdefault(human, key)
                humans.setdefault(key, human)
        order = {record.id: record.sequence for record in records}
        tokens: dict[str, str] = {}
        for proof in sorted(people.proofs, key=lambda proof: order.get(proof.record, 0)):
            if proof.token is not None:
                tokens.setdefault(proof.token, proof.record)
        enrolments = Enrolments.of(records, people, interested=interested)
        return cls(people, keys, humans, tokens, enrolments, rule, verified)

    def why_not(self, record: Record, human: str) -> str | None:
        """Why the signature of a record is not this human's, in words; None if it is."""
        try:
            key = self.verified.get(record.id) or verify_consent(record.evidence.body)
        except VerificationError as error:
            return error.thing
        return self._why_anothers(key, human) or self._why_not_this_key(key, human, record)

    def _why_not_this_key(self, key: str, human: str, record: Record) -> str | None:
        person = self.people.person(human)
        listed = person.keys if person is not None else ()
        if not listed and self.rule.listed:
            return f"the policy asks for an enrolled key, and {human} has none in aims.yaml"
        if listed:
            match = next((entry for entry in listed if entry.public_key == key), None)
            if match is None:
                return f"it is signed with a key that {human} has not enrolled in aims.yaml"
            if (why := match.why_not_at(parse(record.received_at))) is not None:
                return why
        if self.rule.confirmed:
            why = self.enrolments.why_not(key, human, record)
            return why if why is None else self._why_no_token(why, human, record)
        if listed or self.first_key.get(human, key) == key:
            return None
        if self.enrolments.why_not(key, human, record) is None:
            return None
        return f"it is signed with another key than {human} signed with first"

    def _why_no_token(self, why: str, human: str, record: Record) -> str | None:
        """An ID token of an account that was enrolled and confirmed stands in for the key."""
        proof = self.people.proof(record.id, human)
        if proof is None or proof.why_not is not None or proof.account is None:
            return why
        if self.first_record.get(str(proof.token)) != record.id:
            return f"{why}; its ID token was used for an earlier record"
        said = self.enrolments.why_not_account(proof.account, human, record)
        return None if said is None else f"{why}; {said}"

    def _why_anothers(self, key: str, human: str) -> str | None:
        owner = self.first_human.get(key, human)
        return None if owner == human else f"its key was first used by {owner}"
