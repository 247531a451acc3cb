"""The card's figures: overall, by group with intervals, and between groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aims_mlops.evidence.records import Record
from aims_mlops.report.card.columns import ColumnDrift, column_drift
from aims_mlops.report.render import reading
from aims_mlops.report.render.reading import Figure


@dataclass(frozen=True, slots=True)
class ByGroup:
    """One measure in each group; `axis` is what a drawing of it spans."""

    measure: str
    overall: Figure | None
    groups: tuple[Figure, ...]
    axis: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Measured:
    """One record of figures, taken apart for reading.

    dataset : name or digest of what was measured.  settings : what decided the figures.
    columns : of a drift check, worst first.  left_out : what is not said, and why, in sentences.
    """

    record: Record
    task: str | None
    dataset: str | None
    verdict: str | None
    overall: tuple[Figure, ...]
    comparisons: tuple[Figure, ...]
    by_group: tuple[ByGroup, ...]
    columns: tuple[ColumnDrift, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    libraries: tuple[str, ...]

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All figures: overall, comparisons, by group."""
        grouped = tuple(figure for table in self.by_group for figure in table.groups)
        return (*self.overall, *self.comparisons, *grouped)


def measured(
    newest_first: Sequence[Record], kind: str, names: Mapping[str, str] | None = None
) -> tuple[Measured, ...]:
    """The newest record of this kind for each dataset and task; older ones are in the log.

    names : content digest of a dataset to its name, for records that give only the digest.
    """
    found: dict[tuple[str | None, str | None], Measured] = {}
    for record in newest_first:
        if record.evidence.kind == kind:
            entry = _take_apart(record, names or {})
            found.setdefault((entry.dataset, entry.task), entry)
    return tuple(found.values())


def _take_apart(record: Record, names: Mapping[str, str]) -> Measured:
    body = record.evidence.body
    figures = reading.figures(record)
    dataset = _dataset(body)
    overall = tuple(figure for figure in figures if figure.group is None)
    grouped: dict[str, list[Figure]] = {}
    for figure in figures:
        if figure.group is not None and not figure.compares:
            grouped.setdefault(figure.measure, []).append(figure)
    whole = {figure.measure: figure for figure in overall}
    return Measured(
        record=record,
        task=reading.string(body, "task"),
        dataset=names.get(dataset, dataset) if dataset is not None else None,
        verdict=_verdict(body),
        overall=overall,
        comparisons=tuple(figure for figure in figures if figure.compares),
        by_group=tuple(
            ByGroup(measure, whole.get(measure), tuple(groups), axis_of(groups, whole.get(measure)))
            for measure, groups in grouped.items()
        ),
        columns=column_drift(record) if record.evidence.kind == "drift" else (),
        left_out=tuple(_sentences(body, "left_out")),
        notes=reading.texts(body, "notes"),
        libraries=tuple(f"{n} {v}" for n, v in sorted(reading.mapping(body, "libraries").items())),
    )


def axis_of(groups: Sequence[Figure], overall: Figure | None) -> tuple[float, float]:
    """0 to 1 for rates; else from the least to the greatest value or bound, zero included."""
    figures = [*groups, overall] if overall is not None else list(groups)
    values = [v for f in figures for v in (f.value, f.low, f.high) if v is not None]
    if all(0 <= value <= 1 for value in values):
        return (0.0, 1.0)
    return (min(0.0, *values), max(0.0, *values))


def _dataset(body: Mapping[str, Any]) -> str | None:
    inner = reading.mapping(body, "dataset") or reading.mapping(body, "current")
    if inner:
        return reading.string(inner, "name") or reading.string(inner, "sha256")
    return reading.string(body, "dataset") or reading.string(body, "current")


def _verdict(body: Mapping[str, Any]) -> str | None:
    inner = reading.mapping(body, "verdict")
    return reading.string(inner, "verdict") if inner else reading.string(body, "verdict")


def _sentences(body: Mapping[str, Any], name: str) -> list[str]:
    """Entries such as {'what', 'why', 'n'}, {name: why} or plain text, as sentences."""
    value = body.get(name)
    if isinstance(value, Mapping):
        return [f"{what}: {why}" for what, why in value.items()]
    said = []
    for entry in reading.sequence(body, name):
        if isinstance(entry, Mapping):
            rows = reading.count(entry, "n")
            what = reading.string(entry, "what") or "something"
            why = reading.string(entry, "why") or "no reason recorded"
            said.append(f"{what}{f' ({rows:,} rows)' if rows is not None else ''}: {why}")
        elif isinstance(entry, str):
            said.append(entry)
    return said
