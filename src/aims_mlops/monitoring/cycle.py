"""One round of monitoring: what is missing is filed, what is due is done, who must know is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aims_mlops.dossier.declarations import declare_system
from aims_mlops.errors import StoreUnavailableError
from aims_mlops.evidence.records import Record
from aims_mlops.monitoring.recording import ACTOR, Ran
from aims_mlops.monitoring.runner import due, run_due
from aims_mlops.monitoring.workers import measuring
from aims_mlops.operations.alarms.monitoring import Alarm, filed
from aims_mlops.operations.notices import notify
from aims_mlops.operations.schedule.steps import begin_schedules
from aims_mlops.operations.webhooks.send import send_events
from aims_mlops.store.disk.atomic_write import make_folder
from aims_mlops.store.disk.single import only_process

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore
    from aims_mlops.inventory.project import Project

LOCK = "monitor.lock"

Look = Callable[["EvidenceStore", "Project", datetime], Sequence[Alarm]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round did.

    held : False if another process was at it, and nothing was done.  alarms : what is wrong now.
    opened : nonconformities that are new.  notices : sent, and those that could not be.
    """

    held: bool
    runs: tuple[Ran, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    opened: tuple[Record, ...] = ()
    notices: tuple[Record, ...] = ()

    @property
    def undelivered(self) -> tuple[Record, ...]:
        """Notices that reached nobody."""
        return tuple(n for n in self.notices if n.evidence.body["outcome"] != "sent")

    def to_body(self) -> dict[str, Any]:
        """JSON values for `--json`."""
        return {
            "held": self.held,
            "runs": [run.to_body() for run in self.runs],
            "alarms": [alarm.to_body() for alarm in self.alarms],
            "opened": [record.id for record in self.opened],
            "notices": [
                {
                    "recipient": notice.evidence.body["recipient"],
                    "about": list(notice.evidence.body["about"]),
                    "outcome": notice.evidence.body["outcome"],
                    "problem": notice.evidence.body["problem"],
                }
                for notice in self.notices
            ],
        }


def run_cycle(
    project: Project,
    look: Look,
    *,
    now: datetime,
    system: str | None = None,
    workers: int | None = None,
    told: Callable[[Ran], None] = lambda _: None,
) -> Round:
    """Do what is due, of one AI system or all, if no other process of this project is at it.

    look : what is wrong now.  told : called with each run when it is in the log.
    Runs that were missed are filed before they are caught up on, so that the gap stays in the log.
    Raises StoreUnavailableError; what is recorded by then stays, and the next round does the rest.
    """
    store = project.open_store()
    with only_process(_lock(project)) as held:
        if not held:
            return Round(held=False)
        for watched in (s for s in project.systems if s.monitoring):
            declare_system(store, watched, actor=ACTOR)
        begin_schedules(store, project, now)
        opened = filed(store, project, look(store, project, now), now)
        wanted = [pair for pair in due(store, project, now) if system in (None, pair[1].system)]
        runs = []
        with measuring(len(wanted), workers) as measure:
            for ran in run_due(store, project, wanted, measure, now):
                runs.append(ran)
                told(ran)
        found = tuple(look(store, project, now))
        opened += filed(store, project, found, now)
        return Round(
            held=True,
            runs=tuple(runs),
            alarms=found,
            opened=tuple(opened),
            notices=(*notify(store, project, now), *send_events(store, project, now)),
        )


def _lock(project: Project) -> Path:
    path = project.root / ".aims" / LOCK
    try:
        make_folder(path.parent)
        path.open("ab").close()
    except OSError as error:
        raise StoreUnavailableError(
            f"the monitor's lock {path} cannot be opened",
            got=error.strerror,
            next_step="make the folder .aims writable for whoever runs the monitor",
        ) from error
    return path
