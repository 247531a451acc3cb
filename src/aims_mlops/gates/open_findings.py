"""What is open about an AI system when the gate is asked, read from the log."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from aims_mlops.evidence.clock import stamp
from aims_mlops.gates.oversight_checks import MISSED, finding_of
from aims_mlops.inventory.system import System
from aims_mlops.oversight.alarms import schedules
from aims_mlops.oversight.nonconformity import KIND as NONCONFORMITY
from aims_mlops.oversight.nonconformity import standing

if TYPE_CHECKING:
    from aims_mlops.store.base import EvidenceStore


def open_about(
    store: EvidenceStore, system: System | None, now: datetime
) -> tuple[dict[str, Any], ...]:
    """Open nonconformities of the system, and its scheduled runs that did not happen.

    Raises StoreUnavailableError.
    """
    if system is None:
        return ()
    # Decisions mend broken glass, which counts elsewhere; here they need not be read.
    found = standing(store.find(kind=NONCONFORMITY, system=system.id))
    known = (finding_of(one) for one in found)
    missed = [
        {
            "what": MISSED,
            "severity": "major",
            "reason": row.words,
            "id": None,
            "due": stamp(row.since),
        }
        for schedule in schedules(store, [system], now)
        for row in schedule.missed
    ]
    return (*(found for found in known if found is not None), *missed)
