"""What the card says column by column: expectations that were held, and drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aims_mlops.evidence.bodies.data import DataQualityBody
from aims_mlops.evidence.records import Record
from aims_mlops.report.render import reading
from aims_mlops.report.render.one_line import expectations, outcome_of, plural, suite_of

# Worst first; a verdict of another name comes after these.
_ORDER = ("drift", "insufficient", "no drift")


@dataclass(frozen=True, slots=True)
class Checked:
    """One suite of expectations on one dataset; `failures` are those that did not pass."""

    record: str
    dataset: str
    suite: str | None
    said: str
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """One column of a drift check: the size of its change, the limit, and the verdict."""

    name: str
    verdict: str
    measure: str | None
    effect: float | None
    threshold: float | None
    reason: str | None


def checked(newest_first: Sequence[Record], names: Mapping[str, str]) -> tuple[Checked, ...]:
    """The newest outcome of each suite on each dataset.

    names : content digest of a dataset to its name.
    """
    found: dict[tuple[str, str | None], Checked] = {}
    for record in newest_first:
        if record.evidence.kind == "data-quality":
            entry = _checked(record, names)
            found.setdefault((entry.dataset, entry.suite), entry)
    return tuple(found.values())


def column_drift(record: Record) -> tuple[ColumnDrift, ...]:
    """Every column of a drift check, worst first; empty for a record of another shape."""
    found = [
        ColumnDrift(
            name=str(name),
            verdict=reading.string(entry, "verdict") or "no verdict",
            measure=reading.string(entry, "effect_method") or reading.string(entry, "method"),
            effect=reading.number(entry, "effect"),
            threshold=reading.number(entry, "threshold"),
            reason=reading.string(entry, "reason"),
        )
        for name, entry in reading.mapping(record.evidence.body, "columns").items()
        if isinstance(entry, Mapping)
    ]
    rank = {verdict: place for place, verdict in enumerate(_ORDER)}
    return tuple(sorted(found, key=lambda c: (rank.get(c.verdict, len(rank)), c.name)))


def _checked(record: Record, names: Mapping[str, str]) -> Checked:
    body, quality = record.evidence.body, DataQualityBody.of(record)
    inner = reading.mapping(body, "dataset")
    digest = reading.string(inner, "sha256") or reading.string(body, "dataset")
    dataset = names.get(digest or "") or reading.string(inner, "name") or digest or "Dataset"
    return Checked(
        record=record.id,
        dataset=dataset,
        suite=suite_of(quality),
        said=outcome_of(quality),
        failures=tuple(
            _failure(entry) for entry in expectations(quality) if entry.get("status") != "pass"
        ),
    )


def _failure(entry: Mapping[str, Any]) -> str:
    """Such as 'expect_column_values_to_not_be_null of age: fail, 12 of 442 rows'."""
    column = reading.string(entry, "column")
    text = reading.string(entry, "type") or "an expectation"
    text += f" of {column}" if column else ""
    text += f": {reading.string(entry, 'status') or 'no outcome'}"
    unexpected, rows = (reading.count(entry, n) for n in ("unexpected_count", "element_count"))
    if unexpected is not None and rows is not None:
        text += f", {unexpected:,} of {plural(rows, 'row')}"
    problem = reading.string(entry, "problem")
    return f"{text}; {problem}" if problem else text
