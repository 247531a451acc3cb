"""Waiting for me: what this person can move on today, the most urgent first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from aims_mlops.alarms.expiry import every_alarm
from aims_mlops.approvals.keys.enrolment import Enrolments
from aims_mlops.evidence.bodies.consent import (
    ConsentBody,
    ImpactAssessmentBody,
    ReviewCommentBody,
)
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.kinds import PEOPLE_KINDS, VERDICT_KINDS
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.declared.system import System
from aims_mlops.management.registers.read import open_register
from aims_mlops.management.registers.spec import REGISTERS
from aims_mlops.operations.incident import fold as incidents_of
from aims_mlops.operations.nonconformity import nonconformities
from aims_mlops.web.pages.reading import Reading
from aims_mlops.web.render.environment import address

GROUPS = (
    "review", "question", "return", "alarm", "nonconformity", "incident", "document", "entry",
    "review-due", "enrolment",
)  # fmt: skip
_SOON = timedelta(days=30)


def waiting(reading: Reading) -> dict[str, Any]:
    """What waits for the viewer, by kind; `everything` shows what waits for others, too."""
    everything = bool(reading.asked("everything"))
    items = [
        *_assessments(reading),
        *_alarms(reading),
        *_nonconformities(reading),
        *_incidents(reading),
        *_questions(reading),
        *_entries(reading),
        *_enrolments(reading),
    ]
    shown = [item for item in items if reading.sees(item["system"]) or item["system"] is None]
    mine = [item for item in shown if item["mine"]]
    groups = [
        {"kind": kind, "items": found}
        for kind in GROUPS
        if (found := [i for i in (shown if everything else mine) if i["kind"] == kind])
    ]
    return {
        "person": reading.viewer.person,
        "everything": everything,
        "count": len(mine),
        "others": len(shown) - len(mine),
        "groups": groups,
    }


def _item(kind: str, *, mine: bool, page: str, system: str | None, **more: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "mine": mine,
        "page": page,
        "system": system,
        "title": None,
        "detail": None,
        "due": None,
        "overdue": False,
        "since": None,
        **more,
    }


def _is_mine(reading: Reading, system: System | None, *people: str | None) -> bool:
    human = reading.project.human
    me = human(reading.viewer.person)
    named = [*people, *((system.owner, system.risk_owner) if system else ())]
    return any(human(name) == me for name in named if name)


def newest_assessments(reading: Reading) -> dict[tuple[str | None, str], Record]:
    """The newest assessment of each model, by AI system and content digest."""
    found: dict[tuple[str | None, str], Record] = {}
    for record in reading.find(kind="impact-assessment"):
        body = ImpactAssessmentBody.of(record)
        found[record.evidence.system, str(body.model)] = record
    return found


def _assessments(reading: Reading) -> Iterator[dict[str, Any]]:
    answers: dict[tuple[str, str], list[Record]] = {}
    for record in reading.find(kind=VERDICT_KINDS):
        said = ConsentBody.of(record)
        answers.setdefault((str(said.model), str(said.assessment)), []).append(record)
    human = reading.project.human
    me = human(reading.viewer.person)
    current = newest_assessments(reading)
    of_system = {system: record for (system, _), record in current.items()}
    for (system_id, model), record in current.items():
        if of_system[system_id] is not record:
            continue  # a later model of the system is assessed
        body = ImpactAssessmentBody.of(record)
        system = reading.project.system(system_id or "")
        author = human(str(body.author))
        told = [
            a
            for a in answers.get((model, str(body.document_sha256)), ())
            if a.sequence > record.sequence
        ]
        page = address("models", model, "review")
        title = str(body.raw.get("model_uri") or model[:12])
        newest = told[-1] if told else None
        if newest is not None and newest.evidence.kind == "rejection":
            yield _item(
                "return", mine=author == me, page=page, system=system_id, title=title,
                detail=str(ConsentBody.of(newest).reason or ""), since=newest.received_at,
            )  # fmt: skip
        elif not told:
            responsible = system.risk_owner if system and system.risk_owner else None
            mine = author != me and (responsible is None or human(responsible) == me)
            yield _item(
                "review", mine=mine, page=page, system=system_id, title=title,
                detail=author, since=record.received_at,
            )  # fmt: skip
        document = body.raw.get("document")
        review_by = document.get("review_by") if isinstance(document, dict) else None
        if isinstance(review_by, str) and told:
            due = _date(review_by)
            if due is not None and due - reading.now < _SOON:
                yield _item(
                    "review-due", mine=author == me or _is_mine(reading, system), page=page,
                    system=system_id, title=title, due=review_by, overdue=due < reading.now,
                )  # fmt: skip


def _questions(reading: Reading) -> Iterator[dict[str, Any]]:
    """Questions of reviews that nobody answered: for the author, and whoever submitted."""
    said = [(r, ReviewCommentBody.of(r)) for r in reading.find(kind="review-comment")]
    answered = {body.answers for _, body in said}
    current = {
        str(ImpactAssessmentBody.of(r).document_sha256): r
        for r in newest_assessments(reading).values()
    }
    human = reading.project.human
    me = human(reading.viewer.person)
    for record, body in said:
        about = current.get(str(body.assessment))
        if not body.question or record.id in answered or about is None:
            continue
        owed = {human(str(ImpactAssessmentBody.of(about).author)), human(about.evidence.actor)}
        yield _item(
            "question",
            mine=me in owed,
            page=address("models", str(body.model), "review") + f"#c-{record.id[:12]}",
            system=record.evidence.system,
            title=str(body.text)[:200],
            detail=str(body.by),
            since=record.received_at,
        )


def _entries(reading: Reading) -> Iterator[dict[str, Any]]:
    """Entries of registers that are due, and documents to read and acknowledge."""
    register = open_register(reading.project, reading.store)
    human = reading.project.human
    me = human(reading.viewer.person)
    for name in REGISTERS:
        for entry in register.open(name):
            if not _sees_entry(reading, entry.systems):
                continue
            now = reading.now
            due = entry.due or entry.review or entry.expires
            late = entry.is_overdue(now) or entry.review_overdue(now) or entry.is_expired(now)
            day = _date(due) if due else None
            page = address("registers", name, "entries", entry.id)
            if late or (day is not None and day - now < _SOON):
                yield _item(
                    "entry", mine=bool(entry.owner) and human(str(entry.owner)) == me, page=page,
                    system=None, title=entry.title, detail=entry.id, due=due, overdue=late,
                )  # fmt: skip
    for document in register.documents:
        version = document.in_force
        asked = set(version.body.acknowledge_by or ()) if version is not None else set()
        if version is None or not asked & reading.viewer.roles:
            continue
        if me not in version.acknowledgements and _sees_entry(reading, document.systems):
            yield _item(
                "document", mine=True, system=None, title=document.title,
                page=address("registers", "document", "entries", document.id),
                detail=version.version, since=version.approved_at,
            )  # fmt: skip


def _sees_entry(reading: Reading, systems: tuple[str, ...]) -> bool:
    seen = reading.viewer.systems
    return seen is None or (bool(systems) and set(systems) <= seen)


def _date(text: str) -> Any:
    try:
        return parse(f"{text}T23:59:59Z")
    except ValueError:
        return None


def _alarms(reading: Reading) -> Iterator[dict[str, Any]]:
    for alarm in every_alarm(reading.store, reading.project, reading.now):
        system = reading.project.system(alarm.system or "")
        yield _item(
            "alarm",
            mine=_is_mine(reading, system),
            page=address("systems", alarm.system) if alarm.system else address("administration"),
            system=alarm.system,
            title=alarm.what,
            detail=alarm.reason,
            next_step=alarm.next_step,
            overdue=alarm.severity == "major",
            since=alarm.since,
        )


def _nonconformities(reading: Reading) -> Iterator[dict[str, Any]]:
    for found in nonconformities(reading.store):
        if not found.is_open:
            continue
        system = reading.project.system(found.system or "")
        mine = _is_mine(reading, None if found.owner else system, found.owner)
        yield _item(
            "nonconformity",
            mine=mine,
            page=address("records", found.id),
            system=found.system,
            title=found.what,
            detail=found.reason,
            due=found.due,
            overdue=found.is_overdue(reading.now),
            since=found.opened.received_at,
        )


def _incidents(reading: Reading) -> Iterator[dict[str, Any]]:
    for found in incidents_of(reading.find(kind="incident")):
        if found.is_open:
            system = reading.project.system(found.system or "")
            yield _item(
                "incident",
                mine=_is_mine(reading, system),
                page=address("records", found.id),
                system=found.system,
                title=found.title,
                detail=found.severity,
                overdue=found.severity != "minor",
                since=found.opened.received_at,
            )


def _enrolments(reading: Reading) -> Iterator[dict[str, Any]]:
    """Keys of others that nobody confirmed: each person who may sign can confirm them."""
    if reading.viewer.systems is not None:
        return
    people = reading.project.humans
    enrolments = Enrolments.of(reading.store.find(kind=PEOPLE_KINDS), people)
    me = people.human(reading.viewer.person)
    for entry in enrolments.entries:
        if not enrolments.is_good(entry.human, entry.key) and enrolments.ended(entry) is None:
            yield _item(
                "enrolment",
                mine=entry.human != me,
                page=address("people"),
                system=None,
                title=entry.human,
                detail=entry.key[:16],
                since=entry.record.received_at,
            )
