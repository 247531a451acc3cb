"""Whose signing key is whose, as aims.yaml and the log say. Pure.

A key counts for a person if it is one of those enrolled in aims.yaml and good at that time or, with
none enrolled, the one with which that person first signed; and if nobody else ever signed with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aims_mlops.assessments.signature import verify_consent
from aims_mlops.errors import VerificationError
from aims_mlops.evidence.clock import read
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.people import People


@dataclass(frozen=True, slots=True)
class KeyOwners:
    """Who first signed with which key.

    first_key : human -> key (hex).  first_human : key -> human.
    enrolled_only : whether a key that aims.yaml does not list counts at all.
    """

    people: People
    first_key: Mapping[str, str]
    first_human: Mapping[str, str]
    enrolled_only: bool

    @classmethod
    def of(cls, records: Iterable[Record], people: People, *, enrolled_only: bool) -> KeyOwners:
        """From signed records (consent, delegations, waivers) in the order of the log."""
        keys: dict[str, str] = {}
        humans: dict[str, str] = {}
        for record in records:
            body = record.evidence.body
            human = people.human(str(body.get("approver", "")))
            try:
                key = verify_consent(body)
            except VerificationError:
                continue
            if people.human(record.evidence.actor) == human:
                keys.setdefault(human, key)
                humans.setdefault(key, human)
        return cls(people, keys, humans, enrolled_only)

    def why_not(self, record: Record, human: str) -> str | None:
        """Why the signature of a record is not this human's, in words; None if it is."""
        try:
            key = verify_consent(record.evidence.body)
        except VerificationError as error:
            return error.thing
        return self._why_not_this_key(key, human, record) or self._why_anothers(key, human)

    def _why_not_this_key(self, key: str, human: str, record: Record) -> str | None:
        person = self.people.person(human)
        enrolled = person.keys if person is not None else ()
        if not enrolled and self.enrolled_only:
            return f"the policy asks for an enrolled key, and {human} has none in aims.yaml"
        if not enrolled:
            known = self.first_key.get(human, key) == key
            return (
                None if known else f"it is signed with another key than {human} signed with first"
            )
        match = next((entry for entry in enrolled if entry.public_key == key), None)
        if match is None:
            return f"it is signed with a key that {human} has not enrolled"
        moment = read(record.received_at)
        if match.valid_from is not None and moment < read(match.valid_from):
            return f"it is signed with a key that was good only from {match.valid_from}"
        if match.valid_until is not None and moment > read(match.valid_until):
            return f"it is signed with a key that was good only until {match.valid_until}"
        return None

    def _why_anothers(self, key: str, human: str) -> str | None:
        owner = self.first_human.get(key, human)
        return None if owner == human else f"its key was first used by {owner}"
