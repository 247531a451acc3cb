"""Reports: what can be made, what is being made, and what was."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from aims_mlops.errors import EvidenceNotFoundError
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.records import Record
from aims_mlops.report import history
from aims_mlops.report.coverage import page as coverage_page
from aims_mlops.store.bundle.export import Scope, export_bundle
from aims_mlops.web.pages.controls import coverage_of
from aims_mlops.web.pages.reading import Reading
from aims_mlops.web.render.environment import address
from aims_mlops.web.reports.desk import FOLDER, Desk, Report, Tell

KINDS = ("coverage", "history", "bundle")
_EVERY = 500  # records between two words about progress


@cache
def _desk(folder: Path) -> Desk:
    return Desk(folder)


def desk_of(reading: Reading) -> Desk:
    """The reports of the project; one worker for each process."""
    return _desk(reading.project.root / FOLDER)


def reports(reading: Reading) -> dict[str, Any]:
    """What was asked for, newest first, of the systems that the viewer may see."""
    found = [r for r in desk_of(reading).reports() if _may_see(reading, r)]
    return {
        "kinds": list(KINDS),
        "systems": [system.id for system in reading.systems],
        "all": reading.viewer.systems is None,
        "running": any(r.state in ("waiting", "running") for r in found),
        "reports": [
            asdict(r) | {"page": address("reports", r.id) if r.state == "done" else None}
            for r in found
        ],
    }


def _may_see(reading: Reading, report: Report) -> bool:
    return reading.sees(report.about or None)


def ask(reading: Reading, kind: str, system: str) -> str:
    """Have a report made; its id. Raises EvidenceNotFoundError for what the viewer may not see."""
    if kind not in KINDS or not reading.sees(system or None) or (kind == "history" and not system):
        raise EvidenceNotFoundError("no such report that you may see", got=kind[:40])
    if system and reading.project.system(system) is None:
        raise EvidenceNotFoundError("no AI system of this id that you may see", got=system[:64])
    make: Callable[[Reading, str, Tell], bytes] = {
        "coverage": _coverage, "history": _history, "bundle": _bundle,
    }[kind]  # fmt: skip
    ending = "bundle" if kind == "bundle" else "html"
    return desk_of(reading).ask(
        kind,
        system,
        person=reading.viewer.person,
        name=f"{kind}-{system or 'all'}-{reading.now:%Y-%m-%d}.{ending}",
        make=lambda tell: make(reading, system, tell),
    )


def content_of(reading: Reading) -> tuple[Report, bytes]:
    """The report of the address and its bytes; EvidenceNotFoundError."""
    desk = desk_of(reading)
    found = desk.report(reading.path["report"])
    if not _may_see(reading, found):
        raise EvidenceNotFoundError("no such report that you may see")
    return found, desk.content(found)


class _Counted:
    """A store that tells how many records were read of it."""

    def __init__(self, store: Any, tell: Tell) -> None:
        self._store, self._tell = store, tell
        self._read, self._of = 0, store.status().size

    def find(self, **filters: Any) -> Iterator[Record]:
        for record in self._store.find(**filters):
            self._read += 1
            if self._read % _EVERY == 0:
                self._tell(min(self._read, self._of), self._of)
            yield record

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def _with_progress(reading: Reading, tell: Tell) -> Reading:
    return Reading(
        project=reading.project,
        store=_Counted(reading.store, tell),
        viewer=reading.viewer,
        now=reading.now,
    )


def _coverage(reading: Reading, system: str, tell: Tell) -> bytes:
    found = coverage_of(_with_progress(reading, tell), system or None)
    alone = reading.project.settings.single_user
    return coverage_page.as_html(found, single_user=alone).encode()


def _history(reading: Reading, system: str, tell: Tell) -> bytes:
    records = _with_progress(reading, tell).find(system=system)
    alone = reading.project.settings.single_user
    return history.as_html(history.tell(records, system, now()), single_user=alone).encode()


def _bundle(reading: Reading, system: str, tell: Tell) -> bytes:
    """The pack for an auditor: verifies offline. Personal content stays out."""
    tell(0, reading.store.status().size)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pack"
        export_bundle(reading.store, path, scope=Scope(system=system or None))
        return path.read_bytes()
