"""What people declared for a clause or a control: open entries that say they serve it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from aims_mlops.evidence.bodies.management import EntryBody
from aims_mlops.evidence.controls import CONTROLS
from aims_mlops.evidence.records import Record
from aims_mlops.management.registers.document import DocumentEntry
from aims_mlops.management.registers.entry import Entry, day_of
from aims_mlops.management.registers.register import Register
from aims_mlops.management.registers.spec import CONTROLS_OF_TYPE


@dataclass(frozen=True, slots=True)
class Standing:
    """What another person approved: the content, the record that says it, and the approval."""

    body: EntryBody
    record: Record
    approval: Record


def standing(entry: Entry) -> Standing | None:
    """What of an entry is approved; None for nothing.

    Of a document it is the version in force: a draft of the next one neither ends nor widens it.
    """
    if isinstance(entry, DocumentEntry):
        held = entry.in_force
        if held is None or held.approval is None:
            return None
        return Standing(held.body, held.record, held.approval)
    approval = entry.approval
    return None if approval is None else Standing(entry.body, entry.latest, approval)


def serves(entry: Entry) -> tuple[str, ...]:
    """Ids of clauses and controls that an entry serves; a silent document, by its type.

    As it was approved; as it stands, if nobody approved it.
    """
    approved = standing(entry)
    body = entry.body if approved is None else approved.body
    said = tuple(str(id_) for id_ in body.serves or ())
    if any(id_ in CONTROLS for id_ in said):
        return said
    type_ = str(getattr(body, "type", None) or "")
    return (*said, *(CONTROLS_OF_TYPE.get(type_, ()) if entry.register == "document" else ()))


def is_about(entry: Entry, system: str | None) -> bool:
    """Whether an entry is about a system; one that names no system is about all of them."""
    return system is None or not entry.systems or system in entry.systems


def declared_for(register: Register, id_: str, system: str | None = None) -> tuple[Entry, ...]:
    """Open entries about a system that serve a clause or control and that another person approved.

    In the order of the log. What nobody approved, or what expired, is not among them: see `lapsed`.
    """
    return tuple(
        entry
        for entry in register.all()
        if entry.is_open
        and standing(entry) is not None
        and id_ in serves(entry)
        and is_about(entry, system)
    )


def lapsed(entry: Entry, now: datetime) -> bool:
    """Whether its review should have been, or its last day has passed."""
    approved = standing(entry)
    body = entry.body if approved is None else approved.body
    days = (day_of(body.review), day_of(getattr(body, "expires", None)))
    return entry.is_open and any(day is not None and day < now.date() for day in days)


def by_control(register: Register, system: str | None = None) -> Mapping[str, tuple[Entry, ...]]:
    """The declared entries of each control that has some."""
    found = {id_: declared_for(register, id_, system) for id_ in CONTROLS}
    return {id_: entries for id_, entries in found.items() if entries}
