"""A bought-in AI system: no files of ours, but a version and terms that somebody can hold.

What is assessed, approved and decided about is the content of its supplier entries in aims.yaml:
name, what is provided, version, licence, and the digest of the terms. A new version or new terms
are another content, about which nobody has decided yet.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from aims_mlops.errors import InputError
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Evidence
from aims_mlops.inventory.declared.system import System
from aims_mlops.inventory.project import Project

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

PREFIX = "system:"
_FIELDS = ("name", "provides", "version", "licence", "sha256")


def bought_in(project: Project, system: str) -> ModelReference:
    """The system as its suppliers' versions and terms.

    Raises InputError for an unknown system, one without suppliers, or one whose supplier has no
    version or no digest of the terms.
    """
    entry = project.system(system)
    if entry is None:
        raise InputError(
            f"aims.yaml knows no AI system {system!r}",
            expected="one of " + (", ".join(s.id for s in project.systems) or "none yet"),
        )
    if not entry.suppliers:
        raise InputError(
            f"aims.yaml names no supplier of {system}, so that there is nothing to decide about",
            next_step=f"add suppliers to {system}: name, provides, version, sha256 of the terms",
        )
    for supplier in entry.suppliers:
        if not supplier.version or supplier.sha256 is None:
            raise InputError(
                f"the supplier {supplier.name!r} of {system} has no version or no terms",
                expected="version, and sha256: the SHA-256 of the contract or terms, as a file",
                next_step="sha256sum TERMS.pdf, then write it into aims.yaml",
            )
    return ModelReference(uri=f"{PREFIX}{system}", sha256=_content(entry))


def record_bought_in(
    store: EvidenceStore, project: Project, model: ModelReference, *, actor: str
) -> None:
    """Put what was bought into the log as the model that is decided about; once per content."""
    system = project.system(model.uri.removeprefix(PREFIX))
    if system is None or next(iter(store.find(kind="model", subject=model.sha256, limit=1)), None):
        return
    store.append(
        Evidence(
            kind="model",
            subjects=(model.subject,),
            body={
                "name": system.id,
                "sha256": model.sha256,
                "files": [],
                "framework": "bought-in",
                "suppliers": [s.model_dump(mode="json") for s in system.suppliers],
                "datasets": [],
            },
            actor=actor,
            claimed_at=now(),
            system=system.id,
        )
    )


def _content(system: System) -> str:
    content = {
        "aims_bought_in": 1,
        "system": system.id,
        "suppliers": [{name: getattr(s, name) for name in _FIELDS} for s in system.suppliers],
    }
    return hashlib.sha256(canonical(content)).hexdigest()
