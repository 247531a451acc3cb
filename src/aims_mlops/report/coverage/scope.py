"""What the evidence of a report is held against: the runs, models, datasets and promotions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from aims_mlops.evidence.records import Record
from aims_mlops.operations.in_use import promotions_that_happened
from aims_mlops.report.render import reading


@dataclass(frozen=True)
class Scope:
    """Every record of a report, in the order of the log."""

    records: tuple[Record, ...]

    @classmethod
    def of(cls, records: Iterable[Record]) -> Scope:
        """Each record once, in the order of the log."""
        once = {record.id: record for record in records}
        return cls(tuple(sorted(once.values(), key=lambda record: record.sequence)))

    def of_kind(self, *kinds: str) -> Iterator[Record]:
        """The records of these kinds, in the order of the log."""
        return (record for record in self.records if record.evidence.kind in kinds)

    @cached_property
    def runs(self) -> dict[str, str]:
        """Every run that any evidence names, but those of monitoring: id to its name."""
        found: dict[str, str] = {}
        monitored = {record.evidence.run for record in self.of_kind("monitoring-run")}
        for record in self.records:
            run = record.evidence.run
            if run is not None and run not in monitored:
                found.setdefault(run, run)
                if record.evidence.kind == "run":
                    found[run] = reading.string(record.evidence.body, "name") or run
        return found

    @cached_property
    def models(self) -> dict[str, str]:
        """Every model that was captured: content digest to its name."""
        return self._by_digest("model")

    @cached_property
    def datasets(self) -> dict[str, str]:
        """Every dataset that was recorded, or that a model names: content digest to its name."""
        found = self._by_digest("dataset")
        for record in self.of_kind("model"):
            for entry in reading.sequence(record.evidence.body, "datasets"):
                if isinstance(entry, dict):
                    digest = reading.string(entry, "sha256")
                    if digest is not None:
                        found.setdefault(digest, reading.string(entry, "name") or digest[:12])
        return found

    @cached_property
    def promotions(self) -> tuple[Record, ...]:
        """Promotions that happened: what failed, and what took one away, promoted nothing."""
        return promotions_that_happened(self.records)

    @cached_property
    def run_of_model(self) -> dict[str, set[str]]:
        """Content digest of a model to the runs that recorded it."""
        found: dict[str, set[str]] = {}
        for record in self.of_kind("model"):
            if record.evidence.run is not None:
                found.setdefault(digest_of(record), set()).add(record.evidence.run)
        return found

    def _by_digest(self, kind: str) -> dict[str, str]:
        return {
            digest_of(record): reading.string(record.evidence.body, "name")
            or digest_of(record)[:12]
            for record in self.of_kind(kind)
        }


def digest_of(record: Record) -> str:
    """The content digest that a model or dataset record is about."""
    return reading.string(record.evidence.body, "sha256") or record.evidence.subjects[0].sha256


def digests_about(record: Record) -> set[str]:
    """Every digest a record is about: its subjects, and the model or dataset its body names."""
    found = {subject.sha256 for subject in record.evidence.subjects}
    body = record.evidence.body
    for name in ("model", "dataset", "current", "reference", "sha256"):
        value = body.get(name)
        if isinstance(value, dict):
            value = value.get("sha256")
        if isinstance(value, str):
            found.add(value)
    return found
