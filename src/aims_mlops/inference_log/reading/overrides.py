"""A person decided otherwise than the model: what, and who, and why."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import InputError
from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.inference_log.storage import evidence
from aims_mlops.inference_log.storage.layout import Folder, part_name

if TYPE_CHECKING:
    from aims_mlops.inventory.project import Project

KIND = "override"


def record_override(
    request_id: str,
    was: Any,
    now: Any,
    who: str,
    reason: str,
    *,
    system: str | None = None,
    row: int = 0,
    at: datetime | None = None,
    project: Project | None = None,
) -> str:
    """Record that a person set a prediction aside; returns the path or URL of the file.

    was, now : what the model said and what counts instead; they and the reason go to the inference
        log, where retention reaches them. Evidence says that it happened, and to which request.
    who : an id or address of `people` in aims.yaml; another one becomes a pseudonym.
    system : may be left out in a project with one.
    Raises InputError without a reason or system, OSError if the log cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from aims_mlops.inference_log.storage.schema import as_json
    from aims_mlops.inventory.actor import current_actor
    from aims_mlops.inventory.declared.person import pseudonym
    from aims_mlops.inventory.project import find_project

    if not reason.strip() or not who.strip():
        raise InputError("an override needs who decided and the reason", expected="words for both")
    project = project or find_project()
    system = system or _only_system(project)
    moment = (at or datetime.now(UTC)).astimezone(UTC)
    person = project.person(who)
    name = person.id if person is not None else pseudonym(who)
    folder = Folder.of(project.inference_settings(system).folder, project.root)
    text = pa.string()
    table = pa.table(
        {
            "request_id": pa.array([request_id], text),
            "row": pa.array([row], pa.int32()),
            "time": pa.array([moment], pa.timestamp("us", tz="UTC")),
            "was": pa.array([as_json(was)], text),
            "now": pa.array([as_json(now)], text),
            "who": pa.array([name], text),
            "reason": pa.array([reason.strip()], text),
        }
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    content = bytes(sink.getvalue().to_pybytes())
    file = part_name(moment, uuid.uuid4().hex[:16], 1)
    path = folder.write("overrides", system, moment.date(), file, content)
    said = Evidence(
        kind=KIND,
        subjects=(Subject.of_name(f"system:{system}"),),
        body={
            "request_id": request_id,
            "row": row,
            "who": name,
            "at": stamp(moment),
            "folder": folder.address,
            "file": {"name": file, "sha256": hashlib.sha256(content).hexdigest()},
        },
        actor=current_actor(project),
        claimed_at=stamp(moment),
        system=system,
    )
    evidence.store(project, [said])
    return path


def _only_system(project: Project) -> str:
    if len(project.systems) != 1:
        raise InputError(
            "an override belongs to an AI system",
            got=f"{len(project.systems)} systems in aims.yaml",
            next_step="record_override(…, system='…')",
        )
    return project.systems[0].id
