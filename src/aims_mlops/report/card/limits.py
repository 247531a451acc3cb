"""What a reader of the card must know before relying on the model, as the evidence has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from aims_mlops.evidence.kinds import KINDS
from aims_mlops.evidence.records import Record
from aims_mlops.evidence.store import StoreStatus
from aims_mlops.report.card.columns import Checked
from aims_mlops.report.card.decisions import Answer
from aims_mlops.report.card.facts import DECLARED, Dataset, Fact, newest
from aims_mlops.report.card.measures import Measured
from aims_mlops.report.render import reading
from aims_mlops.report.render.one_line import plural, summarise
from aims_mlops.report.render.page import SINGLE_USER

GROUPS_NAMED = 3  # of those with few rows; the tables of figures have all
SMALL_GROUP = 30  # rows; below it the normal theory behind most intervals is a poor guide


@dataclass(frozen=True, slots=True)
class Limit:
    """One limitation, and the record that shows it; None where it is that nothing was recorded."""

    words: str
    source: str | None = None


def limits(
    records: Sequence[Record],
    uses: Sequence[Fact],
    datasets: Sequence[Dataset],
    quality: Sequence[Checked],
    figures: Mapping[str, Sequence[Measured]],
    answers: Sequence[Answer],
    log: StoreStatus | None,
    *,
    single_user: bool = False,
) -> Iterator[Limit]:
    """Every limitation that the records show, what people wrote in the assessment first."""
    yield from _as_assessed(records)
    if single_user:
        yield Limit(SINGLE_USER)
    yield from _of_use(uses)
    yield from _of_data(datasets, quality)
    for kind, taken in figures.items():
        if not taken:
            yield Limit(f"No {kind} evidence: nothing is known about the model's {kind}.")
        for entry in taken:
            yield from _of_figures(kind, entry)
    yield from _of_capture(records)
    yield from _of_decisions(answers)
    if log is not None and not log.anchored:
        yield Limit("The log is unanchored: nobody outside holds a checkpoint of it.")


def _as_assessed(records: Sequence[Record]) -> Iterator[Limit]:
    """What the newest submitted assessment says: limits, wrong uses, harms that stay."""
    record = newest(records, "impact-assessment")
    document = reading.mapping(record.evidence.body, "document") if record is not None else {}
    if record is None or not document:
        return
    for section, field, label in (
        ("algorithm", "limitations", "Works badly"),
        ("data", "quality", "Data"),
        ("scope", "leaves_out", "Not covered"),
        ("system_information", "unintended_uses", "Not to be used for"),
    ):
        said = reading.string(reading.mapping(document, section), field)
        if said:
            yield Limit(f"{label}, as assessed: {said.strip().rstrip('.')}.", record.id)
    for field, label in (("failures", "When it fails"), ("foreseeable_misuse", "Misuse")):
        said = reading.string(document, field)
        if said:
            yield Limit(f"{label}, as assessed: {said.strip().rstrip('.')}.", record.id)
    for impact in reading.sequence(document, "impacts"):
        if isinstance(impact, Mapping) and impact.get("kind") == "harm":
            words = reading.string(impact, "description") or "not described"
            whom = reading.string(impact, "affected") or reading.string(impact, "on") or "somebody"
            rest = [
                reading.string(impact, f"residual_{name}") for name in ("likelihood", "severity")
            ]
            after = f"; after measures {', '.join(r for r in rest if r)}" if any(rest) else ""
            yield Limit(f"Harm to {whom}, as assessed: {words.rstrip('.')}{after}.", record.id)


def _of_use(uses: Sequence[Fact]) -> Iterator[Limit]:
    for fact in uses:
        if not fact.values and fact.label in (
            "Intended use",
            "Foreseeable misuse",
            "Affected people",
        ):
            yield Limit(f"{fact.label}: not recorded.")
    if any(fact.source == DECLARED for fact in uses):
        yield Limit("What the system is for comes, in part, from aims.yaml and not from the log.")


def _of_data(datasets: Sequence[Dataset], quality: Sequence[Checked]) -> Iterator[Limit]:
    if not datasets:
        yield Limit("No dataset recorded: what the model learned from is not known.")
    for data in datasets:
        lacking = [
            field
            for field, value in (
                ("source", data.source),
                ("licence", data.licence),
                ("purpose", data.purpose),
            )
            if value is None
        ]
        if lacking:
            yield Limit(
                f"Dataset {data.name or 'without a name'}: {', '.join(lacking)} not recorded.",
                data.record,
            )
    if datasets and not quality:
        yield Limit("No data quality evidence: no expectation was held against the data.")
    for checked in quality:
        if checked.failures or not checked.said.startswith("every expectation met"):
            yield Limit(f"Data quality of {checked.dataset}: {checked.said}.", checked.record)


def _of_figures(kind: str, taken: Measured) -> Iterator[Limit]:
    id_ = taken.record.id
    for words in taken.left_out:
        yield Limit(f"{kind.capitalize()}, left out: {words}.", id_)
    unknown = [f for f in taken.figures if f.value is None]
    if unknown:
        named = "; ".join(f"{f.measure} ({f.group_label})" for f in unknown[:6])
        more = f" and {len(unknown) - 6} more" if len(unknown) > 6 else ""
        yield Limit(f"{kind.capitalize()}: the data do not say {named}{more}.", id_)
    small: dict[str, int] = {}
    for f in taken.figures if kind != "drift" else ():  # whose figures are about columns
        if f.group is not None and not f.compares and f.n is not None and f.n < SMALL_GROUP:
            small[f.group_label] = min(f.n, small.get(f.group_label, f.n))
    if small:
        fewest = sorted(small.items(), key=lambda entry: entry[1])
        named = "; ".join(f"{group} ({plural(n, 'row')})" for group, n in fewest[:GROUPS_NAMED])
        others = len(fewest) - GROUPS_NAMED
        words = f"fewer than {SMALL_GROUP} rows behind some figures of {named}"
        words += f" and {plural(others, 'group')} more" if others > 0 else ""
        yield Limit(f"{kind.capitalize()}: {words}.", id_)
    if len({s.sha256 for s in taken.record.evidence.subjects if s.name.startswith("model:")}) > 1:
        yield Limit(
            f"{kind.capitalize()}: the run had several models, and the record names all.", id_
        )
    if kind == "drift" and taken.verdict not in (None, "no drift"):
        columns = [column.name for column in taken.columns if column.verdict == taken.verdict]
        where = f" for {', '.join(columns)}" if columns else ""
        yield Limit(f"Drift: the newest check says {taken.verdict}{where}.", id_)


def _of_capture(records: Sequence[Record]) -> Iterator[Limit]:
    code, run = newest(records, "code"), newest(records, "run")
    parameters = newest(records, "parameters")
    if code is None or reading.string(code.evidence.body, "commit") is None:
        yield Limit("The code's commit is not recorded.", code.id if code else None)
    elif code.evidence.body.get("dirty") is True:
        yield Limit("The code had uncommitted changes; only their digest is recorded.", code.id)
    if run is not None and reading.string(run.evidence.body, "status") == "failed":
        yield Limit("The newest run about this model failed.", run.id)
    if parameters is not None:
        left_out = reading.mapping(parameters.evidence.body, "left_out")
        for name, why in sorted(left_out.items()):
            if "recorded as" in str(why):
                continue  # a table or model among the arguments, which has a record of its own
            yield Limit(f"Parameter {name} is left out: {why}.", parameters.id)
    for record in records:
        if record.evidence.kind == "gap":
            yield Limit(f"Not captured: {summarise(record)}.", record.id)
        elif record.evidence.kind == "nonconformity":
            yield Limit(f"Nonconformity: {summarise(record)}.", record.id)
        elif record.evidence.kind == "waiver":
            yield Limit(f"Set aside by waiver: {summarise(record)}.", record.id)
        elif record.evidence.kind not in KINDS:
            kind = record.evidence.kind
            yield Limit(
                f"A record of kind {kind}, unknown to this version, is not shown.", record.id
            )


def _of_decisions(answers: Sequence[Answer]) -> Iterator[Limit]:
    kinds = {answer.kind for answer in answers}
    if "impact-assessment" not in kinds:
        yield Limit("No impact assessment recorded.")
    decision = next((answer for answer in answers if answer.kind == "decision"), None)
    if decision is None:
        yield Limit("No decision of the gate recorded.")
    elif decision.record.evidence.body.get("allowed") is not True:
        yield Limit(f"The newest decision of the gate: {decision.word}.", decision.record.id)
    if decision is None or not reading.mapping(decision.record.evidence.body, "consent"):
        yield Limit("No approval that the gate counted.", decision.record.id if decision else None)
