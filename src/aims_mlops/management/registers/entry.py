"""An entry of a register as it stands after every record about it so far. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

from aims_mlops.evidence.bodies.management import EntryBody
from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.renames import Names
from aims_mlops.management.registers.spec import RegisterSpec

# What belongs to a step and not to the content that people sign.
CONTROL = frozenset(("step", "reason", "origin"))


def content_of(body: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The content that a record says, without what is of the step alone."""
    return {name: value for name, value in body.items() if name not in CONTROL and name != kind}


def digest_of(content: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of an entry's content, to which signatures are bound."""
    return hashlib.sha256(canonical(dict(content))).hexdigest()


@dataclass(eq=False)
class Signed:
    """What people signed about an entry, weighed.

    counted : id of the step that was approved -> the newest approval of it that counts.
    refused : those that do not count, with why.  acknowledged : id of the step -> person -> record.
    """

    counted: Mapping[str, Record] = field(default_factory=dict)
    refused: tuple[tuple[Record, str], ...] = ()
    acknowledged: Mapping[str, Mapping[str, Record]] = field(default_factory=dict)


@dataclass(eq=False)
class Entry:
    """One entry. `steps` are its records, oldest first; each says the whole content.

    superseded_by : id of the document in force that takes the place of this one.
    names : what AI systems were called before.
    """

    spec: RegisterSpec
    steps: tuple[Record, ...]
    body: EntryBody
    is_closed: bool = False
    signed: Signed = field(default_factory=Signed)
    superseded_by: str | None = None
    names: Names = field(default_factory=Names)

    @cached_property
    def _first(self) -> EntryBody:
        return self.spec.body.of(self.steps[0])

    @property
    def register(self) -> str:
        """The name of its register."""
        return self.spec.name

    @property
    def kind(self) -> str:
        """The kind of its records."""
        return self.spec.kind

    @property
    def record(self) -> Record:
        """The record that opened it."""
        return self.steps[0]

    @property
    def latest(self) -> Record:
        """The record that says how it stands."""
        return self.steps[-1]

    @property
    def record_id(self) -> str:
        """The id of the record that opened it."""
        return self.steps[0].id

    @property
    def record_ids(self) -> tuple[str, ...]:
        """The ids of its records, oldest first."""
        return tuple(record.id for record in self.steps)

    @property
    def id(self) -> str:
        """The organisation's own id of it, as its first record says; no later one renames it."""
        return self._first.id or ""

    @property
    def title(self) -> str:
        """Its title."""
        return self.body.title or ""

    @property
    def owner(self) -> str | None:
        """Who answers for it."""
        return self.body.owner

    @property
    def systems(self) -> tuple[str, ...]:
        """The AI systems that it is about, by the ids that they have now."""
        return tuple(self.names.current(str(system)) for system in self.body.systems or ())

    @property
    def opened_at(self) -> str:
        """When the log received its first record, RFC 3339."""
        return self.steps[0].received_at

    @property
    def changed_at(self) -> str:
        """When the log received its newest record, RFC 3339."""
        return self.steps[-1].received_at

    @property
    def effective(self) -> str | None:
        """From when it holds, as whoever wrote it says."""
        return self.body.effective

    @property
    def review(self) -> str | None:
        """By when somebody looks at it again."""
        return self.body.review

    @property
    def expires(self) -> str | None:
        """The last day on which it holds, for what has one."""
        found = getattr(self.body, "expires", None)
        return found if isinstance(found, str) else None

    @property
    def due(self) -> str | None:
        """By when it is to be done, for what has such a day."""
        found = getattr(self.body, "due", None)
        return found if isinstance(found, str) else None

    @cached_property
    def digest(self) -> str:
        """The digest of its content as it stands."""
        return self.digest_of(self.latest)

    def digest_of(self, step: Record) -> str:
        """The digest of its content as it stood after one of its records."""
        return digest_of(content_of(step.evidence.body, self.kind))

    @property
    def approval(self) -> Record | None:
        """The approval of the content as it stands; None if nobody's counts."""
        return self.signed.counted.get(self.latest.id)

    @property
    def approved_by(self) -> str | None:
        """Who approved the content as it stands."""
        return None if self.approval is None else str(self.approval.evidence.actor)

    @property
    def refused(self) -> tuple[tuple[Record, str], ...]:
        """Approvals that do not count, each with the reason."""
        return self.signed.refused

    @property
    def is_open(self) -> bool:
        """Whether it has been neither closed nor superseded."""
        return not self.is_closed and self.superseded_by is None

    @property
    def state(self) -> str:
        """open, draft, approved, accepted, verified, superseded, withdrawn or closed."""
        if self.is_closed:
            return "withdrawn" if self.register == "document" else "closed"
        if self.superseded_by is not None:
            return "superseded"
        return self.spec.first_state if self.approval is None else self.spec.approved_as

    def is_expired(self, now: datetime) -> bool:
        """Whether its last day has passed."""
        return _is_before(self.expires, now)

    def review_overdue(self, now: datetime) -> bool:
        """Whether it is open and its review should have been."""
        return self.is_open and _is_before(self.review, now)

    def is_overdue(self, now: datetime) -> bool:
        """Whether it is open beyond the day on which it was to be done."""
        return self.is_open and _is_before(self.due, now)

    def to_body(self, now: datetime) -> dict[str, Any]:
        """JSON values for `--json`."""
        approval = self.approval
        return {
            "register": self.register,
            "id": self.id,
            "record": self.record_id,
            "title": self.title,
            "state": self.state,
            "owner": self.owner,
            "systems": list(self.systems),
            "opened_at": self.opened_at,
            "changed_at": self.changed_at,
            "effective": self.effective,
            "review": self.review,
            "review_overdue": self.review_overdue(now),
            "expires": self.expires,
            "expired": self.is_expired(now),
            "digest": self.digest,
            "approved_by": self.approved_by,
            "approval": None if approval is None else approval.id,
            "superseded_by": self.superseded_by,
            "content": content_of(self.latest.evidence.body, self.kind),
            "steps": list(self.record_ids),
        }


def day_of(text: str | None) -> date | None:
    """A day written as YYYY-MM-DD; None for anything else."""
    try:
        return date.fromisoformat(text) if text and len(text) == 10 else None
    except ValueError:
        return None


def _is_before(text: str | None, now: datetime) -> bool:
    day = day_of(text)
    return day is not None and day < now.date()
