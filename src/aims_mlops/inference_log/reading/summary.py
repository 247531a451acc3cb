"""What is in a system's log, and what evidence says of it, for people who look."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aims_mlops.evidence.clock import parse
from aims_mlops.inference_log.reading.window_files import look
from aims_mlops.inference_log.storage.evidence import KIND
from aims_mlops.inference_log.storage.layout import Folder

if TYPE_CHECKING:
    from aims_mlops.inventory.project import Project

_COUNTED = ("calls", "failed_calls", "rows", "sampled", "written")


def summary(
    project: Project, system: str, *, days: int, now: datetime | None = None
) -> dict[str, Any]:
    """Files by day, counts on record and everything odd of the last days, as JSON values."""

    end = (now or datetime.now(UTC)).astimezone(UTC)
    start = end - timedelta(days=days)
    folder = Folder.of(project.inference_settings(system).folder, project.root)
    window = look(folder, system, start, end)
    by_day: dict[str, list[int]] = {}
    for file in window.files:
        by_day.setdefault(file.day.isoformat(), []).append(file.size)
    counts, dropped, lost = _on_record(project, system, start)
    return {
        "system": system,
        "folder": folder.address,
        "since": start.date().isoformat(),
        "days": [
            {"day": day, "files": len(sizes), "size": sum(sizes)}
            for day, sizes in sorted(by_day.items())
        ],
        **{name: counts[name] for name in _COUNTED},
        "dropped": dict(dropped),
        "lost": lost,
        "problems": [problem.to_body() for problem in window.problems],
    }


def _on_record(
    project: Project, system: str, start: datetime
) -> tuple[Counter[str], Counter[str], int]:
    """Counts of what was said since a moment.

    What a killed process had not said itself is in the record of its loss, which has its totals;
    they stand in for what it had said.
    """
    said: dict[str, list[dict[str, Any]]] = {}
    lost = 0
    for record in project.open_store().find(kind=KIND, system=system):
        body = record.evidence.body
        if body.get("event") not in ("written", "lost") or parse(record.received_at) < start:
            continue
        process = str(body.get("process"))
        if body["event"] == "lost":
            said[process] = [dict(body)]
            lost += int(body.get("lost") or 0)
        else:
            said.setdefault(process, []).append(dict(body))
    counts: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    for bodies in said.values():
        for body in bodies:
            counts.update({name: int(body.get(name) or 0) for name in _COUNTED})
            dropped.update({str(k): int(v) for k, v in dict(body.get("dropped") or {}).items()})
    return counts, dropped, lost
