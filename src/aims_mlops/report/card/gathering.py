"""What a model's card is made of, read from the store."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aims_mlops.dossier.query import resolve_model
from aims_mlops.errors import ModelNotFoundError
from aims_mlops.evidence.kinds import CARD_BY_SYSTEM_KINDS
from aims_mlops.evidence.model_reference import ModelReference

if TYPE_CHECKING:
    from aims_mlops.evidence.records import Record
    from aims_mlops.evidence.store import EvidenceStore


def find_model(store: EvidenceStore, uri: str) -> ModelReference:
    """A digest as it is, or as a prefix of a captured model's; else what a plugin resolves."""
    digest = uri.removeprefix("sha256:")
    if re.fullmatch(r"[0-9a-f]{8,64}", digest):
        found = {
            subject.sha256: subject.name.removeprefix("model:")
            for record in store.find(kind="model")
            for subject in record.evidence.subjects
            if subject.name.startswith("model:") and subject.sha256.startswith(digest)
        }
        if len(found) != 1:
            raise ModelNotFoundError(
                f"model {uri}",
                got=f"{len(found)} captured models with this digest",
                expected="one",
                next_step="aims evidence list --kind model",
            )
        sha256, name = next(iter(found.items()))
        # A model that was never registered is known by an address, which is no name.
        return ModelReference(uri=uri, sha256=sha256, name=None if ":" in name else name)
    return resolve_model(uri)


def records_of_model(store: EvidenceStore, model: ModelReference) -> list[Record]:
    """What names the model's content, its runs' records, and what is said of its systems."""
    found = {record.id: record for record in store.find(subject=model.sha256)}
    if not found:
        raise ModelNotFoundError(
            f"model {model.uri}: the store has no evidence about it",
            got=f"content digest {model.sha256[:12]}",
            next_step="run its training under @aims.training, or check with aims status that "
            "this is the right store",
        )
    runs = {r.evidence.run for r in found.values() if r.evidence.kind == "model"} - {None}
    systems = {r.evidence.system for r in found.values()} - {None}
    for run in runs:
        found.update((record.id, record) for record in store.find(run=run))
    for system in systems:
        records = store.find(kind=CARD_BY_SYSTEM_KINDS, system=system)
        found.update((record.id, record) for record in records)
    return [*found.values(), *store.find(kind="anchor")]
