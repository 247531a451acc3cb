"""What happened to an AI system, in the order of the log: one line for a run, one for each step.

Auditors sample across the whole period and follow a decision back to what it stood on; this is
the list that they pick from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aims_mlops.evidence.kinds import FIGURE_KINDS, RUN_KINDS
from aims_mlops.evidence.records import Record
from aims_mlops.report.card.decisions import weighed
from aims_mlops.report.coverage.scope import Scope
from aims_mlops.report.render import page, reading
from aims_mlops.report.render.one_line import day, moment, plural, summarise
from aims_mlops.report.render.visible import one_line

FORMAT = "aims-history/1"

_LOOK = "monitoring-run"
_LOG = "inference-log"
_OF_A_LOOK = frozenset((_LOOK, *FIGURE_KINDS))


@dataclass(frozen=True, slots=True)
class Event:
    """One line: `what` kind of step, what it `says`, and the record that begins it.

    also : how many records of which kinds a run left, or tell the same day of a log.
    """

    record: Record
    what: str
    says: str
    also: str | None


@dataclass(frozen=True, slots=True)
class History:
    """The events of a system, oldest first."""

    system: str
    made_at: str
    events: tuple[Event, ...]

    @property
    def days(self) -> dict[str, list[Event]]:
        """Events by the day on which the store received them (UTC)."""
        found: dict[str, list[Event]] = {}
        for event in self.events:
            found.setdefault(day(event.record.received_at), []).append(event)
        return found


def tell(records: Iterable[Record], system: str, made_at: str) -> History:
    """The history in these records, which are those of one system.

    A scheduled look is one line, too, with what it measured beside it, and so is a day of an
    inference log, however many records say what was written.
    A run without a record of its own, such as one whose batch was lost in part, begins with
    whatever is there of it.
    """
    scope = Scope.of(records)
    monitored = {record.evidence.run for record in scope.of_kind(_LOOK)}
    of_run: dict[str, list[Record]] = {}

    def in_run(record: Record) -> bool:
        kinds = _OF_A_LOOK if record.evidence.run in monitored else RUN_KINDS
        return record.evidence.run is not None and record.evidence.kind in kinds

    for record in scope.records:
        if in_run(record):
            assert record.evidence.run is not None
            of_run.setdefault(record.evidence.run, []).append(record)
    logged: dict[str, list[Record]] = {}
    for record in scope.of_kind(_LOG):
        if record.evidence.body.get("event") == "written":
            logged.setdefault(day(record.received_at), []).append(record)
    of_a_day = {record.id: found for found in logged.values() for record in found}
    events: list[Event] = []
    told: set[str] = set()
    counted = weighed(scope.records[::-1])
    for record in scope.records:
        run = record.evidence.run
        if record.id in of_a_day:
            if of_a_day[record.id][0] is record:
                events.append(_day_of_the_log(of_a_day[record.id]))
        elif run is None or not in_run(record):
            says = summarise(record)
            if record.evidence.kind == "approval":
                says += _whether_it_counted(record.id, counted)
            if record.evidence.body.get("verdict") == "return":
                says = f"returned, to be changed and submitted again; {says}"
            events.append(Event(record, record.evidence.kind, says, None))
        elif run not in told:
            told.add(run)
            events.append(_run(of_run[run]))
    return History(system, made_at, tuple(events))


def _whether_it_counted(id_: str, counted: Mapping[str, str | None]) -> str:
    """What the newest decision made of an approval, to be said with it."""
    if id_ not in counted:
        return "; no decision has weighed it"
    why = counted[id_]
    return "" if why is None else f"; not counted: {why}"


def _day_of_the_log(records: list[Record]) -> Event:
    """What was written on one day, by every process together."""
    rows: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    for record in records:
        body = record.evidence.body
        rows.update({name: reading.count(body, name) or 0 for name in ("rows", "written")})
        counts = reading.mapping(body, "dropped")
        dropped.update({str(why): reading.count(counts, why) or 0 for why in counts})
    first = records[0]
    together = {"event": "written", **rows, "dropped": dict(dropped)}
    of_all = replace(first, evidence=replace(first.evidence, body=together))
    also = f"{len(records)} {_LOG}" if len(records) > 1 else None
    return Event(first, first.evidence.kind, summarise(of_all), also)


def as_html(history: History, *, single_user: bool = False) -> str:
    """One self-contained page."""
    return page.html("history.html.j2", history=history, single_user=single_user)


def as_text(history: History) -> str:
    """Plain text, a heading for each day."""
    events = plural(len(history.events), "event")
    lines = [f"History of {one_line(history.system)}: {events}, oldest first."]
    for name, events_of_day in history.days.items():
        lines += ["", name]
        for event in events_of_day:
            time = moment(event.record.received_at)[11:16]
            also = f" ({event.also})" if event.also else ""
            text = one_line(f"{event.what}: {event.says}{also}")
            lines.append(f"  {time}  {page.short(event.record.id)}  {text}")
    return "\n".join(lines)


def as_json(history: History) -> dict[str, Any]:
    """JSON values under a format name; docs/reports.md promises these fields."""
    return {
        "format": FORMAT,
        "made_at": history.made_at,
        "system": history.system,
        "events": [
            {
                "record": event.record.id,
                "sequence": event.record.sequence,
                "received_at": event.record.received_at,
                "actor": event.record.evidence.actor,
                "what": event.what,
                "says": event.says,
                "also": event.also,
            }
            for event in history.events
        ],
    }


def _run(records: list[Record]) -> Event:
    own = next((r for r in reversed(records) if r.evidence.kind in ("run", _LOOK)), None)
    counts = Counter(r.evidence.kind for r in records if r is not own)
    also = ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items())) or None
    says = summarise(own) if own is not None else "its own record is missing"
    what = own.evidence.kind if own is not None else "run"
    return Event(own or records[0], what, says, also)
