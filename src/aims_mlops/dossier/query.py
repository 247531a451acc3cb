"""Reading from the store everything that is about one model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aims_mlops.dossier.bought_in import PREFIX, bought_in
from aims_mlops.dossier.dossier import Dossier
from aims_mlops.errors import GovernanceError, ModelNotFoundError
from aims_mlops.evidence.kinds import CONSENT_KINDS, WITH_SYSTEM_KINDS
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Record
from aims_mlops.evidence.store import signed
from aims_mlops.inventory.declared.system import System
from aims_mlops.inventory.project import Project, find_project
from aims_mlops.inventory.renames import KIND as RENAME
from aims_mlops.inventory.renames import Names
from aims_mlops.policy.policy import Policy

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})\Z")


def resolve_model(uri: str) -> ModelReference:
    """The model behind a URI, a bare content digest `sha256:…`, or a bought-in `system:ID`.

    Raises ModelNotFoundError; InputError for a system that has no version and terms.
    """
    from aims_mlops.plugins import hooks

    if digest := _DIGEST.match(uri):
        return ModelReference(uri=uri, sha256=digest[1])
    if uri.startswith(PREFIX):
        return bought_in(find_project(), uri.removeprefix(PREFIX))
    found = hooks().resolve_model(uri=uri)
    if not isinstance(found, ModelReference):
        raise ModelNotFoundError(
            f"no plugin knows a model behind {uri!r}",
            expected="models:/NAME/VERSION, models:/NAME@ALIAS, runs:/…, a path or sha256:…",
            next_step="aims plugins",
        )
    return found


def gather(store: EvidenceStore, model: str, system: str | None) -> Dossier:
    """Every record about a model digest, its runs, datasets and system, and all consent."""
    store = signed(store)
    records: dict[str, Record] = {}

    def take(**filters: object) -> None:
        for record in store.find(**filters):  # type: ignore[arg-type]
            records[record.id] = record

    take(subject=model)
    first = Dossier.of(model, system, records.values())
    for run in sorted(first.model_runs):
        take(run=run)
    for dataset in Dossier.of(model, system, records.values()).datasets:
        take(subject=dataset)
    if system is not None:
        take(kind=RENAME)
        for name in Names(records.values()).of(system):
            take(system=name, kind=WITH_SYSTEM_KINDS)
    take(kind=(*CONSENT_KINDS, "policy"))
    return Dossier.of(model, system, records.values())


def with_assessed(
    store: EvidenceStore, dossier: Dossier, policy: Policy, *, size: int | None = None
) -> Dossier:
    """The dossier with everything about the model whose assessment a policy may keep.

    size : of the log at the moment that is asked about; without it, now. The dossier as it is, if
        the policy has no tolerance or no other model was assessed by then.
    """
    then = [r for r in dossier.records if size is None or r.sequence < size]
    known = Dossier.of(dossier.model, dossier.system, then)
    if policy.assessment.tolerance is None or known.assessed_before is None:
        return dossier
    other = gather(store, known.assessed_before, dossier.system).records
    later = {r.id for r in other if size is not None and r.sequence >= size}
    about = [r for r in other if r.id not in later]
    return Dossier.of(dossier.model, dossier.system, (*dossier.records, *about))


def system_of(project: Project, store: EvidenceStore, model: ModelReference) -> System | None:
    """The AI system that a model belongs to: as its run said, else by its registered name.

    Raises GovernanceError if the two disagree: a name must not move a model into another system.
    """
    store = signed(store)
    names = Names(store.find(kind=RENAME))
    recorded = {
        names.current(record.evidence.system)
        for record in store.find(kind="model", subject=model.sha256)
        if record.evidence.system is not None
    }
    by_name = project.system_of_model(model.name) if model.name else None
    if by_name is not None:
        recorded.add(by_name.id)
    if len(recorded) > 1:
        raise GovernanceError(
            f"the model {model.uri} belongs to more than one AI system",
            got=" and ".join(sorted(recorded)),
            expected="one",
            next_step="train it again for one system, or correct `models:` in aims.yaml",
        )
    return project.system(recorded.pop()) if recorded else None
