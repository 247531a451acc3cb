"""A statement of a person, signed by their passkey in the browser: begun, finished, appended.

What is signed is fixed when the ceremony begins, and made once more when it ends: if the two differ
in anything but the time, the page showed something that is no longer so, and nothing is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aims_mlops.approvals.enrol import enrolments
from aims_mlops.approvals.keys.enrolment import Enrolled
from aims_mlops.approvals.keys.passkey import (
    ASSERTION,
    challenge_of,
    encode,
    passkey_id,
    verify_assertion,
)
from aims_mlops.approvals.keys.signature import signed_bytes, verify_consent
from aims_mlops.approvals.keys.statement import Statement
from aims_mlops.errors import GovernanceError, VerificationError
from aims_mlops.evidence.records import Record
from aims_mlops.evidence.store import EvidenceStore
from aims_mlops.inventory.project import Project
from aims_mlops.web.auth.ceremonies import Ceremonies

_OF_THE_MOMENT = frozenset(("signed_at", "passkey", "public_key"))


@dataclass(frozen=True, slots=True)
class Site:
    """Where the pages are. rp_id : the host alone, which passkeys are made for."""

    origin: str
    rp_id: str

    @classmethod
    def of(cls, base_url: str) -> Site:
        """From the address that the browser asked for."""
        address = urlsplit(base_url)
        return cls(f"{address.scheme}://{address.netloc}", address.hostname or "")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the browser hands to the authenticator. ceremony : the secret that ends it."""

    ceremony: str
    challenge: str
    credential: str
    rp_id: str


def passkey_of(entry: Enrolled) -> dict[str, str] | None:
    """The passkey of an enrolled key; None for a key in a file."""
    said = entry.record.evidence.body.get("passkey")
    return dict(said) if isinstance(said, Mapping) else None


def passkeys(project: Project, store: EvidenceStore, person: str) -> list[Enrolled]:
    """A person's passkeys that have not ended, newest first."""
    found = enrolments(project, store)
    human = project.human(person)
    return [
        entry
        for entry in reversed(found.entries)
        if entry.human == human and passkey_of(entry) is not None and found.ended(entry) is None
    ]


def chosen_passkey(
    project: Project, store: EvidenceStore, person: str, site: Site, key: str = ""
) -> dict[str, str]:
    """The passkey to sign with here: the one named, or the newest; raises GovernanceError."""
    for entry in passkeys(project, store, person):
        passkey = passkey_of(entry)
        if passkey and passkey["origin"] == site.origin and key in ("", entry.key):
            return passkey
    raise GovernanceError(
        f"{person} has no passkey for {site.origin}",
        next_step="add one on the page Passkeys, and have another person confirm it",
    )


def begin(
    ceremonies: Ceremonies, session: str, statement: Statement, passkey: dict[str, str], **kept: Any
) -> Asked:
    """Ask for a passkey's signature over a statement. kept : what `finish` gives back."""
    body = {**statement.body, "passkey": passkey, "public_key": passkey_id(passkey)}
    secret = ceremonies.begin(session, {"body": body, **kept})
    challenge = encode(challenge_of(signed_bytes(body)))
    return Asked(secret, challenge, passkey["credential"], passkey["rp_id"])


def finish(
    store: EvidenceStore,
    kept: Mapping[str, Any],
    assertion: Mapping[str, Any],
    again: Callable[[], Statement],
) -> Record:
    """Append what was signed; raises VerificationError, or GovernanceError if it is stale.

    kept : what `begin` put aside.  assertion : `authenticator_data`, `client_data` and `signature`,
    base64url.  again : makes the statement anew, from everything as it is now.
    """
    body: dict[str, Any] = dict(kept["body"])
    signed = {
        **body,
        ASSERTION: {
            "authenticator_data": str(assertion.get("authenticator_data", "")),
            "client_data": str(assertion.get("client_data", "")),
        },
        "signature": _hex(assertion.get("signature")),
    }
    verify_consent(signed)
    statement = again()
    fresh = statement.body
    changed = sorted(
        name for name in {*fresh, *body} - _OF_THE_MOMENT if fresh.get(name) != body.get(name)
    )
    if changed:
        raise GovernanceError(
            "what was shown is no longer so, and nothing was recorded",
            got=f"changed meanwhile: {', '.join(changed)}",
            next_step="read the page again, and sign that",
        )
    return store.append(statement.signed(signed))


def signed_in(
    project: Project, store: EvidenceStore, kept: Mapping[str, Any], said: Mapping[str, Any]
) -> str:
    """The person whose confirmed passkey signed the challenge of a sign-in.

    Raises VerificationError: for a stranger's, a wrong one and an unconfirmed one alike.
    """
    found = enrolments(project, store)
    for entry in found.entries:
        passkey = passkey_of(entry)
        if passkey is None or passkey["credential"] != said.get("credential"):
            continue
        if passkey["origin"] != kept["origin"] or not found.is_good(entry.human, entry.key):
            continue
        try:
            verify_assertion(
                passkey, said, bytes.fromhex(_hex(said.get("signature"))),
                bytes.fromhex(kept["challenge"]),
            )  # fmt: skip
        except VerificationError:
            continue
        if project.person(entry.human) is not None:
            return entry.human
    raise VerificationError("no confirmed passkey of a person of aims.yaml signed this")


def _hex(said: Any) -> str:
    from base64 import urlsafe_b64decode

    try:
        text = str(said)
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)).hex()
    except ValueError as error:
        raise VerificationError("the signature is not base64url") from error
