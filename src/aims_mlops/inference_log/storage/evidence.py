"""Evidence about an inference log: what was written, dropped, and lost with a killed process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aims_mlops.evidence.clock import now
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.inference_log.storage.tally import Counts
from aims_mlops.inference_log.storage.trouble import Trouble

if TYPE_CHECKING:
    from aims_mlops.inventory.project import Project

KIND = "inference-log"


def statement(project: Project, system: str, event: str, body: Mapping[str, Any]) -> Evidence:
    """A step of a system's inference log, said by whoever this process acts for.

    The model's digest is in the body and no subject: a gate would read every hour of operation.
    """
    from aims_mlops.inventory.actor import current_actor

    return Evidence(
        kind=KIND,
        subjects=(Subject.of_name(f"system:{system}"),),
        body={"event": event, **body},
        actor=current_actor(project),
        claimed_at=now(),
        system=system,
    )


def said_of(counts: Counts, since: Counts, *, unopened: bool = False) -> dict[str, Any]:
    """What came since an earlier count, as a body says it; rows but for `calls`.

    unopened : the log could not be opened, so that nothing of it was written.
    """
    dropped = {
        "queue full": counts.queue_full - since.queue_full,
        "unreadable": counts.unreadable - since.unreadable,
        "log not opened" if unopened else "folder not writable": counts.unwritten - since.unwritten,
    }
    return {
        "calls": counts.calls - since.calls,
        "failed_calls": counts.failed - since.failed,
        "rows": counts.rows - since.rows,
        "sampled": counts.sampled - since.sampled,
        "written": counts.written - since.written,
        "dropped": {reason: rows for reason, rows in dropped.items() if rows},
        "waiting": counts.waiting,
    }


def gap(project: Project, system: str, trouble: Trouble) -> Evidence:
    """That the log of a system lacks something, as a `gap` of its own."""
    said = statement(project, system, "gap", {})
    return replace(said, kind="gap", body=trouble.to_body())


def store(
    project: Project, batch: Sequence[Evidence], *, key: str | None = None, spools: bool = False
) -> bool:
    """Store or spool statements; True once they are safe on disk. Raises StoreUnavailableError.

    key : for a lone statement that must be told once, whoever tells it.  spools : it is not known
    which store is meant.
    """
    from aims_mlops.errors import EvidenceConflictError
    from aims_mlops.store.disk.spool import spool_batch
    from aims_mlops.store.remote.delivery import deliver_soon, is_remote

    if spools:
        spool_batch(project.root, batch, reason="DocumentError")
        return True
    if is_remote(project.store_url):
        spool_batch(project.root, batch)
        deliver_soon(project.root, project.store_url)
        return True
    try:
        if key is not None:
            project.open_store().append(batch[0], key=key)
        else:
            project.open_store().append_many(batch)
    except EvidenceConflictError:
        return True  # another process has told it
    except Exception as error:  # noqa: BLE001  whatever it is, the counts must not be lost
        spool_batch(project.root, batch, reason=type(error).__qualname__)
    return True
