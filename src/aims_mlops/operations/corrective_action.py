"""What people do about a nonconformity: each a step with its words, recorded or refused."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from aims_mlops.errors import GovernanceError, InputError, SeparationOfDutiesError
from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.records import Record, Subject
from aims_mlops.operations import lifecycle
from aims_mlops.operations.lifecycle import sentence
from aims_mlops.operations.nonconformity import (
    BREAK_GLASS,
    Nonconformity,
    Severity,
    open_nonconformity,
)

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore
    from aims_mlops.inventory.project import Project


def find_by_hand(
    store: EvidenceStore,
    project: Project,
    *,
    what: str,
    reason: str,
    system: str | None,
    severity: Severity,
    owner: str | None,
    due: datetime | None,
    actor: str,
    now: datetime,
) -> Record:
    """Open one for what a person found; the same words about the same system open it once.

    Raises InputError for an unknown system or owner, or where words are missing.
    """
    named = re.sub(r"[^a-z0-9]+", "-", sentence("what is wrong", what).casefold()).strip("-")
    if not named or named == BREAK_GLASS:
        raise InputError("not what a person finds", got=repr(what)[:60], expected="a word or two")
    if system is not None and project.system(system) is None:
        raise InputError(
            "no such AI system",
            got=repr(system),
            expected="one of " + (", ".join(s.id for s in project.systems) or "none yet"),
        )
    if owner is not None and project.person(owner) is None:
        raise InputError(
            "no such person", got=repr(owner), expected="an id under people in aims.yaml"
        )
    detail = sentence("the reason", reason)
    words = hashlib.sha256(detail.encode()).hexdigest()[:16]
    return open_nonconformity(
        store,
        key=f"person/{system or '-'}/{named}/{words}",
        what=named,
        detail=detail,
        next_step="aims nonconformity analyse ID --root-cause TEXT",
        subjects=(Subject.of_name(f"system:{system}" if system else f"nonconformity:{named}"),),
        system=system,
        now=now,
        severity=severity,
        owner=project.human(owner) if owner is not None else None,
        due=due,
        actor=actor,
    )


def assign(
    store: EvidenceStore,
    project: Project,
    found: Nonconformity,
    *,
    actor: str,
    now: datetime,
    owner: str,
    due: datetime | None = None,
) -> Record:
    """Say who puts it right, and until when. `owner` is listed under people in aims.yaml."""
    _require_open(found)
    if project.person(owner) is None:
        raise InputError(
            "no such person",
            got=repr(owner),
            expected="an id under people in aims.yaml",
            next_step="add the person to aims.yaml",
        )
    said = {"owner": project.human(owner)} | ({} if due is None else {"due": stamp(due)})
    return _record(store, found, "assign", found.state, said, actor=actor, now=now)


def analyse(
    store: EvidenceStore,
    project: Project,
    found: Nonconformity,
    *,
    actor: str,
    now: datetime,
    root_cause: str,
) -> Record:
    """Say why it happened."""
    _require_open(found)
    said = {"root_cause": sentence("the root cause", root_cause)}
    return _record(store, found, "analyse", "analysed", said, actor=actor, now=now)


def act(
    store: EvidenceStore,
    project: Project,
    found: Nonconformity,
    *,
    actor: str,
    now: datetime,
    corrective_action: str,
    correction: str | None = None,
) -> Record:
    """Say what keeps it from happening again, and what was put right at once.

    Raises GovernanceError before the root cause is known.
    """
    _require_open(found)
    if found.root_cause is None:
        raise GovernanceError(
            "a corrective action acts on a root cause, and none is recorded",
            next_step=f"aims nonconformity analyse {found.id[:12]} --root-cause TEXT",
        )
    said = {"corrective_action": sentence("the corrective action", corrective_action)}
    if correction is not None:
        said["correction"] = sentence("the correction", correction)
    return _record(store, found, "act", "acted", said, actor=actor, now=now)


def close(
    store: EvidenceStore,
    project: Project,
    found: Nonconformity,
    *,
    actor: str,
    now: datetime,
    effect: str,
) -> Record:
    """Close it, with how it was checked that the action works, by another person than who acted.

    Raises GovernanceError before an action, SeparationOfDutiesError for the person who acted.
    """
    _require_open(found)
    if found.what == BREAK_GLASS:
        raise GovernanceError(
            "broken glass is not closed by hand",
            next_step=found.next_step
            or "an approval by a second person, then aims gate MODEL --for TARGET",
        )
    if found.corrective_action is None or found.acted_by is None:
        raise GovernanceError(
            "no corrective action is recorded, so that there is no effect to check",
            next_step=f"aims nonconformity act {found.id[:12]} --action TEXT",
        )
    same = project.human(actor) == project.human(found.acted_by)
    if same and not project.settings.single_user:
        raise SeparationOfDutiesError(
            "whoever took the corrective action cannot say that it works",
            got=project.human(actor),
            expected="another person",
        )
    said = {"effect": sentence("the effect", effect)}
    return _record(store, found, "close", "closed", said, actor=actor, now=now)


def reopen(
    store: EvidenceStore,
    project: Project,
    found: Nonconformity,
    *,
    actor: str,
    now: datetime,
    reason: str,
) -> Record:
    """Open it again, because it happened again; what was thought and done about it is in doubt."""
    if found.is_open:
        raise InputError(f"nonconformity {found.id[:12]} is open already", got=found.state)
    said = {"reason": sentence("the reason", reason)}
    return _record(store, found, "reopen", "open", said, actor=actor, now=now)


def _record(
    store: EvidenceStore,
    found: Nonconformity,
    step: str,
    state: str,
    said: Mapping[str, str],
    *,
    actor: str,
    now: datetime,
) -> Record:
    body = {"what": found.what, "state": state, "step": step, **said}
    # Two people who take the same step at once: the second has to look first.
    return lifecycle.carry_on(store, found, body, actor=actor, now=now)


def _require_open(found: Nonconformity) -> None:
    if not found.is_open:
        raise GovernanceError(
            f"nonconformity {found.id[:12]} is closed",
            next_step=f"aims nonconformity reopen {found.id[:12]} --reason TEXT",
        )
