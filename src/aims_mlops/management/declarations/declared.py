"""What people declared for a clause or a control: open entries that say they serve it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from aims_mlops.evidence.controls import CONTROLS
from aims_mlops.management.registers.entry import Entry
from aims_mlops.management.registers.register import Register
from aims_mlops.management.registers.spec import CONTROLS_OF_TYPE


def serves(entry: Entry) -> tuple[str, ...]:
    """Ids of clauses and controls that an entry serves; a silent document, by its type."""
    said = tuple(str(id_) for id_ in entry.body.serves or ())
    if any(id_ in CONTROLS for id_ in said):
        return said
    type_ = str(getattr(entry.body, "type", None) or "")
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
        and entry.approval is not None
        and id_ in serves(entry)
        and is_about(entry, system)
    )


def lapsed(entry: Entry, now: datetime) -> bool:
    """Whether its review should have been, or its last day has passed."""
    return entry.review_overdue(now) or entry.is_expired(now)


def by_control(register: Register, system: str | None = None) -> Mapping[str, tuple[Entry, ...]]:
    """The declared entries of each control that has some."""
    found = {id_: declared_for(register, id_, system) for id_ in CONTROLS}
    return {id_: entries for id_, entries in found.items() if entries}
