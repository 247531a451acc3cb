"""Whether a record of a decision is one that the gate made, or only says so.

A pipeline that may push evidence may push such a record. It counts if
- made again from the log, at the size of the log that it names, it is the same decision;
- it was made when the record was received: neither an earlier time than that of the store's clock
  nor an older state of the log may be picked, where the gate would refuse by what came since. The
  gate itself decides anew when something that matters came in before its record;
- it leaves out no nonconformity that was open about the system then;
- who wrote it is who asked, and may break the glass today, if glass was broken.
What plugins objected is in the record alone.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aims_mlops.dossier.dossier import Dossier
from aims_mlops.errors import AimsError
from aims_mlops.evidence.bodies.decision import DecisionBody
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.records import Record
from aims_mlops.gates.decision.break_glass import may_break
from aims_mlops.gates.decision.decision import Decision
from aims_mlops.gates.decision.operations import finding_of
from aims_mlops.gates.replay import repeat
from aims_mlops.inventory.declared.people import People
from aims_mlops.inventory.renames import of_system
from aims_mlops.operations.nonconformity import KIND as NONCONFORMITY
from aims_mlops.operations.nonconformity import fold
from aims_mlops.policy.policy import Policy

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

CLOCKS = timedelta(hours=1)  # by which a gate's clock may differ from the store's

# What a decision that is made again has to say like its record.
_REPEATED = ("allowed", "model", "target", "policy", "bound", "waivers", "broke_glass")


def why_not_the_gates(
    store: EvidenceStore, record: Record, dossier: Dossier, policy: Policy, people: People
) -> str | None:
    """Why an allowing decision is not believed, in words; None if it is.

    dossier : what the log says now about its model.  people : those of today.
    """
    try:
        again = repeat(store, record, dossier)
        why = _another_now(record, again) or _another_time(record)
        why = why or _another_asker(record, policy, people)
        return why or _another_log(store, record, dossier)
    except AimsError as error:
        return f"it cannot be made again: {error}"
    except (KeyError, TypeError, ValueError) as error:
        return f"its record is not whole: {type(error).__name__}"


def _another_now(record: Record, again: Decision) -> str | None:
    said, body = again.to_body(), record.evidence.body
    different = [name for name in _REPEATED if said[name] != body.get(name)]
    if not different:
        return None
    why = ", ".join(reason.rule for reason in again.refusals) or ", ".join(different)
    return f"made again from the log as it was then, it is another decision: {why}"


def _another_time(record: Record) -> str | None:
    at = str(DecisionBody.of(record).at)
    if abs(parse(record.received_at) - parse(at)) <= CLOCKS:
        return None
    return f"it says that it was made at {at[:20]}, and was received at {record.received_at}"


def _another_asker(record: Record, policy: Policy, people: People) -> str | None:
    body = DecisionBody.of(record)
    actor, asked = record.evidence.actor, str((body.request or {})["requester"])
    if people.human(actor) != people.human(asked):
        return f"{actor} wrote down what {asked} is said to have asked"
    if body.glass_was_broken and not may_break(actor, people, policy):
        return f"{actor} may not break the glass"
    return None


def _another_log(store: EvidenceStore, record: Record, dossier: Dossier) -> str | None:
    """Whether the gate would have refused by all that the log held before this record."""
    asked = dict(DecisionBody.of(record).request or {})
    said = int(str(asked["checkpoint"]).split()[0])
    left_out = _left_out(store, record, asked)
    came_since = any(said <= r.sequence < record.sequence for r in dossier.records)
    if not came_since and not left_out:
        return None
    size = record.sequence if came_since else None
    again = repeat(store, record, dossier, size=size, also_open=left_out)
    if again.allowed:
        return None
    why = ", ".join(reason.rule for reason in again.refusals)
    return f"the log held more when it was recorded, by which it would have been refused: {why}"


def _left_out(store: EvidenceStore, record: Record, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Nonconformities that were open about the system before the record, and are not in it."""
    if asked["system"] is None:
        return []
    told = {finding.get("id") for finding in asked.get("oversight") or ()}
    before = [
        found
        for found in of_system(store, str(asked["system"]["id"]), NONCONFORMITY)
        if found.sequence < record.sequence
    ]
    findings = [finding_of(found) for found in fold(before)]
    return [found for found in findings if found is not None and found["id"] not in told]
