"""Nonconformities and what was done about them, as clause 10.2 of ISO/IEC 42001 asks for it.

Every step is a record of kind `nonconformity`; the first opens it, the others name the first. What
stands now is read from the records, so that nobody can tidy up by leaving one out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from aims_mlops.errors import EvidenceConflictError
from aims_mlops.evidence.clock import parse, stamp
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.inventory.renames import of_system
from aims_mlops.operations import lifecycle

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

Severity = Literal["minor", "major"]
KIND = "nonconformity"
BREAK_GLASS = "break-glass"
# Days to put it right where nobody set a date.
DAYS: dict[str, int] = {"major": 30, "minor": 90}


@dataclass(frozen=True, slots=True, kw_only=True)
class Nonconformity:
    """Something found wrong, as it stands after every step so far.

    state : `open`, `analysed` (root cause known), `acted` (corrective action taken), `closed`.
    opened : the first record.  steps : every record about it, oldest first.
    due : until when, RFC 3339.  acted_by : who recorded the corrective action.
    """

    opened: Record
    what: str
    state: str
    severity: Severity
    reason: str
    next_step: str | None
    key: str | None
    owner: str | None
    due: str
    root_cause: str | None = None
    correction: str | None = None
    corrective_action: str | None = None
    acted_by: str | None = None
    effect: str | None = None
    steps: tuple[Record, ...] = ()

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

    def is_overdue(self, now: datetime) -> bool:
        """Whether it is open beyond its due time."""
        return self.is_open and now > parse(self.due)

    def to_body(self, now: datetime) -> dict[str, Any]:
        """JSON values for `--json`."""
        return {
            "id": self.id,
            "what": self.what,
            "state": self.state,
            "severity": self.severity,
            "system": self.system,
            "reason": self.reason,
            "next_step": self.next_step,
            "owner": self.owner,
            "opened_at": self.opened.received_at,
            "due": self.due,
            "overdue": self.is_overdue(now),
            "root_cause": self.root_cause,
            "correction": self.correction,
            "corrective_action": self.corrective_action,
            "acted_by": self.acted_by,
            "effect": self.effect,
            "steps": [record.id for record in self.steps],
        }


def open_nonconformity(
    store: EvidenceStore,
    *,
    key: str,
    what: str,
    detail: str,
    next_step: str,
    subjects: Sequence[Subject],
    system: str | None,
    now: datetime,
    severity: Severity = "major",
    owner: str | None = None,
    due: datetime | None = None,
    actor: str = "aims-mlops",
) -> Record:
    """Record something found wrong; while it is open under the same key, that record is returned.

    key : what makes it the same finding when it is found again.  what : one or two words, such as
        `missed-run`.  detail : a sentence for people.  due : 30 days from now for a major one and
        90 for a minor one if not given.
    Raises StoreUnavailableError.
    """
    before = [n for n in nonconformities(store) if n.key == key]
    still_open = next((n for n in before if n.is_open), None)
    if still_open is not None:
        return still_open.opened
    evidence, once = opening(
        key=key,
        what=what,
        detail=detail,
        next_step=next_step,
        subjects=subjects,
        system=system,
        now=now,
        severity=severity,
        owner=owner,
        due=due,
        actor=actor,
        before=len(before),
    )
    try:
        return store.append(evidence, key=once)
    except EvidenceConflictError:
        return next(n.opened for n in nonconformities(store) if n.key == key and n.is_open)


def opening(
    *,
    key: str,
    what: str,
    detail: str,
    next_step: str,
    subjects: Sequence[Subject],
    system: str | None,
    now: datetime,
    severity: Severity,
    owner: str | None = None,
    due: datetime | None = None,
    actor: str,
    before: int = 0,
) -> tuple[Evidence, str]:
    """The evidence that opens one, for a batch with others, and its idempotency key.

    before : how often it was found before; the count keeps two from opening it twice.
    """
    evidence = Evidence(
        kind=KIND,
        subjects=tuple(subjects),
        body={
            "what": what,
            "state": "open",
            "key": key,
            "occurrence": before + 1,
            "reason": detail,
            "next_step": next_step,
            "severity": severity,
            "owner": owner,
            "due": stamp(due or now + timedelta(days=DAYS[severity])),
        },
        actor=actor,
        claimed_at=stamp(now),
        system=system,
    )
    return evidence, f"{KIND}/{key}/{before}"


def nonconformities(store: EvidenceStore, *, system: str | None = None) -> list[Nonconformity]:
    """Every nonconformity of the log as it stands, oldest first."""
    return fold(of_system(store, system, (KIND, "decision")))


def find_nonconformity(store: EvidenceStore, id_: str) -> Nonconformity:
    """The one with this id or unique prefix; raises EvidenceNotFoundError."""
    return lifecycle.find(store, id_, KIND, nonconformities(store))


def fold(records: Iterable[Record]) -> list[Nonconformity]:
    """What the records say, in the order of the log; decisions close broken glass."""
    found: dict[str, Nonconformity] = {}
    for record in records:
        if record.evidence.kind == "decision":
            _mend_glass(found, record)
        elif record.evidence.kind == KIND:
            lifecycle.take(found, record, opened=_opened, after=_after)
    return list(found.values())


def _opened(record: Record) -> Nonconformity:
    body = record.evidence.body
    severity: Severity = "minor" if body.get("severity") == "minor" else "major"
    due = body.get("due")
    if not isinstance(due, str):
        due = stamp(parse(record.received_at) + timedelta(days=DAYS[severity]))
    return Nonconformity(
        opened=record,
        what=str(body.get("what")),
        state=str(body.get("state", "open")),
        severity=severity,
        reason=str(body.get("reason") or body.get("what")),
        next_step=_text(body.get("next_step") or body.get("closed_by")),
        key=_text(body.get("key")),
        owner=_text(body.get("owner")),
        due=due,
        steps=(record,),
    )


_FIELDS = ("owner", "due", "root_cause", "correction", "corrective_action", "effect")


def _after(before: Nonconformity, record: Record) -> Nonconformity:
    body = record.evidence.body
    said = {name: str(body[name]) for name in _FIELDS if body.get(name) is not None}
    state = str(body.get("state", before.state))
    acted_by = record.evidence.actor if "corrective_action" in said else before.acted_by
    changes: dict[str, Any] = {**said, "state": state, "acted_by": acted_by}
    if before.state == "closed" and state == "open":  # what did not work is to be found anew
        changes |= {"effect": None, "corrective_action": None, "acted_by": None}
        changes |= {"root_cause": None, "reason": str(body.get("reason") or before.reason)}
    return replace(before, **changes, steps=(*before.steps, record))


def _mend_glass(found: dict[str, Nonconformity], decision: Record) -> None:
    """Glass is mended by a decision about the same model and target that breaks none."""
    body = decision.evidence.body
    if body.get("allowed") is not True or body.get("broke_glass"):
        return
    about = {subject.sha256 for subject in decision.evidence.subjects}
    for id_, broken in found.items():
        of_it = {subject.sha256 for subject in broken.opened.evidence.subjects}
        same_target = broken.opened.evidence.body.get("target") == body.get("target")
        if broken.what == BREAK_GLASS and broken.is_open and same_target and about & of_it:
            found[id_] = replace(
                broken,
                state="closed",
                effect=f"decision {decision.id[:12]} allows it without break-glass",
                steps=(*broken.steps, decision),
            )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
