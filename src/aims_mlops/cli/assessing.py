"""What the `aims assess` commands share: the case that a person looks at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aims_mlops.assessments.review import ReviewContext, review_of
from aims_mlops.dossier.bought_in import PREFIX
from aims_mlops.dossier.dossier import Dossier
from aims_mlops.dossier.query import gather, resolve_model, system_of
from aims_mlops.errors import InputError
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.inventory.actor import current_actor
from aims_mlops.inventory.declared.system import System
from aims_mlops.inventory.project import Project, find_project

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore


def open_review(uri: str, target: str, policy: str | None) -> ReviewContext:
    """Resolve the model and read what the log says about it."""
    project = find_project()
    if policy is None and project.policy_source(project.target_name(target)) is None:
        raise InputError(
            f"no policy decides about the target {project.target_name(target)!r}",
            next_step="name it under targets in aims.yaml, or give --policy FILE",
        )
    return review_of(project, project.open_store(), resolve_model(uri), target, policy)


def acting(project: Project, person: str | None) -> str:
    """The stable id of whoever acts; `person` is what --as says."""
    if person is None:
        return current_actor(project)
    known = project.person(person)
    return known.id if known is not None else person


def known_system(project: Project, id_: str) -> System:
    """The AI system of this id; InputError if aims.yaml has none."""
    system = project.system(id_)
    if system is None:
        raise InputError(
            f"aims.yaml knows no AI system {id_!r}",
            expected="one of " + (", ".join(s.id for s in project.systems) or "none yet"),
            next_step="aims init",
        )
    return system


def known_dossier(project: Project, uri: str, system: str) -> Dossier:
    """What the log knows about a model of a system."""
    return gather(project.open_store(), resolve_model(uri).sha256, system)


def assessment_file(project: Project, store: EvidenceStore, model: ModelReference) -> Path:
    """The assessment file that aims.yaml names for the system of a model."""
    system = system_of(project, store, model)
    if system is None and model.uri.startswith(PREFIX):
        system = project.system(model.uri.removeprefix(PREFIX))
    if system is None or system.assessment is None:
        raise InputError(
            f"aims.yaml names no assessment file for {model.uri}",
            got="no AI system" if system is None else f"AI system {system.id}",
            next_step="aims assess submit FILE --model " + model.uri,
        )
    return project.root / system.assessment


def write_once(path: Path, text: str, uri: str | None) -> None:
    """Write a file that is not there, or says just this; raises InputError for any other."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        if _has(path, text):
            return
        again = f"aims assess refresh --model {uri or 'MODEL'}"
        raise InputError(
            f"{path} is there already, and is another than would be written now",
            next_step=f"go on with it ({again} fills in what the log knows), or --output FILE",
        ) from None


def _has(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text
    except (OSError, ValueError):
        return False
