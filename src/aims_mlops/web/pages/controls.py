"""Controls: which of the 38 the evidence supports, how fresh it is, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import merge
from typing import Any

from aims_mlops.alarms.expiry import every_alarm
from aims_mlops.evidence.kinds import SHARED_KINDS
from aims_mlops.evidence.records import Record
from aims_mlops.management.registers.read import open_register
from aims_mlops.report.coverage import page
from aims_mlops.report.coverage.coverage import Coverage, cover, state_sentence
from aims_mlops.report.coverage.declared import declarations
from aims_mlops.web.pages.reading import Reading
from aims_mlops.web.render.environment import address


def coverage_of(reading: Reading, system: str | None) -> Coverage:
    """Coverage of one system, or of all that the viewer may see."""
    records: Iterable[Record] = reading.find()
    if system is not None:
        own = reading.find(system=system)
        shared = (r for r in reading.find(kind=SHARED_KINDS) if r.evidence.system is None)
        records = merge(own, shared, key=lambda record: record.sequence)
    return cover(
        records,
        reading.now,
        system=system,
        log=reading.store.status(),
        systems=[s for s in reading.systems if system in (None, s.id)],
        alarms=[
            alarm
            for alarm in every_alarm(reading.store, reading.project, reading.now)
            if reading.sees(alarm.system) and system in (None, alarm.system)
        ],
        in_full=lambda record: reading.store.get(record.id),
        declared=declarations(
            open_register(reading.project, reading.store),
            reading.now,
            system=system,
            sees=lambda entry: (
                all(map(reading.sees, entry.systems)) if entry.systems else reading.sees(None)
            ),
        ),
    )


def controls(reading: Reading) -> dict[str, Any]:
    """Every control with its state; `system` and `state` choose."""
    system = reading.asked("system") or None
    if system is not None and not reading.sees(system):
        system = None
    found = coverage_of(reading, system)
    state = reading.asked("state")
    rows = page.as_json(found)
    return {
        **rows,
        "sentence": state_sentence(found),
        "asked": {"system": system or "", "state": state},
        "systems": [s.id for s in reading.systems],
        "controls": [
            row | {"page": address("evidence", control=row["id"], system=system)}
            for row in rows["controls"]
            if not state or row["state"] == state
        ],
    }
