"""A model card from evidence only: every statement with the record that it comes from.

Pure: a model, its records and a time go in. What no record says is "not recorded"; nothing is
filled in, and what limits the model's evidence is said as plainly as what supports it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aims_mlops.evidence import clock
from aims_mlops.evidence.kinds import CARD_OF_RUN_KINDS, CARD_OF_SYSTEM_KINDS
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Record
from aims_mlops.evidence.store import StoreStatus
from aims_mlops.report.card import facts
from aims_mlops.report.card.columns import Checked, checked
from aims_mlops.report.card.decisions import Answer, answers
from aims_mlops.report.card.facts import Dataset, Fact
from aims_mlops.report.card.limits import Limit, limits
from aims_mlops.report.card.measures import Measured, measured
from aims_mlops.report.coverage.coverage import anchored_size
from aims_mlops.report.coverage.scope import Scope, digests_about


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The card's parts in the order in which it is read; `records` are newest first."""

    made_at: str
    model: ModelReference
    system: str | None
    details: tuple[Fact, ...]
    uses: tuple[Fact, ...]
    datasets: tuple[Dataset, ...]
    quality: tuple[Checked, ...]
    performance: tuple[Measured, ...]
    bias: tuple[Measured, ...]
    drift: tuple[Measured, ...]
    limits: tuple[Limit, ...]
    answers: tuple[Answer, ...]
    environment: tuple[Fact, ...]
    records: tuple[Record, ...]
    log: StoreStatus | None
    anchored: int | None
    single_user: bool = False

    @property
    def title(self) -> str:
        """The registered name and version; for a model that has none, its name and digest."""
        known = {fact.label: fact.text for fact in self.details}
        name = self.model.name or known["Name"] or "model"
        if name == "model" and self.system is not None:  # what capture calls one without a name
            name = f"model of {self.system},"
        version = self.model.version or known["Version"]
        return f"{name} version {version}" if version else f"{name} {self.model.sha256[:12]}"


def write_card(
    model: ModelReference,
    records: Iterable[Record],
    now: datetime,
    *,
    declared: Mapping[str, Any] | None = None,
    log: StoreStatus | None = None,
    single_user: bool = False,
) -> ModelCard:
    """Assemble the card.

    records : everything that names the model's digest, the records of its system, and anchors.
    declared : its system as aims.yaml has it now; used, and marked so, where the log says nothing.
    single_user : one person does everything in this project, which the card says.
    """
    ordered = Scope.of(records).records[::-1]
    system = _system(model, ordered)
    runs = {
        record.evidence.run
        for record in ordered
        if record.evidence.kind == "model" and model.sha256 in digests_about(record)
    }
    about = tuple(record for record in ordered if _concerns(record, model, system, runs))
    details = facts.details(model, about)
    uses = facts.uses(about, declared)
    datasets = facts.datasets(model, about)
    names = {data.sha256: data.name for data in datasets if data.sha256 and data.name}
    quality = checked(about, names)
    performance = measured(about, "performance", names)
    bias = measured(about, "bias", names)
    drift = measured(about, "drift", names)
    given = answers(about)
    return ModelCard(
        made_at=clock.stamp(now),
        model=model,
        system=system,
        details=details,
        uses=uses,
        datasets=datasets,
        quality=quality,
        performance=performance,
        bias=bias,
        drift=drift,
        limits=tuple(
            limits(
                about,
                uses,
                datasets,
                quality,
                {"performance": performance, "bias": bias, "drift": drift},
                given,
                log,
                single_user=single_user,
            )
        ),
        answers=given,
        environment=facts.environment(about),
        records=about,
        log=log,
        anchored=anchored_size(ordered),
        single_user=single_user,
    )


def _system(model: ModelReference, newest_first: Sequence[Record]) -> str | None:
    for record in newest_first:
        if record.evidence.system is not None and model.sha256 in digests_about(record):
            return record.evidence.system
    return None


def _concerns(
    record: Record, model: ModelReference, system: str | None, runs: set[str | None]
) -> bool:
    if model.sha256 in digests_about(record):
        return True
    evidence = record.evidence
    # The figures of a run that made the model must name it themselves: a run may make several.
    if evidence.kind in CARD_OF_RUN_KINDS and evidence.run is not None and evidence.run in runs:
        return True
    # Records of a system hold for every model of it; all others must name the model's content.
    of_system = evidence.kind in CARD_OF_SYSTEM_KINDS
    return of_system and system is not None and evidence.system == system
