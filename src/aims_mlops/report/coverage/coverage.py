"""Which evidence supports each of the 38 controls, how old it is, and what is missing.

Pure: records and a time go in, figures come out; nothing is read, measured or decided here.

Rules
-----
1. Only kinds of evidence that this version knows count, and only for the controls that the
   catalogue gives them: what a record claims for itself cannot widen that.
2. An organisational control is never supported by a pipeline, whatever a record claims.
3. A partly machine-evidenced control is never more than supported in part: the rest is a
   person's record. One that another person approved is named, and then not missing.
4. Supported means: every demand is recorded, in time and complete, and nothing that the control
   asks is beyond what this version captures.
5. What a person declared and another approved makes an organisational control "declared by a
   person", and nothing else; one that lapsed makes it out of date, whatever else there is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from aims_mlops.evidence import clock
from aims_mlops.evidence.controls import CONTROLS, Control
from aims_mlops.evidence.kinds import KINDS, controls_of
from aims_mlops.evidence.records import Record
from aims_mlops.evidence.store import StoreStatus
from aims_mlops.inventory.declared.system import System
from aims_mlops.operations.alarms.monitoring import Alarm
from aims_mlops.operations.nonconformity import Nonconformity, fold
from aims_mlops.report.coverage.abridged import Abridged
from aims_mlops.report.coverage.criteria import BEYOND, DEMANDS, PERSON, Demand
from aims_mlops.report.coverage.declared import Declarations, Declared
from aims_mlops.report.coverage.freshness import Freshness, judge
from aims_mlops.report.coverage.monitoring import Watch, watch
from aims_mlops.report.coverage.scope import Scope
from aims_mlops.report.render import reading
from aims_mlops.report.render.one_line import plural

State = Literal[
    "supported",
    "supported in part",
    "out of date",
    "no evidence",
    "declared by a person",
    "needs a person's record",
]
DECLARED: State = "declared by a person"
STATES: tuple[State, ...] = (
    "supported",
    "supported in part",
    "out of date",
    "no evidence",
    DECLARED,
    "needs a person's record",
)


PERSONAL = "a person's record, not in this store"


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one demand: recorded for `have` of `of` things; the ids that show it."""

    demand: Demand
    have: int
    of: int
    newest: Record | None

    @property
    def met(self) -> bool:
        """Whether there is something to cover, and all of it is."""
        return self.of > 0 and self.have == self.of


_QUALITY = "data-quality"


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Something missing, why it counts as missing, and what to do about it."""

    thing: str
    why: str
    next_step: str

    @property
    def words(self) -> str:
        """What is short and why, for people."""
        return f"{self.thing}: {self.why}"


@dataclass(frozen=True, slots=True)
class ControlCoverage:
    """One control: `evidence` newest first; `claimed` are records that name it and do not count.

    newest : the record whose age `freshness` gives.  declared : entries of people that serve it,
    for organisational and partly machine-evidenced controls.
    """

    control: Control
    state: State
    evidence: tuple[Record, ...]
    newest: Record | None
    claimed: int
    findings: tuple[Finding, ...]
    freshness: Freshness
    shortfalls: tuple[Shortfall, ...]
    declared: tuple[Declared, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """The whole report. `log` is None when the records did not come from an open store.

    anchored : records that the newest anchor on record covers; None without one.
    gaps : newest first.  nonconformities : as they stand, newest first.
    watches : each schedule of monitoring over its whole time.  alarms : what is wrong now.
    in_full : the whole of a record, of which only what coverage reads is kept here.
    """

    made_at: str
    system: str | None
    log: StoreStatus | None
    records: int
    controls: tuple[ControlCoverage, ...]
    anchored: int | None
    gaps: tuple[Record, ...]
    nonconformities: tuple[Nonconformity, ...]
    unknown_kinds: dict[str, int]
    watches: tuple[Watch, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    in_full: Callable[[Record], Record] = field(default=lambda record: record, compare=False)

    @property
    def states(self) -> dict[State, int]:
        """How many controls are in each state."""
        counted = Counter(row.state for row in self.controls)
        return {state: counted[state] for state in STATES}


def cover(
    records: Iterable[Record],
    now: datetime,
    *,
    system: str | None = None,
    log: StoreStatus | None = None,
    systems: Iterable[System] = (),
    alarms: Sequence[Alarm] = (),
    in_full: Callable[[Record], Record] | None = None,
    declared: Declarations | None = None,
) -> Coverage:
    """Hold records against the 38 controls.

    records : in any order, read once; only what is needed of each is kept.
    now : aware; ages are counted back from it.
    system : id of the AI system that the records were chosen for, shown in the report.
    systems : as aims.yaml declares them, with their `monitoring`.  alarms : what is wrong now.
    in_full : reads the whole of a record again, for the few that a page tells about.
    declared : what people put down for each control.
    """
    if in_full is None and isinstance(records, Sequence):
        whole: dict[str, Record] = {record.id: record for record in records}

        def in_full(record: Record) -> Record:
            return whole[record.id]

    scope = Scope.of(Abridged().each(records))
    known = [record for record in scope.records if record.evidence.kind in KINDS]
    found = fold(scope.records)
    unknown = Counter(r.evidence.kind for r in scope.records if r.evidence.kind not in KINDS)
    return Coverage(
        made_at=clock.stamp(now),
        system=system,
        log=log,
        records=len(scope.records),
        controls=tuple(
            _control(control, scope, known, now, (declared or {}).get(control.id, ()))
            for control in CONTROLS.values()
        ),
        anchored=anchored_size(scope.records),
        gaps=tuple(reversed(list(scope.of_kind("gap")))),
        nonconformities=tuple(reversed(found)),
        unknown_kinds=dict(sorted(unknown.items())),
        watches=watch(scope.records, systems, found, now),
        alarms=tuple(alarms),
        in_full=in_full if in_full is not None else lambda record: record,
    )


def _control(
    control: Control,
    scope: Scope,
    known: list[Record],
    now: datetime,
    said: tuple[Declared, ...],
) -> ControlCoverage:
    declared = () if control.klass == "machine" else said
    naming = [r for r in scope.records if control.id in r.evidence.controls]
    counted: list[Record] = []
    if control.klass != "organisational":
        counted = [r for r in known if _counts(r, control.id)]
    demands = DEMANDS.get(control.id, ())
    findings = tuple(_finding(demand, scope) for demand in demands)
    # A nonconformity of today does not make last month's drift check recent: where the control's
    # demands name kinds, only those tell how recent its evidence is.
    kinds = {demand.kind for demand in demands}
    timely = [r for r in counted if r.evidence.kind in kinds] or counted
    freshness = judge(control.fresh, timely, scope, now)
    unasked = _default_only(scope) if _QUALITY in kinds else 0
    state = _state(control, counted, findings, freshness, declared)
    return ControlCoverage(
        control=control,
        state="supported in part" if unasked and state == "supported" else state,
        evidence=tuple(reversed(counted)),
        newest=timely[-1] if timely else None,
        claimed=len(naming) - len(counted),  # whatever counts also names the control
        findings=findings,
        freshness=freshness,
        shortfalls=(
            *_shortfalls(control, counted, findings, freshness, declared),
            *((_asks_little(unasked),) if unasked else ()),
        ),
        declared=declared,
    )


def _default_only(scope: Scope) -> int:
    """How many datasets were only held against what any table should keep to."""
    newest: dict[str, Record] = {}
    for record in scope.of_kind(_QUALITY):
        newest[record.evidence.subjects[0].sha256] = record
    origins = [reading.mapping(r.evidence.body, "suite").get("origin") for r in newest.values()]
    return origins.count("default")


def _asks_little(number: int) -> Shortfall:
    return Shortfall(
        f"default expectations only for {plural(number, 'dataset')}",
        "nobody said what these data should keep to",
        "describe them: expectations= or reference= of aims.dataset (docs/measures-quality.md)",
    )


def _counts(record: Record, control: str) -> bool:
    evidence = record.evidence
    return control in evidence.controls and control in controls_of(evidence.kind)


def _finding(demand: Demand, scope: Scope) -> Finding:
    """Whether each thing of the kind says it; a thing is what the record's first subject is."""
    things: set[str] = set()
    saying: set[str] = set()
    newest: Record | None = None
    for record in scope.of_kind(demand.kind):
        if demand.where is not None and record.evidence.body.get(demand.where) is not True:
            continue
        thing = record.evidence.subjects[0].sha256
        things.add(thing)
        if demand.field is None or reading.present(record.evidence.body, demand.field):
            saying.add(thing)
            newest = record
    return Finding(demand, len(saying), len(things), newest)


def _state(
    control: Control,
    counted: list[Record],
    findings: tuple[Finding, ...],
    freshness: Freshness,
    declared: tuple[Declared, ...],
) -> State:
    if control.klass == "organisational":
        approved = [one for one in declared if one.approved_by is not None]
        if any(one.lapsed for one in approved):
            return "out of date"
        return DECLARED if approved else "needs a person's record"
    if not counted:
        return "no evidence"
    if freshness.verdict == "late":
        return "out of date"
    whole = all(finding.met for finding in findings) and freshness.verdict != "incomplete"
    if control.klass == "partly" or not whole or control.id in BEYOND:
        return "supported in part"
    return "supported"


def _shortfalls(
    control: Control,
    counted: list[Record],
    findings: tuple[Finding, ...],
    freshness: Freshness,
    declared: tuple[Declared, ...],
) -> Iterable[Shortfall]:
    """What is missing; that nothing counts at all is said by the demands, not once more by age."""
    for finding in findings:
        if finding.met:
            continue
        why = "not recorded"
        if finding.have:
            why = f"not recorded for {finding.of - finding.have} of {finding.of}"
        yield Shortfall(finding.demand.words, why, finding.demand.next_step)
    if freshness.verdict == "late" or (freshness.verdict == "incomplete" and counted):
        again = findings[-1].demand.next_step if findings else "record it for what is missing"
        yield Shortfall(f"asked {freshness.asked}", freshness.words, again)
    for thing in BEYOND.get(control.id, ()):
        yield Shortfall(thing, "not captured by this version", "keep a record of your own")
    wanting = [one for one in declared if not one.counts]
    if control.id in PERSON and not declared:
        yield Shortfall(PERSON[control.id], PERSONAL, "have it ready for the auditor")
    for one in wanting:
        yield Shortfall(f"declared by a person, {one.register} {one.id}", one.why, one.next_step)


def state_sentence(coverage: Coverage) -> str:
    """The number of controls in each state, such as '12 supported, 9 supported in part, …'."""
    return ", ".join(
        f"{n} {state}" for state, n in coverage.states.items() if n or state != DECLARED
    )


def anchored_size(records: Iterable[Record]) -> int | None:
    """How many records the farthest anchor on record covers; None without an anchor."""
    sizes = (reading.count(r.evidence.body, "size") for r in records if r.evidence.kind == "anchor")
    return max((size for size in sizes if size is not None), default=None)


def anchoring(log: StoreStatus | None, anchored: int | None = None) -> str:
    """What the log proves against whoever runs it, in one sentence."""
    if log is None:
        return "The records were not read from an open log, so nothing shows that none is missing."
    if log.anchored:
        which = f"a checkpoint over the first {anchored:,} records" if anchored else "a checkpoint"
        return f"Somebody outside holds {which}, so what it covers cannot change unnoticed."
    return (
        "Nobody outside holds a checkpoint, so whoever runs the store could have rewritten the "
        "log from the start without trace."
    )
