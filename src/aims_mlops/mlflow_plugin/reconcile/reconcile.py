"""One reconciliation: registry against log, each difference recorded once, demoted if asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aims_mlops.dossier.query import gather
from aims_mlops.errors import GateUndecidedError, GovernanceError
from aims_mlops.evidence.clock import now, stamp
from aims_mlops.evidence.records import Evidence, Record
from aims_mlops.evidence.store import signed
from aims_mlops.gates.decision_validity import ValidDecision, valid_decision
from aims_mlops.inventory.actor import current_actor
from aims_mlops.inventory.project import Project, find_project
from aims_mlops.mlflow_plugin.reconcile.differences import (
    Difference,
    Placements,
    RegistryPromotion,
    difference_of,
    removed_elsewhere,
)
from aims_mlops.mlflow_plugin.reconcile.registry_contents import Registry
from aims_mlops.mlflow_plugin.registry.promotion_rules import Guard

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

FORMAT = "aims-reconciliation/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A difference, the nonconformity that it opened or found open, and what came of demoting."""

    difference: Difference
    nonconformity: str
    demoted: str | None = None
    not_demoted: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What one reconciliation found; `looked_at` promotions were held against the log."""

    registry: str
    at: str
    looked_at: int
    found: tuple[Found, ...]

    @property
    def exit_code(self) -> int:
        """0: registry and log agree. 1: they do not."""
        return 1 if self.found else 0

    def to_body(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "format": FORMAT,
            "registry": self.registry,
            "at": self.at,
            "looked_at": self.looked_at,
            "differences": [
                {
                    **one.difference.to_body(),
                    "nonconformity": one.nonconformity,
                    "demoted": one.demoted,
                    "not_demoted": one.not_demoted,
                }
                for one in self.found
            ],
        }


def reconcile(
    *, registry_uri: str | None = None, demote: bool = False, project: Project | None = None
) -> Reconciliation:
    """Hold the registry against the log; each difference is a nonconformity, recorded once.

    demote : also take away what is promoted and not allowed; a version under a production name is
        left to people, and so is what may be promoted but went past the gate.
    Raises StoreError if the log cannot be read, InputError or what MLflow raises if the registry
    cannot: then nothing is known, which is not the same as nothing found.
    """
    project = project if project is not None else find_project()
    store = signed(project.open_store())
    registry = Registry.at(registry_uri)
    said = Placements.of(store.find(kind="promotion"))
    held = list(registry.held(Guard()))
    found: list[Found] = []
    for one in held:
        difference = _difference(project, store, one, said)
        if difference is not None:
            found.append(_recorded(project, store, registry, difference, demote=demote))
    for record in said.set_but_missing(held, registry.names()):
        difference = removed_elsewhere(record)
        found.append(_recorded(project, store, registry, difference, demote=False))
        _note_removed(store, difference.held, project, found[-1].nonconformity, "seen to be gone")
    return Reconciliation(registry=registry.url, at=now(), looked_at=len(held), found=tuple(found))


def _difference(
    project: Project, store: EvidenceStore, held: RegistryPromotion, said: Placements
) -> Difference | None:
    known: tuple[Record, ...] = ()
    standing: ValidDecision | None = None
    if held.sha256 is not None:
        known = tuple(
            record
            for record in gather(store, held.sha256, None).records
            if held.sha256 in {subject.sha256 for subject in record.evidence.subjects}
        )
        if held.target is not None:
            standing = _standing(project, store, held.sha256, held.target)
    return difference_of(held, standing, said.about(held), known)


def _standing(
    project: Project, store: EvidenceStore, sha256: str, target: str
) -> ValidDecision | None:
    """None where no policy decides about the target, or the model belongs to two systems."""
    try:
        return valid_decision(store, sha256, target, project=project, now=datetime.now(UTC))
    except (GateUndecidedError, GovernanceError):
        return None


def _recorded(
    project: Project,
    store: EvidenceStore,
    registry: Registry,
    difference: Difference,
    *,
    demote: bool,
) -> Found:
    from aims_mlops.operations.nonconformity import open_nonconformity

    held = difference.held
    system = project.system_of_model(held.name)
    record = open_nonconformity(
        store,
        key=difference.key(registry.url),
        what=difference.what,
        detail="; ".join((difference.words, *difference.how)),
        next_step=difference.next_step,
        subjects=[difference.subject],
        system=system.id if system else None,
        severity=difference.severity,
        now=datetime.now(UTC),
    )
    if not demote or difference.severity == "minor":
        return Found(difference=difference, nonconformity=record.id)
    try:
        said = registry.demote(held)
    except Exception as error:  # noqa: BLE001  one refusal must not keep the others promoted
        why = f"{type(error).__name__}: {error}"
        return Found(difference=difference, nonconformity=record.id, not_demoted=why)
    _note_removed(store, held, project, record.id, said)
    return Found(difference=difference, nonconformity=record.id, demoted=said)


def _note_removed(
    store: EvidenceStore, held: RegistryPromotion, project: Project, nonconformity: str, said: str
) -> None:
    """The log's last word on the place: taken away, with the nonconformity that tells why."""
    system = project.system_of_model(held.name)
    subject = Difference(what="unknown-promotion", held=held, how=(), next_step="").subject
    store.append(
        Evidence(
            kind="promotion",
            version=2,
            subjects=(subject,),
            body={
                "decision": None,
                "alias": held.key,
                "route": held.route,
                "target": held.target,
                "model_uri": f"models:/{held.name}/{held.version or ''}",
                "model": held.sha256,
                "name": held.name,
                "version": held.version,
                "outcome": "removed",
                "said": f"by aims reconcile: {said}",
                "nonconformity": nonconformity,
            },
            actor=current_actor(project),
            claimed_at=stamp(datetime.now(UTC)),
            system=system.id if system else None,
        )
    )
