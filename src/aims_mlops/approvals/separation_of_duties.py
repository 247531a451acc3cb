"""Who has to do with a model and its assessment, and what happened since. Pure."""

from __future__ import annotations

from aims_mlops.approvals.consent import Involved
from aims_mlops.dossier.dossier import Dossier
from aims_mlops.evidence.bodies.consent import ImpactAssessmentBody
from aims_mlops.evidence.bodies.decision import DecisionBody
from aims_mlops.evidence.bodies.operation import IncidentBody


def involved_in(dossier: Dossier, requester: str) -> Involved:
    """Who wrote, submitted, trained and asks, by the names in the records."""
    assessment = dossier.assessment
    author = ImpactAssessmentBody.of(assessment).author if assessment is not None else None
    return Involved(
        author=frozenset((author,)) if author else frozenset(),
        submitter=frozenset((assessment.evidence.actor,)) if assessment else frozenset(),
        trainer=dossier.trainers,
        requester=frozenset(name for name in (requester, *_who_broke_glass(dossier)) if name),
    )


def last_incident(dossier: Dossier) -> int:
    """Sequence of the last incident of the system, which re-opens every assessment; -1: none.

    What is done about an incident afterwards is no new one.
    """
    return max(
        (
            record.sequence
            for record in dossier.of_kind("incident")
            if IncidentBody.of(record).step in (None, "open")
        ),
        default=-1,
    )


def _who_broke_glass(dossier: Dossier) -> list[str]:
    """Whoever went ahead without consent: the look afterwards is somebody else's."""
    return [
        record.evidence.actor
        for record in dossier.of_kind("decision")
        if DecisionBody.of(record).glass_was_broken
    ]
