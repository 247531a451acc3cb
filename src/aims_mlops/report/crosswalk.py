"""What the log has for each row of another framework, through which of our clauses and controls.

Pure. It says what is on record, and what nothing of ours reaches; it never says that a row is met.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aims_mlops.evidence.controls import CONTROLS
from aims_mlops.evidence.records import Record
from aims_mlops.management.crosswalks.crosswalk import Crosswalk, Row
from aims_mlops.management.declarations.clauses import CLAUSES
from aims_mlops.management.declarations.declared import declared_for, is_about, serves
from aims_mlops.management.registers.register import Register
from aims_mlops.report.coverage.coverage import Coverage
from aims_mlops.report.render import page
from aims_mlops.report.render.one_line import plural
from aims_mlops.report.render.visible import one_line

FORMAT = "aims-crosswalk/1"
ON_RECORD = "on record"
IN_PART = "on record in part"
NOTHING = "nothing on record"
UNREACHED = "nothing of ours reaches it"
STATES = (ON_RECORD, IN_PART, NOTHING, UNREACHED)


@dataclass(frozen=True, slots=True)
class Ours:
    """One of our clauses or controls: its state, how many records, the newest, who says it."""

    id: str
    words: str
    state: str
    records: int
    newest: str | None
    by: str

    @property
    def has_some(self) -> bool:
        """Whether anything at all is on record for it."""
        return self.records > 0


@dataclass(frozen=True, slots=True)
class RowState:
    """A row of the other framework, and ours that touch it."""

    row: Row
    ours: tuple[Ours, ...]

    @property
    def state(self) -> str:
        """One of STATES. 'on record' only if each of ours has evidence in time and complete."""
        if not self.ours:
            return UNREACHED
        if not any(one.has_some for one in self.ours):
            return NOTHING
        whole = all(one.has_some and one.state in _WHOLE for one in self.ours)
        return ON_RECORD if whole else IN_PART


@dataclass(frozen=True, slots=True)
class Crossed:
    """The whole of it."""

    crosswalk: Crosswalk
    system: str | None
    made_at: str
    rows: tuple[RowState, ...]

    @property
    def states(self) -> dict[str, int]:
        """How many rows are in each state."""
        counted = Counter(row.state for row in self.rows)
        return {state: counted[state] for state in STATES}


DECLARED = "declared by a person"
_WHOLE = frozenset(("supported", "on record", DECLARED))


def cross(
    crosswalk: Crosswalk,
    coverage: Coverage,
    register: Register,
    records: Iterable[Record],
    *,
    system: str | None = None,
) -> Crossed:
    """Hold a framework's rows against the log.

    coverage, records : of one system, or of all; register : what people put down.
    """
    newest: dict[str, Record] = {}
    counted: Counter[str] = Counter()
    for record in records:
        counted[record.evidence.kind] += 1
        newest[record.evidence.kind] = record
    controls = {row.control.id: row for row in coverage.controls}
    by_id: dict[str, Ours] = {}
    for id_ in {id_ for row in crosswalk.rows for id_ in row.ours}:
        if id_ in CONTROLS:
            found = controls[id_]
            machine = found.control.klass != "organisational"
            declared = declared_for(register, id_, system) if not found.evidence else ()
            last = found.newest.id if found.newest else None
            old = found.state == "out of date"
            if declared:
                last = declared[-1].latest.id
            by_id[id_] = Ours(
                id_,
                found.control.title,
                DECLARED if declared and not machine and not old else found.state,
                len(found.evidence) + len(declared),
                last,
                "pipeline" if found.evidence else "person",
            )
        else:
            by_id[id_] = _clause(id_, register, system, counted, newest)
    rows = tuple(RowState(row, tuple(by_id[id_] for id_ in row.ours)) for row in crosswalk.rows)
    return Crossed(crosswalk, system, coverage.made_at, rows)


def _clause(
    id_: str,
    register: Register,
    system: str | None,
    counted: Counter[str],
    newest: dict[str, Record],
) -> Ours:
    clause = CLAUSES[id_]
    entries = {
        entry.record_id: entry
        for entry in (
            *(e for type_ in clause.documents for e in register.documents_of(type_)),
            *(e for name in clause.registers for e in register.open(name)),
            *(e for e in register.all() if e.is_open and id_ in serves(e)),
        )
        if is_about(entry, system)
    }
    unsigned = any(entry.approval is None for entry in entries.values())
    written = [newest[kind] for kind in clause.kinds if kind in newest]
    last = sorted((*(e.latest for e in entries.values()), *written), key=lambda r: r.sequence)
    total = len(entries) + sum(counted[kind] for kind in clause.kinds)
    state = NOTHING if not total else ON_RECORD
    if entries:
        state = "not approved" if unsigned else DECLARED
    return Ours(
        id_,
        clause.words,
        state,
        total,
        last[-1].id if last else None,
        "person" if entries else "pipeline",
    )


def as_html(crossed: Crossed, *, single_user: bool = False) -> str:
    """One self-contained page."""
    return page.html("crosswalk.html.j2", single_user=single_user, crossed=crossed)


def as_text(crossed: Crossed) -> str:
    """The counts, then each row with ours below it."""
    walk = crossed.crosswalk
    where = f"system {crossed.system}" if crossed.system else "every system"
    counts = ", ".join(f"{n} {state}" for state, n in crossed.states.items())
    lines = [
        f"{walk.title}, {walk.edition} ({walk.date}), as of {walk.as_of}; {where}.",
        f"{plural(len(crossed.rows), 'row')}: {counts}.",
        walk.note,
        "What is on record is evidence to look at; whether a row is met is for others to say.",
    ]
    for found in crossed.rows:
        row = found.row
        since = f", from {row.applies_from} ({row.applies_source})" if row.applies_from else ""
        lines.append(f"{row.id}  {row.words}: {found.state}{since}")
        for one in found.ours:
            last = f", newest {page.short(one.newest)}" if one.newest else ""
            lines.append(
                f"    {row.relation} {one.id} {one.words} ({row.confidence} confidence): "
                f"{one.state}, {plural(one.records, 'record')}{last}"
            )
    return "\n".join(
        line[: len(line) - len(line.lstrip())] + one_line(line.lstrip()) for line in lines if line
    )


def as_json(crossed: Crossed) -> dict[str, Any]:
    """JSON values under a format name; docs/crosswalks.md promises these fields."""
    walk = crossed.crosswalk
    return {
        "format": FORMAT,
        "made_at": crossed.made_at,
        "system": crossed.system,
        "framework": {
            "id": walk.id,
            "title": walk.title,
            "edition": walk.edition,
            "date": str(walk.date),
            "as_of": str(walk.as_of),
            "binding": walk.binding,
            "note": walk.note,
        },
        "states": crossed.states,
        "rows": [
            {
                "id": found.row.id,
                "words": found.row.words,
                "state": found.state,
                "relation": found.row.relation,
                "confidence": found.row.confidence,
                "source": walk.sources[found.row.source].title,
                "applies_from": str(found.row.applies_from) if found.row.applies_from else None,
                "applies_source": (
                    walk.sources[found.row.applies_source].title
                    if found.row.applies_source
                    else None
                ),
                "note": found.row.note,
                "ours": [
                    {
                        "id": one.id,
                        "state": one.state,
                        "records": one.records,
                        "newest": one.newest,
                        "by": one.by,
                    }
                    for one in found.ours
                ],
            }
            for found in crossed.rows
        ],
    }
