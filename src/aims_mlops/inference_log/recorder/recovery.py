"""What killed processes left: rows they had accepted and nobody will write, told once each."""

from __future__ import annotations

import contextlib
import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aims_mlops.evidence.clock import parse
from aims_mlops.inference_log.storage import evidence
from aims_mlops.inference_log.storage.layout import Folder
from aims_mlops.inference_log.storage.state import state_folder
from aims_mlops.inference_log.storage.tally import Counts, Ended, ended

if TYPE_CHECKING:
    from aims_mlops.inventory.project import Project


def tell_losses(project: Project) -> int:
    """Put on record what processes of this project on this machine lost; gives how many rows.

    Raises StoreUnavailableError if it could be neither stored nor spooled; it is told later then.
    """
    lost = 0
    for one in ended(state_folder(project.root)):
        told = False
        try:
            if one.counts.calls or one.counts.failed:
                lost += _tell(project, one)
            told = True
        finally:
            one.done(remove=told)
    return lost


def _tell(project: Project, one: Ended) -> int:
    system, process = str(one.about.get("system")), str(one.about.get("process"))
    folder = Folder(str(one.about.get("folder")), one.about.get("said"))
    files = _files(folder, system, process, one)
    # Killed between a file and its count: what is in the file is not lost.
    uncounted = [file for file in files if file["number"] > one.counts.files]
    one.counts.written += sum(file["rows"] for file in uncounted)
    lost = one.counts.waiting
    trouble = one.about.get("trouble")
    unopened = isinstance(trouble, dict) and "(log)" in str(trouble.get("where"))
    with contextlib.suppress(OSError):
        folder.sweep(system, process)
    body: dict[str, Any] = {
        "process": process,
        "folder": folder.address,
        "model": one.about.get("model"),
        "version": one.about.get("version"),
        "target": one.about.get("target"),
        "since": one.about.get("started"),
        "until": None,
        "lost": lost,
        "unrecorded": one.counts.rows - one.counts.recorded,
        **evidence.said_of(one.counts, Counts(), unopened=unopened),
        "trouble": trouble,
        "files": [{k: v for k, v in file.items() if k != "number"} for file in files],
    }
    said = evidence.statement(project, system, "lost", body)
    evidence.store(project, [said], key=f"{evidence.KIND}/{process}/lost")
    return lost


def _files(folder: Folder, system: str, process: str, one: Ended) -> list[dict[str, Any]]:
    """Files that the process wrote after it had last said so; a folder that is away tells none."""
    try:
        first = parse(str(one.about.get("started"))) - timedelta(days=1)
    except ValueError:
        return []
    return list(_unrecorded(folder, system, process, first, one.counts.recorded_files))


def _unrecorded(
    folder: Folder, system: str, process: str, first: datetime, recorded: int
) -> list[dict[str, Any]]:
    found = []
    try:
        for file in folder.files("predictions", system, first.date()):
            _, _, rest = file.name.partition(f"-{process}-")
            number = rest.removesuffix(".parquet")
            if number.isdigit() and int(number) > recorded:
                content = folder.read(file.path)
                found.append(
                    {
                        "name": file.name,
                        "number": int(number),
                        "day": file.day.isoformat(),
                        "rows": _rows(content),
                        "size": len(content),
                        "sha256": hashlib.sha256(content).hexdigest(),
                    }
                )
    except Exception:  # noqa: BLE001  the loss is told all the same
        return found
    return found


def _rows(content: bytes) -> int:
    import io

    import pyarrow.parquet as pq

    return int(pq.read_metadata(io.BytesIO(content)).num_rows)
