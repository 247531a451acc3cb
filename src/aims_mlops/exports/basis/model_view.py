"""Everything that the log says of one model at one position: what exports about a model read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import ModelNotFoundError
from aims_mlops.evidence import clock
from aims_mlops.evidence.kind_spec import Theme
from aims_mlops.evidence.kinds import CARD_BY_SYSTEM_KINDS, kinds_with
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.exports.basis.position import Position, position_of
from aims_mlops.report.card.card import ModelCard, write_card
from aims_mlops.report.card.facts import newest
from aims_mlops.report.card.gathering import find_model

if TYPE_CHECKING:
    from aims_mlops.evidence.records import Record
    from aims_mlops.evidence.store import EvidenceStore

OPERATION_KINDS = kinds_with(lambda spec: spec.theme is Theme.OPERATION)
RECORDS_OF_A_KIND = 1_000  # the newest; how many more there are is said


@dataclass(frozen=True)
class ModelView:
    """A model's card at a position of the log, and the records behind it, newest first.

    operation : of its system: deployments, monitoring, incidents, in the order of the log.
    left_out : {kind: records, at least} beyond the newest `RECORDS_OF_A_KIND`: not looked at.
    """

    position: Position
    card: ModelCard
    left_out: Mapping[str, int]
    operation: tuple[Record, ...] = ()

    @property
    def sha256(self) -> str:
        """The content digest of the model."""
        return self.card.model.sha256

    def newest(self, *kinds: str) -> Record | None:
        """The newest record of these kinds about the model, its runs or its system."""
        return newest(self.card.records, *kinds)

    def body(self, *kinds: str) -> Mapping[str, Any]:
        """The body of that record; empty where there is none."""
        return body_of(self.newest(*kinds))

    @cached_property
    def training_run(self) -> Record | None:
        """The run that recorded the model, one of training before others, the newest of those."""
        makers = {r.evidence.run for r in self.of_kind("model") if r.evidence.run is not None}
        runs = [r for r in self.of_kind("run") if r.evidence.run in makers]
        trained = [r for r in runs if r.evidence.body.get("activity") == "training"]
        return next(iter([*reversed(trained), *reversed(runs)]), None)

    def of_run(self, kind: str) -> Record | None:
        """The newest record of a kind that the training run made."""
        run = self.training_run.evidence.run if self.training_run is not None else None
        made = [r for r in self.of_kind(kind) if run is not None and r.evidence.run == run]
        return made[-1] if made else None

    def of_kind(self, kind: str) -> list[Record]:
        """The records of a kind, in the order of the log."""
        return [r for r in reversed(self.card.records) if r.evidence.kind == kind]


def body_of(record: Record | None) -> Mapping[str, Any]:
    """The body of a record; empty where there is none."""
    return record.evidence.body if record is not None else {}


def model_view(store: EvidenceStore, uri: str) -> ModelView:
    """What the log says of a model: a URI, a path, or the SHA-256 of its content.

    aims.yaml is not read: the same position says the same wherever it is read.
    Raises ModelNotFoundError if the log has no evidence of it.
    """
    status = store.status()
    sha256 = find_model(store, uri).sha256
    reference = ModelReference(uri=f"sha256:{sha256}", sha256=sha256)
    if status.size == 0 or next(iter(store.find(subject=sha256, limit=1)), None) is None:
        raise ModelNotFoundError(
            f"model {uri}: the store has no evidence about it",
            got=f"content digest {sha256[:12]}",
            next_step="aims evidence list --kind model",
        )
    position = position_of(store, status)
    kept: dict[str, Record] = {}
    left_out: Counter[str] = Counter()

    def take(records: Iterable[Record]) -> None:
        seen: Counter[str] = Counter()
        for record in position.until(records):
            kind = record.evidence.kind
            seen[kind] += 1
            if seen[kind] <= RECORDS_OF_A_KIND:
                kept[record.id] = record
        for kind, count in seen.items():
            # The same records may come by their subject and by their system: the most counts.
            if count > RECORDS_OF_A_KIND:
                left_out[kind] = max(left_out[kind], count - RECORDS_OF_A_KIND)

    take(store.find(subject=sha256, newest_first=True))
    known = list(kept.values())
    for run in sorted({r.evidence.run or "" for r in known if r.evidence.kind == "model"} - {""}):
        take(store.find(run=run, newest_first=True))
    systems = sorted({r.evidence.system or "" for r in known} - {""})
    for system in systems:
        take(store.find(kind=CARD_BY_SYSTEM_KINDS, system=system, newest_first=True))
    take(store.find(kind="anchor", newest_first=True))
    for system in systems:
        take(store.find(kind=OPERATION_KINDS, system=system, newest_first=True))
    operation = sorted(
        (r for r in kept.values() if r.evidence.kind in OPERATION_KINDS), key=lambda r: r.sequence
    )
    card = write_card(reference, kept.values(), clock.parse(position.at), log=status)
    return ModelView(position, card, dict(sorted(left_out.items())), tuple(operation))
