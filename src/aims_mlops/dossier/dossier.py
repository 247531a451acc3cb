"""Everything the log says about one model, sorted by what it is about. Pure: no store here.

A record counts for a model only through digests: the model's own, those of its datasets, or the
run that wrote a `model` record with the model's digest. Names and versions lead nowhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from aims_mlops.evidence.bodies.consent import ImpactAssessmentBody
from aims_mlops.evidence.bodies.data import DatasetBody, ModelBody
from aims_mlops.evidence.bodies.run import RunBody
from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.evidence.kind_spec import Scope
from aims_mlops.evidence.kinds import SHOWN_KINDS, scope_of
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.renames import Names

# How the evidence root is made. 1: of all records of these kinds about the model or its datasets,
# whoever's run made them; approvals and decisions of that time name no rule. 2: `Dossier.shown`
# with what monitoring measured. 3: `Dossier.shown`.
EVIDENCE_RULE = 3


@dataclass(frozen=True)
class Dossier:
    """Records about one model, in the order of the log.

    model : content digest of the model (SHA-256, hex).  system : id of the AI system, if known.
    kept : the assessment of another model that the policy keeps for this one (`carry_over`).
    """

    model: str
    system: str | None
    records: tuple[Record, ...]
    kept: Record | None = None

    @classmethod
    def of(cls, model: str, system: str | None, records: Iterable[Record]) -> Dossier:
        """From records in any order, each counted once."""
        by_id = {record.id: record for record in records}
        ordered = sorted(by_id.values(), key=lambda record: (record.sequence, record.id))
        return cls(model, system, tuple(ordered))

    @cached_property
    def model_runs(self) -> frozenset[str]:
        """Ids of the runs that recorded this very model."""
        return frozenset(
            record.evidence.run
            for record in self.records
            if record.evidence.kind == "model" and self._is_subject(record) and record.evidence.run
        )

    @cached_property
    def datasets(self) -> tuple[str, ...]:
        """Digests of the datasets behind this model, sorted."""
        found: set[str] = set()
        for record in self.records:
            evidence = record.evidence
            if evidence.kind == "model" and self._is_subject(record):
                for dataset in ModelBody.of(record).datasets or ():
                    digest = dataset.get("sha256") if isinstance(dataset, dict) else None
                    if isinstance(digest, str):
                        found.add(digest)
            elif evidence.kind == "dataset" and evidence.run in self.model_runs:
                found.update(filter(None, (DatasetBody.of(record).sha256,)))
        return tuple(sorted(found))

    def of_kind(self, kind: str) -> tuple[Record, ...]:
        """The records of a kind that are about this model, its runs, data or system."""
        return self._by_kind.get(kind, ())

    def about_dataset(self, kind: str, dataset: str) -> tuple[Record, ...]:
        """The records of a kind about one of the datasets."""
        return tuple(r for r in self.of_kind(kind) if dataset in _digests(r))

    @cached_property
    def assessment(self) -> Record | None:
        """The impact assessment that was submitted last for this model, else the one it keeps."""
        found = self.of_kind("impact-assessment")
        return found[-1] if found else self.kept

    @cached_property
    def assessment_digest(self) -> str | None:
        """Digest of the content of the assessment that was submitted last."""
        return ImpactAssessmentBody.of(self.assessment).document_sha256 if self.assessment else None

    @cached_property
    def shown(self) -> tuple[Record, ...]:
        """What an approver is shown, in the order of the log; only this model's records change it.

        The records about the model and of its runs; and what other runs recorded about its
        datasets, up to the model's own last record: who prepares data does so before. What
        scheduled monitoring measured of the model in operation is judged by the rules on drift and
        open findings, and is none of what its approval is bound to.
        """
        return self._shown_by(EVIDENCE_RULE)

    def _shown_by(self, rule: int) -> tuple[Record, ...]:
        kinds = [record for kind in SHOWN_KINDS for record in self.of_kind(kind)]
        if rule >= 3:
            kinds = [record for record in kinds if not self._is_monitored(record)]
        own = [r for r in kinds if scope_of(r.evidence.kind) is not Scope.DATA or self._is_own(r)]
        last = max((record.sequence for record in own), default=-1)
        shown = {r.id: r for r in kinds if r.sequence <= last}
        return tuple(sorted(shown.values(), key=lambda record: record.sequence))

    def shown_of(self, kind: str) -> tuple[Record, ...]:
        """The records of one kind that an approver is shown."""
        return tuple(record for record in self.shown if record.evidence.kind == kind)

    @cached_property
    def evidence_root(self) -> str:
        """SHA-256 (hex) over the ids of everything that an approver is shown."""
        return self.root_by(EVIDENCE_RULE)

    def root_by(self, rule: int) -> str:
        """The evidence root by a rule of this or an earlier version."""
        if rule == EVIDENCE_RULE:
            shown = list(self.shown)
        elif rule == 2:
            shown = list(self._shown_by(2))
        else:
            shown = [r for kind in SHOWN_KINDS for r in self.of_kind(kind)]
        return evidence_root(shown if self.kept is None else [*shown, self.kept])

    def before(self, sequence: int) -> Dossier:
        """The dossier as the log had it before a record."""
        kept = self.kept if self.kept is not None and self.kept.sequence < sequence else None
        earlier = [record for record in self.records if record.sequence < sequence]
        return replace(Dossier.of(self.model, self.system, earlier), kept=kept)

    @cached_property
    def trainers(self) -> frozenset[str]:
        """Whoever ran the runs that made this model; an evaluation alone makes nobody a trainer."""
        runs = self.of_kind("run")
        evaluated = {r.evidence.run for r in runs if RunBody.of(r).activity == "evaluation"}
        return frozenset(
            record.evidence.actor
            for record in (*runs, *self.of_kind("model"))
            if record.evidence.run not in evaluated
        )

    @cached_property
    def other_models(self) -> tuple[str, ...]:
        """Digests of the system's other models in the log: attempts that were not put forward."""
        found = (
            ModelBody.of(record).sha256
            for record in self.records
            if record.evidence.kind == "model" and record.evidence.system in self._names
        )
        return tuple(sorted({d for d in found if d is not None} - {self.model}))

    @cached_property
    def assessed_models(self) -> tuple[str, ...]:
        """Digests of the system's other models that an assessment was submitted about, in order."""
        models = (
            ImpactAssessmentBody.of(record).model
            for record in self.records
            if record.evidence.kind == "impact-assessment" and record.evidence.system in self._names
        )
        return tuple(m for m in models if m is not None and m != self.model)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        """Every id that the system has had."""
        return Names(self.records).of(self.system) if self.system is not None else ()

    @property
    def assessed_before(self) -> str | None:
        """Digest of the model of this system whose assessment was submitted last, if another."""
        return self.assessed_models[-1] if self.assessed_models else None

    @cached_property
    def _by_kind(self) -> dict[str, tuple[Record, ...]]:
        found: dict[str, list[Record]] = {}
        for record in self.records:
            if self._is_about(record):
                found.setdefault(record.evidence.kind, []).append(record)
        return {kind: tuple(records) for kind, records in found.items()}

    def _is_own(self, record: Record) -> bool:
        return record.evidence.run is not None and record.evidence.run in self.model_runs

    def _is_monitored(self, record: Record) -> bool:
        """Whether a scheduled run of monitoring measured it, and no run that made the model."""
        return record.evidence.run in self._monitoring_runs and not self._is_own(record)

    @cached_property
    def _monitoring_runs(self) -> frozenset[str]:
        return frozenset(filter(None, (r.evidence.run for r in self.of_kind("monitoring-run"))))

    def _is_subject(self, record: Record) -> bool:
        return self.model in _digests(record)

    def _is_about(self, record: Record) -> bool:
        evidence = record.evidence
        scope = scope_of(evidence.kind)
        if scope is Scope.RUN:
            return evidence.run in self.model_runs
        if scope is Scope.DATA:
            return not _digests(record).isdisjoint(self.datasets)
        if scope is Scope.SYSTEM:
            return evidence.system in self._names
        return scope is Scope.EVERY_SYSTEM or self._is_subject(record)


def evidence_root(records: Iterable[Record]) -> str:
    """SHA-256 (hex) of the canonical JSON list of the records' ids, sorted."""
    ids: Sequence[str] = sorted({record.id for record in records})
    return hashlib.sha256(canonical(list(ids))).hexdigest()


def _digests(record: Record) -> frozenset[str]:
    return frozenset(subject.sha256 for subject in record.evidence.subjects)
