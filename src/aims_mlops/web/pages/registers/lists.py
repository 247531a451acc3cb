"""The registers, one register, and one entry of it."""

from __future__ import annotations

from typing import Any

from aims_mlops.errors import EvidenceNotFoundError, InputError
from aims_mlops.management.registers.entry import Entry
from aims_mlops.management.registers.grammar import fields_of
from aims_mlops.management.registers.read import open_register
from aims_mlops.management.registers.register import Register
from aims_mlops.management.registers.spec import REGISTERS, RegisterSpec, spec_of
from aims_mlops.web.pages.reading import Reading, text_matches
from aims_mlops.web.render.environment import address


def register_of(reading: Reading) -> Register:
    """Every entry that people put down."""
    return open_register(reading.project, reading.store)


def spec_of_page(reading: Reading) -> RegisterSpec:
    """The register of the address; EvidenceNotFoundError for none."""
    try:
        return spec_of(reading.path["register"])
    except InputError as error:
        raise EvidenceNotFoundError(
            "no such register", got=reading.path["register"][:60]
        ) from error


def may_see(reading: Reading, entry: Entry) -> bool:
    """Whether the viewer may see an entry: one that names systems of theirs, and no other."""
    seen = reading.viewer.systems
    return seen is None or (bool(entry.systems) and set(entry.systems) <= seen)


def registers(reading: Reading) -> dict[str, Any]:
    """Every register with how many entries it has."""
    known = register_of(reading)
    rows = []
    for name in REGISTERS:
        entries = [e for e in known.of_register(name) if may_see(reading, e)]
        still = [e for e in entries if e.is_open]
        late = [e for e in still if _is_late(reading, e)]
        rows.append(
            {
                "name": name,
                "entries": len(entries),
                "open": len(still),
                "overdue": len(late),
                "page": address("registers", name),
                "add": address("registers", name, "add"),
            }
        )
    return {"registers": rows}


def entries(reading: Reading) -> dict[str, Any]:
    """The entries of one register; `state`, `system` and `q` choose."""
    spec = spec_of_page(reading)
    asked = {name: reading.asked(name) for name in ("q", "state", "system")}
    every = [e for e in register_of(reading).of_register(spec.name) if may_see(reading, e)]
    shown = [
        entry
        for entry in every
        if text_matches(asked["q"], [entry.id, entry.title, entry.owner])
        and asked["state"] in ("", entry.state)
        and (not asked["system"] or asked["system"] in entry.systems)
    ]
    return {
        "register": spec.name,
        "asked": asked,
        "states": sorted({entry.state for entry in every}),
        "systems": [system.id for system in reading.systems],
        "entries": [_row(reading, entry) for entry in shown],
        "of": len(every),
        "add": address("registers", spec.name, "add"),
    }


def entry_of_page(reading: Reading) -> Entry:
    """The entry of the address; EvidenceNotFoundError where there is none that may be seen."""
    spec = spec_of_page(reading)
    found = register_of(reading).entry(spec.name, reading.path["entry"])
    if found is None or not may_see(reading, found):
        raise EvidenceNotFoundError(
            "no such entry that you may see", got=reading.path["entry"][:60]
        )
    return found


def entry(reading: Reading) -> dict[str, Any]:
    """One entry: what it says now, its records, and who approved it."""
    found = entry_of_page(reading)
    body = found.to_body(reading.now)
    return {
        **body,
        "fields": [field.name for field in fields_of(found.spec)],
        "late": _is_late(reading, found),
        "is_open": found.is_open,
        "refused": [
            {"record": record.id, "why": why, "page": address("records", record.id)}
            for record, why in found.refused
        ],
        "records": [
            {
                "id": step.id,
                "step": step.evidence.body.get("step"),
                "by": step.evidence.actor,
                "at": step.received_at,
                "reason": step.evidence.body.get("reason"),
                "page": address("records", step.id),
            }
            for step in found.steps
        ],
        "change": address("registers", found.register, "entries", found.id, "change"),
        "list": address("registers", found.register),
    }


def _row(reading: Reading, found: Entry) -> dict[str, Any]:
    return {
        "id": found.id,
        "title": found.title,
        "state": found.state,
        "owner": found.owner,
        "systems": list(found.systems),
        "due": found.due or found.review,
        "late": _is_late(reading, found),
        "approved_by": found.approved_by,
        "page": address("registers", found.register, "entries", found.id),
    }


def _is_late(reading: Reading, found: Entry) -> bool:
    now = reading.now
    return found.is_overdue(now) or found.review_overdue(now) or found.is_expired(now)
