"""A person with roles, and every identity under which that person acts."""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import datetime
from typing import Annotated

from pydantic.functional_validators import AfterValidator

from aims_mlops.documents.problems import Section
from aims_mlops.errors import EvidenceFormatError
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.transparency.public_keys import check_public_key
from aims_mlops.inventory.declared.system import Digest, Id


def _is_key(text: str) -> str:
    try:
        check_public_key(bytes.fromhex(text))
    except EvidenceFormatError as error:
        raise ValueError(str(error)) from error
    return text


class EnrolledKey(Section):
    """A public key (64 hex digits, Ed25519) of a person, and when it is good."""

    public_key: Annotated[Digest, AfterValidator(_is_key)]
    valid_from: str | None = None
    valid_until: str | None = None

    def why_not_at(self, moment: datetime) -> str | None:
        """Why it is not good at a moment, in words; None if it is."""
        if self.valid_from is not None and moment < parse(self.valid_from):
            return f"it is signed with a key that was good only from {self.valid_from}"
        if self.valid_until is not None and moment > parse(self.valid_until):
            return f"it is signed with a key that was good only until {self.valid_until}"
        return None


class Person(Section):
    """One human (or one service account with its responsible human as `acts_for`).

    also_known_as : email addresses, user names and accounts of the same human.
    acts_for : id of the human who answers for a service account; it counts as that human.
    keys : keys that this file vouches for; with any here, only these sign for the person.
    subjects : the person's `sub` at the identity provider, one for each account there.
    """

    id: Id
    name: str = ""
    roles: tuple[str, ...] = ()
    also_known_as: tuple[str, ...] = ()
    acts_for: str | None = None
    keys: tuple[EnrolledKey, ...] = ()
    subjects: tuple[str, ...] = ()

    @property
    def identities(self) -> frozenset[str]:
        """Every identity of this person, folded for comparison."""
        return frozenset(folded(text) for text in (self.id, *self.also_known_as))


def folded(identity: str) -> str:
    """An identity in the one form in which two spellings of the same account are equal.

    Letter case, compatibility forms, invisible characters, surrounding space and an email
    address's `+tag` do not make another person.
    """
    text = unicodedata.normalize("NFKC", identity).casefold()
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cc", "Mn")).strip()
    text = unicodedata.normalize("NFC", text)
    local, at, domain = text.rpartition("@")
    return local.partition("+")[0].strip() + at + domain.strip() if at else text


def account_digest(issuer: str, subject: str) -> str:
    """What stands in evidence for an account at an identity provider (SHA-256, hex)."""
    content = b"aims-mlops/account\0" + issuer.encode() + b"\0" + subject.encode()
    return hashlib.sha256(content).hexdigest()


def pseudonym(identity: str) -> str:
    """What stands in evidence for an account that nobody under people lists: no address, no name.

    The same account always gets the same one, so that it can be told apart, and be claimed by
    listing it under `also_known_as` later.
    """
    digest = hashlib.sha256(b"aims-mlops/unlisted\0" + folded(identity).encode()).hexdigest()
    return f"unlisted-{digest[:16]}"
