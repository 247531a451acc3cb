"""Telling people what was found wrong: each nonconformity once to each recipient, together.

A notice that was delivered is a record; one that was not is a record too, and is tried again by
whoever comes next. Nothing here raises because an address cannot be reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.inventory.declared.notices import Recipient
from aims_mlops.operations.nonconformity import Nonconformity, nonconformities
from aims_mlops.visible import plain

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore
    from aims_mlops.inventory.project import Project

KIND = "notice"
_RANK = {"minor": 0, "major": 1}
_ACTOR = "aims-monitor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What one recipient is told, in one message.

    recipient : name in `notices` of aims.yaml.  urls_from : environment variable with addresses.
    about : the nonconformities, oldest first.  overdue : ids of those whose date is over.
    """

    recipient: str
    urls_from: str
    about: tuple[Nonconformity, ...]
    overdue: frozenset[str] = frozenset()

    @property
    def title(self) -> str:
        """One line that says how many things are wrong, and how bad."""
        major = sum(n.severity == "major" for n in self.about)
        found = f"{len(self.about)} found wrong" if len(self.about) > 1 else self.about[0].what
        return plain(f"aims: {found}") + (
            f", {major} major" if major and len(self.about) > 1 else ""
        )

    @property
    def text(self) -> str:
        """Each finding with what to do; no values of data."""
        return "\n\n".join(self._paragraph(found) for found in self.about)

    def _paragraph(self, found: Nonconformity) -> str:
        due = "OVERDUE since" if found.id in self.overdue else "due"
        lines = [
            f"[{found.severity}] {found.system or 'no system'}: {found.what}",
            found.reason,
            f"Next: {found.next_step or 'aims nonconformity show ' + found.id[:12]}",
            f"{due} {found.due[:10]}, owner {found.owner or 'nobody yet'}, id {found.id[:12]}",
        ]
        return "\n".join(map(plain, lines))


def notify(store: EvidenceStore, project: Project, now: datetime) -> list[Record]:
    """Send what has not been told yet; the records of what was sent, and of what could not be.

    Raises StoreUnavailableError.
    """
    recipients = project.settings.notices
    if not recipients:
        return []
    found = nonconformities(store)
    told = _told(store)
    sent = []
    for name, recipient in recipients.items():
        notice = _notice(project, name, recipient, found, told.get(name, set()), now)
        if notice.about:
            sent.append(_send(store, notice, now))
    return sent


def _notice(
    project: Project,
    name: str,
    recipient: Recipient,
    found: Sequence[Nonconformity],
    told: set[str],
    now: datetime,
) -> Notice:
    least = _RANK[recipient.least]
    overdue = {n.id for n in found if n.is_overdue(now)}
    about = tuple(
        n
        for n in found
        if n.is_open
        and _RANK[n.severity] >= least
        and _concerns(project, name, n)
        and _word(n.id, n.id in overdue) not in told
    )
    return Notice(
        recipient=name,
        urls_from=recipient.urls_from,
        about=about,
        overdue=frozenset(overdue & {n.id for n in about}),
    )


def _word(id_: str, overdue: bool) -> str:
    return f"{id_} overdue" if overdue else id_


def _told(store: EvidenceStore) -> dict[str, set[str]]:
    """By recipient, what was delivered before."""
    told: dict[str, set[str]] = {}
    for record in store.find(kind=KIND):
        body = record.evidence.body
        if body.get("outcome") == "sent":
            known = told.setdefault(str(body.get("recipient")), set())
            known.update(map(str, body.get("about") or ()))
    return told


def _concerns(project: Project, recipient: str, found: Nonconformity) -> bool:
    """Whether a recipient is told of this: everybody, but of monitors that name who is."""
    system = project.system(found.system) if found.system else None
    parts = (found.key or "").split("/")
    if system is None or len(parts) < 3 or parts[1] != system.id:
        return True
    monitor = next((m for m in system.monitoring if m.id == parts[2]), None)
    return monitor is None or monitor.tell is None or recipient in monitor.tell


def _send(store: EvidenceStore, notice: Notice, now: datetime) -> Record:
    from aims_mlops.plugins import hooks

    problem: str | None = None
    try:
        if not hooks().send_notice(notice=notice):
            problem = (
                "no plugin sends notices; install the extra: pip install 'aims-mlops[notices]'"
            )
    except Exception as error:  # noqa: BLE001  an address that is away must not stop monitoring
        problem = f"{type(error).__name__}: {_without_secrets(error)}"
    body: dict[str, Any] = {
        "recipient": notice.recipient,
        "title": notice.title,
        "about": [_word(n.id, n.id in notice.overdue) for n in notice.about],
        "outcome": "sent" if problem is None else "failed",
        "problem": problem,
    }
    systems = {n.system for n in notice.about}
    return store.append(
        Evidence(
            kind=KIND,
            subjects=tuple(Subject(f"nonconformity:{n.what}", n.id) for n in notice.about),
            body=body,
            actor=_ACTOR,
            claimed_at=stamp(now),
            system=systems.pop() if len(systems) == 1 else None,
        )
    )


def _without_secrets(error: Exception) -> str:
    """Our own errors say what is wrong; another's message may quote an address with its secret."""
    from aims_mlops.errors import AimsError

    return str(error) if isinstance(error, AimsError) else "see the log of the process"
