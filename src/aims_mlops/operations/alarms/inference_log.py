"""What is wrong with inference logs, as the processes that serve have said themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aims_mlops.evidence.clock import parse, stamp
from aims_mlops.evidence.records import Record, Subject
from aims_mlops.operations.alarms.alarm import Alarm

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

KIND = "inference-log"
_RECENT = timedelta(days=1)  # a process that serves says hourly how its log is


def unlogged(store: EvidenceStore, now: datetime) -> list[Alarm]:
    """An alarm for each system whose predictions were not logged, or without their model, lately.

    Raises StoreUnavailableError.
    """
    found: dict[tuple[str, str], Alarm] = {}
    since = stamp(now - _RECENT)
    for record in store.find(kind=KIND, newest_first=True):
        if parse(record.received_at) < parse(since):
            break
        trouble = record.evidence.body.get("trouble")
        if isinstance(trouble, Mapping):
            alarm = _alarm(record, trouble)
            found.setdefault((alarm.key, str(alarm.system)), alarm)
    return list(found.values())


def _alarm(record: Record, trouble: Mapping[str, Any]) -> Alarm:
    system = record.evidence.system
    opened = "(model)" in str(trouble.get("where"))
    what = "unknown-model" if opened else "not-logged"
    rows = record.evidence.body.get("rows")
    words = "logged without the model that made them" if opened else "counted and not logged"
    return Alarm(
        key=f"{what}/{system}",
        what=what,
        severity="major",
        system=system,
        reason=f"predictions of {system} are {words} ({rows} rows lately): "
        f"{trouble.get('message')}",
        next_step="put right what is named and start the process again; see "
        f"aims inference status {system}",
        since=record.received_at,
        subjects=(Subject.of_name(f"system:{system}"),),
    )
