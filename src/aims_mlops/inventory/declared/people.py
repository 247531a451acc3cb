"""The people of a project and which identities are the same human."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from aims_mlops.documents.problems import Section
from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.inventory.declared.person import Person, folded, pseudonym


class Proof(Section):
    """The roles that an identity provider vouches for in one approval, or why it does not.

    record : id of the approval.  human : the approver.  source : the provider's issuer.
    account : digest of the account that the token is of.  token : digest of the token, which
    counts in one record only.
    """

    record: str
    human: str
    source: str
    roles: tuple[str, ...] = ()
    why_not: str | None = None
    account: str | None = None
    token: str | None = None


@dataclass(frozen=True)
class People:
    """Everybody that aims.yaml names; an empty one knows nobody, and everybody is a stranger.

    proofs : roles that an identity provider vouched for, verified before a decision.
    """

    known: tuple[Person, ...] = ()
    proofs: tuple[Proof, ...] = ()

    def person(self, id_or_alias: str) -> Person | None:
        """The person behind an id, email address or account; spelling variants are the same."""
        return self._by_identity.get(folded(id_or_alias))

    def human(self, id_or_alias: str) -> str:
        """The id of the human who answers for an identity; an unknown identity, folded."""
        person = self.person(id_or_alias)
        seen: set[str] = set()
        while person is not None and person.acts_for is not None and person.id not in seen:
            seen.add(person.id)
            person = self.person(person.acts_for)
        return person.id if person is not None else folded(id_or_alias)

    def roles(self, human: str) -> tuple[str, ...]:
        """The roles of a human; those of a service account never count for its human."""
        person = self.person(human)
        return person.roles if person is not None and person.acts_for is None else ()

    def proof(self, record: str, human: str) -> Proof | None:
        """What an identity provider says of a human's roles in an approval; None: nothing."""
        found = (p for p in self.proofs if p.record == record and p.human == human)
        return next(found, None)

    def with_role(self, roles: Sequence[str]) -> tuple[str, ...]:
        """Ids of the humans who hold one of these roles; of all humans if `roles` is empty."""
        return tuple(
            person.id
            for person in self.known
            if person.acts_for is None and (not roles or set(roles) & set(person.roles))
        )

    def to_json(self) -> bytes:
        """As canonical JSON, for a blob; a decision can be repeated with it."""
        known = [_plain(person) for person in self.known]
        if not self.proofs:
            return canonical(known)
        proofs = [_without_later(proof.model_dump(mode="json")) for proof in self.proofs]
        return canonical({"people": known, "proofs": proofs})

    @classmethod
    def from_json(cls, content: bytes) -> People:
        """The people of a blob."""
        said = json.loads(content)
        whole = said if isinstance(said, dict) else {"people": said, "proofs": []}
        return cls(
            tuple(Person.model_validate_json(json.dumps(row)) for row in whole["people"]),
            tuple(Proof.model_validate_json(json.dumps(row)) for row in whole["proofs"]),
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of `to_json`."""
        return hashlib.sha256(self.to_json()).hexdigest()

    @cached_property
    def _by_identity(self) -> dict[str, Person]:
        known = {identity: person for person in self.known for identity in person.identities}
        return {pseudonym(identity): person for identity, person in known.items()} | known


def _without_later(proof: dict[str, Any]) -> dict[str, Any]:
    """Without what came later and is empty, so that digests stay."""
    return {k: v for k, v in proof.items() if v is not None or k not in ("account", "token")}


def _plain(person: Person) -> dict[str, Any]:
    """As JSON values; what came later is left out where it is empty, so that digests stay."""
    said = person.model_dump(mode="json")
    return said if said["subjects"] else {k: v for k, v in said.items() if k != "subjects"}
