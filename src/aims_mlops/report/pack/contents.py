"""What a pack shows: the evidence of each control, the promotions, and what each stood on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from aims_mlops.evidence.controls import CONTROLS
from aims_mlops.evidence.kinds import controls_of
from aims_mlops.evidence.records import Record
from aims_mlops.management.declarations.declared import declared_for
from aims_mlops.management.registers.register import Register
from aims_mlops.report.pack.sample import drawn

EACH = 50  # newest records with a page of their own, for a control


@dataclass(frozen=True, slots=True)
class Found:
    """The evidence of one control: records of pipelines, newest first, and entries of people."""

    control: str
    records: tuple[Record, ...]
    declared: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Promotion:
    """One promotion: the record, the decision, and every record about the model until then."""

    record: Record
    decision: Record | None
    stood_on: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Period:
    """RFC 3339 times of the log's clock, [first, last); None for open."""

    first: str | None = None
    last: str | None = None

    def holds(self, record: Record) -> bool:
        """Whether the log received a record in it."""
        if self.first is not None and record.received_at < self.first:
            return False
        return self.last is None or record.received_at < self.last


def find_evidence(
    records: Iterable[Record],
    register: Register,
    control: str,
    *,
    system: str | None = None,
    period: Period | None = None,
) -> Found:
    """What supports a control, in a period.

    records : of the system, or of all.  Only kinds count to which the catalogue gives the control,
    whatever a record claims; entries of people only after another person approved them.
    """
    period = period or Period()
    counted = [
        record
        for record in records
        if CONTROLS[control].klass != "organisational"
        and control in record.evidence.controls
        and control in controls_of(record.evidence.kind)
        and period.holds(record)
    ]
    entries = declared_for(register, control, system)
    declared = {entry.latest.id: entry.latest for entry in entries if period.holds(entry.latest)}
    plain = [record for record in counted if record.id not in declared]
    return Found(control, tuple(plain[::-1]), tuple(declared.values()))


def promotions_of(records: Sequence[Record], period: Period) -> tuple[Record, ...]:
    """Promotions that were set in a period, in the order of the log."""
    return tuple(
        record
        for record in records
        if record.evidence.kind == "promotion"
        and record.evidence.body.get("outcome") == "set"
        and period.holds(record)
    )


def followed(records: Sequence[Record], promotions: Sequence[Record]) -> tuple[Promotion, ...]:
    """Each promotion with its decision, and what the log had about the model and its data by then.

    records : the whole log, in its order.
    """
    by_id = {record.id: record for record in records}
    found = []
    for record in promotions:
        body = record.evidence.body
        decision = by_id.get(str(body.get("decision")))
        about = {str(body.get("model"))} | _bound(decision)
        runs = {
            r.evidence.run
            for r in records
            if r.evidence.run is not None and _is_about(r, {str(body.get("model"))})
        }
        stood_on = tuple(
            r
            for r in records
            if r.sequence < record.sequence
            and r is not decision
            and (_is_about(r, about) or r.evidence.run in runs)
        )
        found.append(Promotion(record, decision, stood_on))
    return tuple(found)


def _bound(decision: Record | None) -> set[str]:
    bound = decision.evidence.body.get("bound") if decision is not None else None
    if not isinstance(bound, Mapping):
        return set()
    datasets = bound.get("datasets")
    one = [bound.get("policy"), bound.get("assessment")]
    many = datasets if isinstance(datasets, (list, tuple)) else ()
    return {str(value) for value in (*one, *many) if isinstance(value, str)}


def _is_about(record: Record, digests: set[str]) -> bool:
    return any(subject.sha256 in digests for subject in record.evidence.subjects)


@dataclass(frozen=True, slots=True)
class Contents:
    """All of it. `seed` is that of the draw."""

    system: str | None
    period: Period
    seed: str
    controls: tuple[Found, ...]
    promotions: tuple[Record, ...]
    sample: tuple[Promotion, ...]

    @property
    def shown(self) -> dict[str, Record]:
        """Every record that has a page of its own, by id, in the order of the log."""
        records = [
            record for found in self.controls for record in (*found.records[:EACH], *found.declared)
        ]
        for one in self.sample:
            records += [one.record, *one.stood_on]
            records += [one.decision] if one.decision is not None else []
        records += self.promotions
        return {r.id: r for r in sorted(records, key=lambda record: record.sequence)}


def gather(
    records: Sequence[Record],
    register: Register,
    *,
    of_system: Sequence[Record],
    system: str | None = None,
    period: Period | None = None,
    sample: int = 5,
    seed: str,
) -> Contents:
    """What a pack shows.

    records : the whole log.  of_system : those of the system, or the whole log.
    sample : how many promotions are drawn.  seed : of the draw.
    """
    period = period or Period()
    promotions = promotions_of(of_system, period)
    controls = tuple(
        find_evidence(of_system, register, id_, system=system, period=period) for id_ in CONTROLS
    )
    sampled = followed(records, drawn(promotions, sample, seed))
    return Contents(system, period, seed, controls, promotions, sampled)
