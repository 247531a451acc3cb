"""Incidents of an AI system: what happened to whom, who was told, and how it ended.

Every step is a record of kind `incident`; the first opens it and re-opens the impact assessment of
the system. People are counted and named by group, never one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from aims_mlops.errors import GovernanceError, InputError
from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.inventory.renames import of_system
from aims_mlops.operations import lifecycle
from aims_mlops.operations.lifecycle import sentence

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore
    from aims_mlops.inventory.project import Project

Severity = Literal["minor", "major", "critical"]
SEVERITIES = ("minor", "major", "critical")
KIND = "incident"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident as it stands after every step so far.

    affected : how many people; None where nobody knows yet.  groups : which groups of people.
    told : who was told when, in which words (A.8.4).  assessment : the record that it re-opened.
    """

    opened: Record
    title: str
    severity: str
    state: str
    affected: int | None
    groups: tuple[str, ...]
    told: tuple[dict[str, Any], ...]
    assessment: str | None
    outcome: str | None
    steps: tuple[Record, ...]

    @property
    def id(self) -> str:
        """The id of the record that opened it."""
        return self.opened.id

    @property
    def system(self) -> str | None:
        """The AI system that it is about."""
        return self.opened.evidence.system

    @property
    def is_open(self) -> bool:
        """Whether it has not been closed."""
        return self.state != "closed"

    def to_body(self) -> dict[str, Any]:
        """JSON values for `--json`."""
        return {
            "id": self.id,
            "title": self.title,
            "system": self.system,
            "severity": self.severity,
            "state": self.state,
            "opened_at": self.opened.received_at,
            "affected": self.affected,
            "groups": list(self.groups),
            "told": list(self.told),
            "assessment": self.assessment,
            "outcome": self.outcome,
            "steps": [record.id for record in self.steps],
        }


def open_incident(
    store: EvidenceStore,
    project: Project,
    *,
    system: str,
    title: str,
    severity: Severity,
    actor: str,
    now: datetime,
    affected: int | None = None,
    groups: Sequence[str] = (),
) -> Record:
    """Record that something happened; the system's newest impact assessment is open again.

    Raises InputError for a system that aims.yaml does not know.
    """
    known = project.system(system)
    if known is None:
        raise InputError(
            "aims.yaml names no such AI system",
            got=repr(system),
            expected=", ".join(s.id for s in project.systems) or "systems in aims.yaml",
        )
    if not title.strip():
        raise InputError("an incident needs to say what happened", expected="a sentence")
    newest = next(
        store.find(kind="impact-assessment", system=known.id, newest_first=True, limit=1), None
    )
    return store.append(
        Evidence(
            kind=KIND,
            subjects=(Subject.of_name(f"system:{known.id}"),),
            body={
                "step": "open",
                "state": "open",
                "title": title.strip(),
                "severity": severity,
                **_people(affected, groups),
                "assessment": newest.id if newest else None,
            },
            actor=actor,
            claimed_at=stamp(now),
            system=known.id,
        )
    )


def update(
    store: EvidenceStore,
    incident: Incident,
    *,
    actor: str,
    now: datetime,
    note: str,
    severity: Severity | None = None,
    affected: int | None = None,
    groups: Sequence[str] = (),
) -> Record:
    """Say what is known by now."""
    said = {"note": sentence("the note", note), **_people(affected, groups)}
    if severity is not None:
        said["severity"] = severity
    return _record(store, incident, "update", incident.state, said, actor=actor, now=now)


def tell(
    store: EvidenceStore,
    incident: Incident,
    *,
    actor: str,
    now: datetime,
    whom: str,
    what: str,
    channel: str | None = None,
) -> Record:
    """Record that somebody was told (A.8.4): users, affected people, an authority."""
    words = {
        "whom": sentence("who was told", whom),
        "what": sentence("what they were told", what),
        "channel": channel,
        "at": stamp(now),
    }
    return _record(store, incident, "tell", incident.state, {"told": words}, actor=actor, now=now)


def close(
    store: EvidenceStore, incident: Incident, *, actor: str, now: datetime, outcome: str
) -> Record:
    """Close it with its outcome. A major one has told somebody first; raises GovernanceError."""
    if incident.severity != "minor" and not incident.told:
        raise GovernanceError(
            f"nobody was told of a {incident.severity} incident",
            next_step=f"aims incident tell {incident.id[:12]} --whom WHO --what TEXT",
        )
    said = {"outcome": sentence("the outcome", outcome)}
    return _record(store, incident, "close", "closed", said, actor=actor, now=now)


def incidents(store: EvidenceStore, *, system: str | None = None) -> list[Incident]:
    """Every incident of the log as it stands, oldest first."""
    return fold(of_system(store, system, KIND))


def find_incident(store: EvidenceStore, id_: str) -> Incident:
    """The one with this id or unique prefix; raises EvidenceNotFoundError."""
    return lifecycle.find(store, id_, KIND, incidents(store))


def fold(records: Iterable[Record]) -> list[Incident]:
    """What the records say, in the order of the log."""
    found: dict[str, Incident] = {}
    for record in records:
        if record.evidence.kind == KIND:
            lifecycle.take(found, record, opened=_opened, after=_after)
    return list(found.values())


def _opened(record: Record) -> Incident:
    body = record.evidence.body
    groups = body.get("groups")
    affected = body.get("affected")
    return Incident(
        opened=record,
        title=str(body.get("title") or "an incident"),
        severity=str(body.get("severity") or "major"),
        state=str(body.get("state") or "open"),
        affected=affected if isinstance(affected, int) else None,
        groups=tuple(map(str, groups)) if isinstance(groups, list) else (),
        told=(),
        assessment=body.get("assessment"),
        outcome=None,
        steps=(record,),
    )


def _after(before: Incident, record: Record) -> Incident:
    body = record.evidence.body
    told = body.get("told")
    groups = body.get("groups")
    return replace(
        before,
        state=str(body.get("state") or before.state),
        severity=str(body.get("severity") or before.severity),
        affected=body.get("affected", before.affected),
        groups=tuple(map(str, groups)) if isinstance(groups, list) else before.groups,
        told=(*before.told, told) if isinstance(told, dict) else before.told,
        outcome=body.get("outcome", before.outcome),
        steps=(*before.steps, record),
    )


def _record(
    store: EvidenceStore,
    incident: Incident,
    step: str,
    state: str,
    said: dict[str, Any],
    *,
    actor: str,
    now: datetime,
) -> Record:
    if not incident.is_open:
        raise GovernanceError(
            f"incident {incident.id[:12]} is closed",
            next_step="if it is back: aims incident open SYSTEM --title TEXT --severity major",
        )
    body = {"step": step, "state": state, **said}
    return lifecycle.carry_on(store, incident, body, actor=actor, now=now)


def _people(affected: int | None, groups: Sequence[str]) -> dict[str, Any]:
    if affected is not None and affected < 0:
        raise InputError("a number of people is not negative", got=str(affected))
    said: dict[str, Any] = {}
    if affected is not None:
        said["affected"] = affected
    if groups:
        said["groups"] = list(groups)
    return said
