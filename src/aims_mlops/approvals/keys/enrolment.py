"""Whose key is whose, as records of kind `enrolment` say. Pure.

- A person enrols a key by signing with it; that alone proves nothing about the person.
- Another person confirms it, signed with a key that is good: one that aims.yaml lists for them (the
  pinned beginning), or one that was itself confirmed before. A confirmation of oneself, or through
  another account of oneself, is none.
- Whoever made the model or its assessment cannot, for that model, vouch for the key that approves
  it: what they confirmed, and what others confirmed only because of them, does not count there,
  unless aims.yaml lists the key as well.
- What counts is what was in the log before the signature; nothing counts backward.
- A key ends by a record of its owner or of somebody whose own key is good, or when its successor
  is confirmed. What it signed before stays good, unless the end says that it was in doubt then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from aims_mlops.approvals.keys.signature import verify_consent
from aims_mlops.errors import VerificationError
from aims_mlops.evidence.bodies.body import SignedBody
from aims_mlops.evidence.bodies.consent import EnrolmentBody
from aims_mlops.evidence.clock import parse, stamp
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.declared.people import People

KIND = "enrolment"


@dataclass(slots=True)
class Enrolled:
    """A key of a person, and who confirmed it.

    key : public key, hex.  record : the person's own record.  account : digest of the account at
    the identity provider that was enrolled with it.  confirmations : by whom, in order.
    vouched : those of them that count for everybody, not resting on an interested person.
    """

    human: str
    key: str
    record: Record
    account: str | None = None
    confirmations: list[tuple[str, Record]] = field(default_factory=list)
    vouched: list[Record] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ended:
    """The record that ended a key; what it signed from `doubtful_from` on does not count either."""

    record: Record
    doubtful_from: datetime | None = None

    def covers(self, record: Record) -> bool:
        """Whether the key was no longer good when a record was written."""
        if self.record.sequence <= record.sequence:
            return True
        return self.doubtful_from is not None and parse(record.received_at) >= self.doubtful_from


class Enrolments:
    """All enrolled keys of a log, with who confirmed and who ended them."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._entries: list[Enrolled] = []
        self._ended: dict[tuple[str, str], Ended] = {}

    @classmethod
    def of(
        cls, records: Iterable[Record], people: People, *, interested: frozenset[str] = frozenset()
    ) -> Enrolments:
        """From records of any kinds, in the order of the log.

        interested : humans whose confirmations do not count for what is looked at.
        """
        found = cls(people)
        for record in records:
            if record.evidence.kind == KIND:
                found._take(record, interested)
        return found

    @property
    def entries(self) -> tuple[Enrolled, ...]:
        """Every enrolled key, in the order of the log."""
        return tuple(self._entries)

    def ended(self, entry: Enrolled) -> Ended | None:
        """What ended a key; None while it is good."""
        return self._ended.get((entry.human, entry.key))

    def is_good(self, human: str, key: str, record: Record | None = None) -> bool:
        """Whether a key is its owner's beyond their own word when a record is written, or now."""
        return self._is_good(human, key, record)

    def why_not(self, key: str, human: str, record: Record) -> str | None:
        """Why a key was not known to be this human's when a record was written; None if it was."""
        found = [entry for entry in self._entries if (entry.human, entry.key) == (human, key)]
        if not found:
            return f"its key was never enrolled for {human}: aims people enrol --as {human}"
        reasons = [self._why_not(entry, record) for entry in found]
        return None if None in reasons else reasons[-1]

    def why_not_account(self, account: str, human: str, record: Record) -> str | None:
        """The same for an account at the identity provider that was enrolled with a key."""
        found = [
            entry for entry in self._entries if (entry.human, entry.account) == (human, account)
        ]
        if not found:
            return f"the account of its ID token was never enrolled for {human}"
        reasons = [self._why_not(entry, record) for entry in found]
        return None if None in reasons else reasons[-1]

    def _why_not(self, entry: Enrolled, record: Record) -> str | None:
        human = entry.human
        if entry.record.sequence >= record.sequence:
            return f"its key was enrolled only after it, by record {entry.record.id[:8]}"
        before = [(who, r) for who, r in entry.confirmations if r.sequence < record.sequence]
        if not before and entry.confirmations:
            who, later = entry.confirmations[0]
            return f"its key was confirmed only after it, by {who} in record {later.id[:8]}"
        if not before:
            return f"nobody has confirmed that its key is {human}'s: aims people confirm {human}"
        vouched = any(r.sequence < record.sequence for r in entry.vouched)
        if not vouched and not self._is_listed(human, entry.key, record):
            who = " and ".join(sorted({name for name, _ in before}))
            return (
                f"its key was confirmed by nobody but those who made what is approved ({who}): "
                f"somebody else confirms it, or aims.yaml lists it under keys of {human}"
            )
        ended = self.ended(entry)
        if ended is None or not ended.covers(record):
            return None
        if ended.record.sequence > record.sequence and ended.doubtful_from is not None:
            return f"its key is in doubt from {stamp(ended.doubtful_from)} on"
        return f"its key had ended by then, in record {ended.record.id[:8]}"

    def _take(self, record: Record, interested: frozenset[str]) -> None:
        body = EnrolmentBody.of(record)
        try:
            signed_with = verify_consent(body.raw)
        except VerificationError:
            return
        signer = self._people.human(body.approver or "")
        if self._people.human(record.evidence.actor) != signer:
            return
        human = self._people.human(body.person or "")
        step = body.step
        if step == "enrol" and signer == human:
            said = body.identity
            account = said.get("account") if isinstance(said, Mapping) else None
            account = account if isinstance(account, str) else None
            self._entries.append(Enrolled(human, signed_with, record, account))
        elif step == "confirm" and signer != human:
            self._confirm(record, signer, human, signed_with, interested)
        elif step == "end":
            self._end(record, signer, human, signed_with)

    def _confirm(
        self, record: Record, signer: str, human: str, key: str, interested: frozenset[str]
    ) -> None:
        body = EnrolmentBody.of(record)
        about = str(body.enrolment)
        entry = next((entry for entry in self._entries if entry.record.id == about), None)
        if entry is None or entry.human != human or entry.key != body.key:
            return
        if self._people.person(signer) is None or not self._is_good(signer, key, record):
            return
        entry.confirmations.append((signer, record))
        if signer not in interested and self._is_good(signer, key, record, vouched=True):
            entry.vouched.append(record)
        replaced = EnrolmentBody.of(entry.record).replaces
        if isinstance(replaced, str) and replaced != entry.key:
            self._ended.setdefault((human, replaced), Ended(record))

    def _end(self, record: Record, signer: str, human: str, key: str) -> None:
        body = EnrolmentBody.of(record)
        ended = str(body.key)
        own = signer == human and key == ended
        if not own and not self._is_good(signer, key, record):
            return
        doubtful = _moment(body.doubtful_from)
        before = self._ended.get((human, ended))
        if before is None:
            self._ended[human, ended] = Ended(record, doubtful)
        elif doubtful is not None:
            doubtful = min(doubtful, before.doubtful_from or doubtful)
            self._ended[human, ended] = replace(before, doubtful_from=doubtful)

    def _is_good(
        self, human: str, key: str, record: Record | None, *, vouched: bool = False
    ) -> bool:
        ended = self._ended.get((human, key))
        if ended is not None and (record is None or ended.covers(record)):
            return False
        if self._is_listed(human, key, record):
            return True
        found = [entry for entry in self._entries if (entry.human, entry.key) == (human, key)]
        return any(entry.vouched if vouched else entry.confirmations for entry in found)

    def _is_listed(self, human: str, key: str, record: Record | None) -> bool:
        """Whether aims.yaml lists the key as good at the time of a record, or now."""
        person = self._people.person(human)
        moment = datetime.now(UTC) if record is None else parse(record.received_at)
        return person is not None and any(
            entry.public_key == key and entry.why_not_at(moment) is None for entry in person.keys
        )


def _moment(said: Any) -> datetime | None:
    try:
        return parse(said) if isinstance(said, str) else None
    except ValueError:
        return None


def unconfirmed(
    counted: Mapping[str, Record], records: Iterable[Record], people: People
) -> tuple[str, ...]:
    """Those approvers whose key nobody had confirmed when they approved, sorted."""
    enrolments = Enrolments.of(records, people)
    return tuple(
        sorted(
            human
            for human, record in counted.items()
            if enrolments.why_not(str(SignedBody.of(record).public_key), human, record)
        )
    )
