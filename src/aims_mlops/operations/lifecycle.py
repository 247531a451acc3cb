"""A thing that one record opens and later records carry on: incident, nonconformity, deployment.

Every step is a record of the kind; all but the first name the record that opened it in a field
called like the kind. Whoever folds such records says what the first one makes and what a later one
changes; finding, and adding the next step once, are the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from aims_mlops.errors import EvidenceNotFoundError, InputError
from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.records import Evidence, Record

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore


class Opened(Protocol):
    """What has a life cycle: the id of its first record, and every record so far."""

    @property
    def id(self) -> str:
        """Id of the record that opened it."""
        ...

    @property
    def steps(self) -> tuple[Record, ...]:
        """Its records, oldest first."""
        ...


T = TypeVar("T")
Thing = TypeVar("Thing", bound=Opened)


def take(
    known: dict[str, T],
    record: Record,
    *,
    opened: Callable[[Record], T],
    after: Callable[[T, Record], T],
) -> None:
    """Take the next record of the kind: open a thing, or carry one on.

    known : things by the id of the record that opened them. A step of one that is not known, whose
    first record the log does not show, is passed over.
    """
    first = record.evidence.body.get(record.evidence.kind)
    if first is None:
        known[record.id] = opened(record)
    elif first in known:
        known[first] = after(known[first], record)


def find(store: EvidenceStore, id_: str, kind: str, things: Iterable[Thing]) -> Thing:
    """The thing that a record, by id or unique prefix, opened or carried on.

    Raises EvidenceNotFoundError for a record of no such thing.
    """
    record = store.get(id_)
    first = str(record.evidence.body.get(kind) or record.id)
    for thing in things:
        if thing.id == first:
            return thing
    raise EvidenceNotFoundError(
        f"record {record.id[:12]} is no {kind}",
        got=record.evidence.kind,
        next_step=f"aims {kind} list",
    )


def carry_on(
    store: EvidenceStore, thing: Opened, body: dict[str, Any], *, actor: str, now: datetime
) -> Record:
    """Record the next step of a thing; what names the thing is added to the body.

    Raises EvidenceConflictError if another step came first, which was not known here.
    """
    first = thing.steps[0].evidence
    return store.append(
        Evidence(
            kind=first.kind,
            subjects=first.subjects,
            body={**body, first.kind: thing.id},
            actor=actor,
            claimed_at=stamp(now),
            system=first.system,
        ),
        key=f"{first.kind}/{thing.id}/{len(thing.steps)}",
    )


def sentence(what: str, text: str) -> str:
    """What a person said, without the space around it; raises InputError if nothing was said."""
    if not text.strip():
        raise InputError(f"{what} is empty", expected="a sentence or more")
    return text.strip()
