"""Administration, as far as the log and aims.yaml tell it: people, keys, log, anchors, spool."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aims_mlops.approvals.keys.enrolment import Enrolments
from aims_mlops.evidence.kinds import PEOPLE_KINDS
from aims_mlops.store.disk.spool import pending, set_aside
from aims_mlops.web.pages.reading import Reading, brief
from aims_mlops.web.render.environment import address


def people(reading: Reading) -> dict[str, Any]:
    """Everybody in aims.yaml with roles and keys, and the roles handed over.

    Who may see some systems only sees the people of those.
    """
    humans = reading.project.humans
    records = list(reading.store.find(kind=PEOPLE_KINDS))
    enrolments = Enrolments.of(records, humans)
    keys: dict[str, list[dict[str, Any]]] = {}
    for entry in enrolments.entries:
        ended = enrolments.ended(entry)
        keys.setdefault(entry.human, []).append(
            {
                "key": entry.key,
                "enrolled_at": entry.record.received_at,
                "confirmed_by": [by for by, _ in entry.confirmations],
                "good": enrolments.is_good(entry.human, entry.key),
                "ended_at": ended.record.received_at if ended else None,
                "page": address("records", entry.record.id),
            }
        )
    everyone = reading.viewer.systems is None
    named = {id_ for s in reading.systems for id_ in (s.owner, s.risk_owner)}
    return {
        "people": [
            {
                "id": person.id,
                "name": person.name,
                "roles": list(person.roles),
                "acts_for": person.acts_for,
                "keys": keys.pop(person.id, []),
            }
            for person in reading.project.people
            if everyone or person.id in named
        ],
        "strangers": [{"id": i, "keys": found} for i, found in keys.items() if everyone],
        "delegations": [
            brief(r) | {"body": dict(r.evidence.body), "page": address("records", r.id)}
            for r in records
            if everyone and r.evidence.kind == "delegation"
        ],
        "single_user": reading.project.settings.single_user,
    }


def administration(reading: Reading) -> dict[str, Any]:
    """The health of the log: its size, head, keys, anchors, gaps, and what waits in the spool."""
    status = reading.store.status()
    keys: list[Any] = [*getattr(reading.store, "verifier_keys", tuple)()]
    gaps = list(reading.store.find(kind="gap", newest_first=True, limit=20))
    anchors = list(reading.store.find(kind="anchor", newest_first=True, limit=20))
    return {
        "log": asdict(status),
        "keys": [str(key) for key in keys],
        "anchors": [
            brief(r) | {"body": dict(r.evidence.body), "page": address("records", r.id)}
            for r in anchors
        ],
        "gaps": [brief(r) | {"page": address("records", r.id)} for r in gaps],
        "spool": {
            "waiting": len(pending(reading.project.root)),
            "refused": len(set_aside(reading.project.root)),
        },
    }
