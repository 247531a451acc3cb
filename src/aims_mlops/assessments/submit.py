"""Submitting an assessment about a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aims_mlops.assessments.document import TEXT_FIELDS, Assessment
from aims_mlops.assessments.lint import assessment_in, refuse_incomplete, residual_impact
from aims_mlops.documents.document import Document
from aims_mlops.documents.problems import Problem, did_you_mean, refuse
from aims_mlops.documents.reading import read_document
from aims_mlops.dossier.bought_in import PREFIX, record_bought_in
from aims_mlops.dossier.declarations import declare_system
from aims_mlops.dossier.query import system_of
from aims_mlops.errors import GovernanceError, InputError
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.inventory.declared.system import System
from aims_mlops.inventory.project import Project
from aims_mlops.policy.grammar import ImpactScale

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore


def submit(
    project: Project,
    store: EvidenceStore,
    path: Path,
    model: ModelReference,
    *,
    actor: str,
    scale: ImpactScale | None = None,
) -> Record:
    """Put an assessment file into the log as being about this model.

    Raises DocumentError with every line that is missing for the system's risk tier, InputError
    if the system is not in aims.yaml, GovernanceError if the model belongs to another system.
    """
    return submit_document(project, store, read_document(path), model, actor=actor, scale=scale)


def submit_document(
    project: Project,
    store: EvidenceStore,
    document: Document,
    model: ModelReference,
    *,
    actor: str,
    scale: ImpactScale | None = None,
) -> Record:
    """`submit` of a document that was read or that is no file."""
    assessment = assessment_in(document)
    system = project.system(assessment.system)
    if system is None:
        raise InputError(
            f"{document.path} is about an AI system that aims.yaml does not know",
            got=repr(assessment.system),
            expected="one of " + (", ".join(s.id for s in project.systems) or "none yet"),
            next_step="aims init",
        )
    scale = scale or ImpactScale()
    refuse_incomplete(assessment, document, risk_tier=system.risk_tier, scale=scale)
    if project.people and project.person(assessment.author) is None:
        known = [person.id for person in project.people]
        hint = did_you_mean(assessment.author, known)
        problem = Problem(
            ("author",), "author is nobody that aims.yaml names", repr(assessment.author), hint=hint
        )
        refuse(document, [problem], "write the id of a person in aims.yaml, or add the person")
    owner = system_of(project, store, model)
    if owner is not None and owner.id != system.id:
        raise GovernanceError(
            "the assessment is about another AI system than the model",
            got=system.id,
            expected=owner.id,
            next_step=f"aims assess new {owner.id}",
        )
    declare_system(store, system, actor=actor)
    if model.uri.startswith(PREFIX):
        record_bought_in(store, project, model, actor=actor)
    return store.append(
        Evidence(
            kind="impact-assessment",
            subjects=(
                model.subject,
                Subject.of_name(f"system:{system.id}"),
                Subject(f"assessment:{system.id}", assessment.digest),
            ),
            body=_body(assessment, system, model, scale),
            actor=actor,
            claimed_at=now(),
            system=system.id,
        )
    )


def _body(
    assessment: Assessment, system: System, model: ModelReference, scale: ImpactScale
) -> dict[str, object]:
    residual = [
        residual_impact(impact, scale) for impact in assessment.impacts if impact.kind == "harm"
    ]
    known = [figure for figure in residual if figure is not None]
    return {
        "document": assessment.model_dump(mode="json"),
        "document_sha256": assessment.digest,
        "state": "submitted",
        "author": assessment.author,
        "system": system.id,
        "risk_tier": system.risk_tier,
        "intended_use": system.intended_use,
        "model": model.sha256,
        "model_uri": model.uri,
        "impact_scale": scale.model_dump(mode="json"),
        # Not stated as long as one harm has no residual figure.
        "residual_impact_max": max(known) if known and len(known) == len(residual) else None,
        "fields": {path: assessment.provenance(path) for path in TEXT_FIELDS},
    }
