"""What a page reads from: the store as its viewer may see it, and what the address asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from aims_mlops.errors import EvidenceNotFoundError
from aims_mlops.evidence.kinds import LOG_KINDS, SHARED_KINDS
from aims_mlops.evidence.records import Record
from aims_mlops.evidence.store import EvidenceStore
from aims_mlops.inventory.declared.system import System
from aims_mlops.inventory.project import Project

MOST = 50  # rows of a page where nobody asked for more
# What belongs to no system and is part of every one's story.
_OF_NO_SYSTEM = frozenset((*SHARED_KINDS, *LOG_KINDS))


class Viewer(Protocol):
    """Whoever looks. systems : ids that they may see; None for every one."""

    @property
    def person(self) -> str:
        """Their id in aims.yaml."""
        ...

    @property
    def roles(self) -> frozenset[str]:
        """What they may be asked to do."""
        ...

    @property
    def systems(self) -> frozenset[str] | None:
        """Ids of the systems that they may see; None for every one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One look at one page. query, path : parts of its address, as they came."""

    project: Project
    store: EvidenceStore
    viewer: Viewer
    now: datetime
    query: Mapping[str, str] = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)

    def find(self, **filters: Any) -> Iterator[Record]:
        """`store.find`, without the records of systems that the viewer may not see."""
        return (record for record in self.store.find(**filters) if self.may_see(record))

    def get(self, id_: str) -> Record:
        """`store.get`; a record that the viewer may not see is not found."""
        record = self.store.get(id_)
        if not self.may_see(record):
            raise EvidenceNotFoundError("no record of this id that you may see", got=id_[:64])
        return record

    def may_see(self, record: Record) -> bool:
        """Whether the record is of a system that the viewer may see."""
        if self.viewer.systems is None:
            return True
        system = record.evidence.system
        if system is None:
            return record.evidence.kind in _OF_NO_SYSTEM
        return system in self.viewer.systems

    def sees(self, system: str | None) -> bool:
        """Whether the viewer may see a system; what belongs to none, only who may see all."""
        seen = self.viewer.systems
        return seen is None or (system is not None and system in seen)

    @property
    def systems(self) -> tuple[System, ...]:
        """The declared systems that the viewer may see."""
        return tuple(system for system in self.project.systems if self.sees(system.id))

    def asked(self, name: str) -> str:
        """A text of the query, without the space around it; '' if it was not given."""
        return self.query.get(name, "").strip()[:200]

    def number(self, name: str, default: int, *, most: int) -> int:
        """A whole number of the query from 0 to `most`; the default for anything else."""
        text = self.query.get(name, "")
        return min(int(text), most) if text.isascii() and text.isdigit() else default


def brief(record: Record) -> dict[str, Any]:
    """A record as one row of a list."""
    from aims_mlops.report.render.one_line import summarise

    return {
        "id": record.id,
        "sequence": record.sequence,
        "kind": record.evidence.kind,
        "system": record.evidence.system,
        "actor": record.evidence.actor,
        "received_at": record.received_at,
        "summary": summarise(record),
    }


def briefs(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Each of them as a row."""
    return [brief(record) for record in records]


def text_matches(asked: str, texts: Sequence[str | None]) -> bool:
    """Whether every word that was asked for is in one of the texts, whatever its letter case."""
    whole = " ".join(text for text in texts if text).casefold()
    return all(word in whole for word in asked.casefold().split())
