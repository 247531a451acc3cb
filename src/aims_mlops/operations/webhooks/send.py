"""Telling machines what happened: each event once to each webhook, again while it does not arrive.

What arrived is a record, and what did not is one too. After `GIVEN_UP` failed runs an event is
given up, which its last record says; nothing here raises because a receiver is away.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aims_mlops.errors import AimsError, InputError
from aims_mlops.evidence.clock import parse, stamp
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.inventory.declared.notices import Webhook
from aims_mlops.operations.webhooks.delivery import deliver
from aims_mlops.operations.webhooks.event import KINDS, Event, events_of

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore
    from aims_mlops.inventory.project import Project

KIND = "notice"
_LASTING = "waiver"  # its event comes with its end, however long ago it was written
SINCE = timedelta(days=7)  # older events are told to nobody new
EVENTS = 200  # of one webhook in one run; the others come with the next
GIVEN_UP = 10  # failed runs
PAUSES = (0.5, 1.0)  # seconds before the second and third try of a run
_ACTOR = "aims-monitor"
_FIRST = timedelta(minutes=1)
_LONGEST = timedelta(hours=6)


@dataclass
class _Told:
    """What the notices of one webhook say."""

    sent: set[str] = field(default_factory=set)
    failed: Counter[str] = field(default_factory=Counter)
    last_failure: str = ""


def send_events(
    store: EvidenceStore,
    project: Project,
    now: datetime,
    *,
    pause: Callable[[float], None] = time.sleep,
) -> list[Record]:
    """Send what was not sent yet; the records of what arrived and of what did not."""
    hooks = project.settings.webhooks
    if not hooks:
        return []
    told = _told(store, now)
    events = _events(store, now)
    written = []
    log_id = store.status().log_id
    for name, hook in hooks.items():
        known = told.get(_recipient(name), _Told())
        if known.last_failure and now < parse(known.last_failure) + _wait(known):
            continue
        wanted = [
            event
            for event in events
            if event.name in hook.events
            and event.word not in known.sent
            and known.failed[event.word] < GIVEN_UP
        ][:EVENTS]
        written += _send(store, log_id, name, hook, wanted, known, now, pause)
    return written


def _send(
    store: EvidenceStore,
    log_id: str,
    name: str,
    hook: Webhook,
    wanted: list[Event],
    known: _Told,
    now: datetime,
    pause: Callable[[float], None],
) -> list[Record]:
    arrived: list[Event] = []
    written = []
    problem: str | None = None
    for event in wanted:
        problem = _try(hook, event, event.body(log_id), pause)
        if problem is not None:
            break  # the receiver is away: the others wait for the next run
        arrived.append(event)
    if arrived:
        written.append(_note(store, name, arrived, None, now))
    if problem is not None:
        failed = wanted[len(arrived)]
        if known.failed[failed.word] + 1 >= GIVEN_UP:
            problem = f"given up after {GIVEN_UP} runs: {problem}"
        written.append(_note(store, name, [failed], problem, now))
    return written


def _try(hook: Webhook, event: Event, body: bytes, pause: Callable[[float], None]) -> str | None:
    """None if it arrived; else why not, without the address."""
    try:
        url, secret = (_variable(name) for name in (hook.url_from, hook.secret_from))
    except InputError as error:
        return str(error)
    problem = ""
    for wait in (0.0, *PAUSES):
        if wait:
            pause(wait)
        try:
            deliver(
                url,
                secret,
                event.id,
                body,
                timestamp=int(time.time()),
                private_hosts=hook.private_hosts,
            )
        except AimsError as error:
            problem = str(error)
        else:
            return None
    return problem


def _variable(name: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise InputError(f"{name} is empty or not set", next_step="set it where monitoring runs")
    return value


def _events(store: EvidenceStore, now: datetime) -> list[Event]:
    """Everything of the last days, oldest first."""
    start = stamp(now - SINCE)
    found = [event for record in store.find(kind=_LASTING) for event in events_of(record, now)]
    for record in store.find(kind=tuple(KINDS.keys() - {_LASTING}), newest_first=True):
        if record.received_at < start:
            break
        found += events_of(record, now)
    return sorted(found, key=lambda event: (event.record.sequence, event.name))


def _told(store: EvidenceStore, now: datetime) -> dict[str, _Told]:
    """By webhook, what its notices say; those of events that are told no more are not read."""
    told: dict[str, _Told] = {}
    recent = []
    for record in store.find(kind=KIND, newest_first=True):
        if record.received_at < stamp(now - 2 * SINCE):
            break
        recent.append(record)
    for record in reversed(recent):
        body = record.evidence.body
        known = told.setdefault(str(body.get("recipient")), _Told())
        words = [str(word) for word in body.get("about") or ()]
        if body.get("outcome") == "sent":
            known.sent.update(words)
            known.last_failure = ""
        else:
            known.failed.update(words)
            known.last_failure = record.received_at
    return told


def _wait(known: _Told) -> timedelta:
    """A minute after the first failure, twice as long after each more, six hours at most."""
    times = max(known.failed.values(), default=1)
    return min(_LONGEST, _FIRST * float(2 ** min(times - 1, 20)))


def _note(
    store: EvidenceStore, name: str, about: list[Event], problem: str | None, now: datetime
) -> Record:
    records = {event.record.id: event.record for event in about}
    return store.append(
        Evidence(
            kind=KIND,
            subjects=tuple(
                Subject(f"{record.evidence.kind}:{id_[:12]}", id_)
                for id_, record in records.items()
            ),
            body={
                "recipient": _recipient(name),
                "title": f"aims: {len(about)} events",
                "about": [event.word for event in about],
                "outcome": "sent" if problem is None else "failed",
                "problem": problem,
            },
            actor=_ACTOR,
            claimed_at=stamp(now),
        )
    )


def _recipient(name: str) -> str:
    return f"webhook {name}"
