"""Lines that several documents share, each from the records of one model. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from aims_mlops.evidence.records import Record
from aims_mlops.exports.basis.model_view import ModelView, body_of
from aims_mlops.exports.papers.paper import CURRENT_LINES, Line, Paper, Point, line
from aims_mlops.report.card.measures import Measured
from aims_mlops.report.render import reading
from aims_mlops.report.render.one_line import moment, summarise
from aims_mlops.report.render.reading import Figure

_SYSTEM = (
    "describe the AI system in aims.yaml, then train or ask the gate: aims gate MODEL --for TARGET"
)
_ASSESS = (
    "write it into the impact assessment: aims assess new SYSTEM, then "
    "aims assess submit --model MODEL"
)
_RUN = "train under @aims.training, so that the run is recorded"


class Sources:
    """Where the lines of documents about one model come from."""

    def __init__(self, view: ModelView) -> None:
        self.view = view
        self.system = view.newest("system")
        self.assessment = view.newest("impact-assessment")
        self.document: Mapping[str, Any] = reading.mapping(body_of(self.assessment), "document")

    def of_system(self, label: str, *fields: str) -> Line:
        """What aims.yaml said of the AI system when it was used; declared by its owner."""
        body = body_of(self.system)
        values = [text for field in fields for text in reading.texts(body, field)]
        found = line(label, self.system, values, _SYSTEM, by_person=True)
        owner = reading.string(body, "owner")
        if found.values and owner is not None:
            return Line(found.label, found.values, found.record, owner, found.next_step)
        return found

    def assessed(self, label: str, section: str, *fields: str) -> Line:
        """What the submitted impact assessment says in a section; all of it without fields."""
        said = self.document.get(section)
        values: list[str | None]
        if isinstance(said, Mapping):
            values = [reading.string(said, field) for field in fields or tuple(said)]
        elif isinstance(said, list | tuple):
            values = [_entry(entry) for entry in said if isinstance(entry, Mapping)]
        else:
            values = [reading.string(self.document, section)]
        return line(label, self.assessment, values, _ASSESS, by_person=True)

    def fact(self, label: str, kind: str, *fields: str, next_step: str = _RUN) -> Line:
        """Fields of the training run's record of a kind, else of the newest about the model."""
        record = self.view.of_run(kind) or self.view.newest(kind)
        body = body_of(record)
        return line(label, record, (t for f in fields for t in reading.texts(body, f)), next_step)

    def detail(self, label: str, of_card: str, *, next_step: str = _RUN) -> Line:
        """What the model's card says under a label, such as 'Signature'."""
        found = next((f for f in self.view.card.details if f.label == of_card), None)
        if found is None or not found.values or found.source is None:
            return Line(label, (), None, None, next_step)
        return Line(label, found.values, found.source, None, next_step)

    def datasets(self) -> Iterator[Line]:
        """A line for each dataset: role, size, origin, rights, purpose, digest."""
        for data in self.view.card.datasets:
            origin = [
                f"role: {data.role}" if data.role else None,
                f"{data.rows:,} rows" if data.rows is not None else None,
                f"{data.columns} columns" if data.columns is not None else None,
                f"source: {data.source}" if data.source else "source not recorded",
                f"licence: {data.licence}" if data.licence else "licence not recorded",
                f"purpose: {data.purpose}" if data.purpose else "purpose not recorded",
                f"SHA-256 {data.sha256}" if data.sha256 else None,
            ]
            values = tuple(text for text in origin if text)
            yield Line(f"Dataset {data.name or 'unnamed'}", values, data.record, None, "")
        if not self.view.card.datasets:
            yield Line("Datasets", (), None, None, "aims.dataset(data, name, source=…, licence=…)")

    def quality(self) -> Iterator[Line]:
        """A line for each suite of expectations that was held against the data."""
        for checked in self.view.card.quality:
            values = (checked.said, *checked.failures)
            yield Line(f"Data quality of {checked.dataset}", values, checked.record, None, "")
        if not self.view.card.quality:
            step = "check the data in the run: aims.dataset(data, name, suite=…)"
            yield Line("Data quality", (), None, None, step)

    def figures(self, title: str, measured: Sequence[Measured], *, groups: bool) -> Iterator[Line]:
        """Figures of one kind with intervals and counts: overall, or by and between groups."""
        some = False
        for entry in measured:
            chosen = [f for f in entry.figures if (f.group is not None) is groups]
            values = tuple(_figure(figure) for figure in chosen)
            if values:
                some = True
                on = f" on {entry.dataset}" if entry.dataset else ""
                yield Line(f"{title}{on}", values, entry.record.id, None, "")
        if not some:
            step = "measure it in the run: run.check(y_true=…, y_pred=…, sensitive=…)"
            yield Line(title, (), None, None, step)

    def events(self, label: str, records: Iterable[Record], next_step: str) -> Iterator[Line]:
        """A line for each event, newest first, cut at `CURRENT_LINES`."""
        found = list(records)[::-1]
        for record in found[:CURRENT_LINES]:
            said = f"{moment(record.received_at)}: {summarise(record)}"
            yield Line(f"{label}: {record.evidence.kind}", (said,), record.id, None, "")
        if len(found) > CURRENT_LINES:
            more = f"{len(found) - CURRENT_LINES} more in the log: aims evidence list"
            yield Line(label, (more,), found[CURRENT_LINES].id, None, "")
        if not found:
            yield Line(label, (), None, None, next_step)

    def limits(self) -> Iterator[Line]:
        """Each limitation that the records show."""
        for limit in self.view.card.limits:
            yield Line("Limitation", (limit.words,), limit.source, None, "")


Part: TypeAlias = tuple[str, str, str, Callable[[Sources], Iterator[Line]]]


def paper_of(view: ModelView, title: str, source: str, draft: str, parts: Iterable[Part]) -> Paper:
    """A document about one model. parts : number, title, what is asked, what makes its lines."""
    sources = Sources(view)
    return Paper(
        title=title,
        subject=f"{view.card.system or 'no AI system recorded'}: {view.card.title}",
        source=source,
        draft=draft,
        position=view.position,
        model=view.sha256,
        points=tuple(
            Point(n, name, about, tuple(lines(sources))) for n, name, about, lines in parts
        ),
    )


def ask(label: str, next_step: str) -> Line:
    """A line that no record can fill: what only a person can add to the document."""
    return Line(label, (), None, None, next_step)


def _figure(figure: Figure) -> str:
    where = "" if figure.group is None else f" ({figure.group_label})"
    if figure.value is None:
        return f"{figure.measure}{where}: the data do not say"
    said = f"{figure.measure}{where}: {figure.value:.4g}"
    if figure.low is not None and figure.high is not None:
        said += f", interval {figure.low:.4g} to {figure.high:.4g}"
    return said + (f", n {figure.n:,}" if figure.n is not None else "")


def _entry(entry: Mapping[str, Any]) -> str:
    """An entry of a list of the assessment, such as an impact, as one sentence of its fields."""
    parts = [
        f"{name.replace('_', ' ')}: {text}"
        for name, value in entry.items()
        if (text := reading.text(", ".join(map(str, value)) if isinstance(value, list) else value))
    ]
    return "; ".join(parts)
