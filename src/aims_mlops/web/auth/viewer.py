"""Who looks at a page: a person of aims.yaml behind a session."""

from __future__ import annotations

from dataclasses import dataclass

from aims_mlops.inventory.project import Project
from aims_mlops.web.auth.doorkeeper import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """systems : ids that they may see; None for every one.  session : id of their session."""

    person: str
    name: str
    roles: frozenset[str]
    systems: frozenset[str] | None
    csrf: str
    session: str


def viewer_of(project: Project, session: Session) -> Viewer | None:
    """The person of a session as aims.yaml names them now; None if it no longer does."""
    person = project.person(session.person)
    if person is None:
        return None
    held = set(person.roles)
    human = project.human(person.id)
    for system in project.systems:
        if system.owner and project.human(system.owner) == human:
            held.add("owner")
        if system.risk_owner and project.human(system.risk_owner) == human:
            held.add("risk-owner")
    return Viewer(
        person=person.id,
        name=person.name or person.id,
        roles=frozenset(held),
        systems=session.systems,
        csrf=session.csrf,
        session=session.id,
    )
