"""What is open about an AI system when the gate is asked, read from the log."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from aims_mlops.evidence.clock import stamp
from aims_mlops.gates.decision.operations import MISSED, finding_of
from aims_mlops.inventory.declared.system import System
from aims_mlops.inventory.renames import of_system
from aims_mlops.operations.alarms.undeclared import NOT_BEGUN, of_record, undeclared_systems
from aims_mlops.operations.nonconformity import KIND as NONCONFORMITY
from aims_mlops.operations.nonconformity import fold
from aims_mlops.operations.schedule.schedules import schedules

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore
    from aims_mlops.inventory.project import Project
    from aims_mlops.operations.alarms.alarm import Alarm


def open_about(
    store: EvidenceStore, project: Project, system: System | None, now: datetime
) -> tuple[dict[str, Any], ...]:
    """Open nonconformities of the system under every id that it has had, its scheduled runs that
    did not happen, and systems in operation that aims.yaml no longer declares.

    Raises StoreUnavailableError.
    """
    nowhere = [_finding(alarm) for alarm in undeclared_systems(store, project, now)]
    if system is None:
        return tuple(nowhere)
    # Decisions mend broken glass, which counts elsewhere; here they need not be read.
    found = fold(of_system(store, system.id, NONCONFORMITY))
    known = (finding_of(one) for one in found)
    missed = []
    for schedule in schedules(store, project.systems, now, only=system.id):
        missed += [
            {
                "what": MISSED,
                "severity": "major",
                "reason": row.words,
                "id": None,
                "due": stamp(row.since),
            }
            for row in schedule.missed
        ]
        missed += [_finding(a) for a in of_record(schedule) if a.what == NOT_BEGUN]
    return (*(found for found in known if found is not None), *missed, *nowhere)


def _finding(alarm: Alarm) -> dict[str, Any]:
    return {
        "what": alarm.what,
        "severity": alarm.severity,
        "reason": alarm.reason[:500],
        "id": None,
        "due": alarm.since,
    }
