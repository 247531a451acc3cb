"""An objective against its figure: read from the log where the log has it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aims_mlops.evidence.bodies.figure import figure_entries
from aims_mlops.evidence.bodies.management import Limit, ObjectiveBody
from aims_mlops.evidence.records import Record
from aims_mlops.management.registers.entry import Entry


@dataclass(frozen=True, slots=True)
class Reached:
    """Where an objective stands.

    value : the newest figure; None while there is none.  record : what says so, the figure's
    record or, for a value that a person gave, the entry's.  by_hand : whether a person gave it.
    met : whether it is within the limits; None where no limit or no value is known.
    """

    value: float | None
    record: Record | None
    by_hand: bool
    met: bool | None


def reached(entry: Entry, records: Iterable[Record]) -> Reached:
    """Where an objective stands, by records of any kinds in the order of the log."""
    series = values(entry, records)
    body = entry.body
    if not isinstance(body, ObjectiveBody) or not series:
        return Reached(None, None, body.raw.get("figure") is None, None)
    record, value = series[-1]
    return Reached(value, record, body.figure is None, _within(value, body.limit))


def values(entry: Entry, records: Iterable[Record]) -> tuple[tuple[Record, float], ...]:
    """Every value of an objective with the record that says it, oldest first."""
    body = entry.body
    if not isinstance(body, ObjectiveBody):
        return ()
    if body.figure is None:
        given = [(step, ObjectiveBody.of(step).value) for step in entry.steps]
        return tuple((step, float(value)) for step, value in given if value is not None)
    named = body.figure
    found = []
    for record in records:
        evidence = record.evidence
        if evidence.kind != named.kind or named.system not in (None, evidence.system):
            continue
        for said in figure_entries(record):
            value = said.get("value")
            same = (said.get("measure"), said.get("group")) == (named.measure, named.group)
            if same and isinstance(value, (int, float)):
                found.append((record, float(value)))
    return tuple(found)


def _within(value: float, limit: Limit | None) -> bool | None:
    if limit is None or (limit.at_least is None and limit.at_most is None):
        return None
    above = limit.at_least is None or value >= limit.at_least
    return above and (limit.at_most is None or value <= limit.at_most)
