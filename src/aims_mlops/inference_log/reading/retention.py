"""Deleting what is older than it may be kept, and saying so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, get_args

from aims_mlops.inference_log.storage import evidence
from aims_mlops.inference_log.storage.layout import Folder, Part

if TYPE_CHECKING:
    from aims_mlops.inventory.project import Project


@dataclass(frozen=True, slots=True)
class Pruned:
    """Days before `before` that were deleted, by part of the log, and how many files they had."""

    retention_days: int
    before: date
    days: dict[str, tuple[date, ...]]
    files: int


def prune(
    system: str, *, project: Project, now: datetime | None = None, dry_run: bool = False
) -> Pruned:
    """Delete the days of a system's log that are past its retention, and put that on record.

    A day is deleted as a whole, once all of it is older than `retention_days`. `dry_run` only says
    which. Raises InputError, OSError.
    """

    settings = project.inference_settings(system)
    folder = Folder.of(settings.folder, project.root)
    today = (now or datetime.now(UTC)).astimezone(UTC).date()
    before = today - timedelta(days=settings.retention_days)
    days: dict[str, tuple[date, ...]] = {}
    files = 0
    for part in get_args(Part):
        old = tuple(day for day in folder.days(part, system) if day < before)
        if not old:
            continue
        days[part] = old
        for day in old:
            if dry_run:
                files += len(folder.files(part, system, day, day))
            else:
                files += folder.remove_day(part, system, day)
    if days and not dry_run:
        body = {
            "folder": folder.address,
            "retention_days": settings.retention_days,
            "before": before.isoformat(),
            "days": {part: [day.isoformat() for day in of] for part, of in days.items()},
            "pruned_files": files,
        }
        evidence.store(project, [evidence.statement(project, system, "pruned", body)])
    return Pruned(settings.retention_days, before, days, files)
