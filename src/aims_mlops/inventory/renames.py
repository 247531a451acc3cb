"""Names of an AI system: what a record of a renaming carries over to the new one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from aims_mlops.evidence.records import Record

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

KIND = "system-rename"


class Names:
    """The fold of `system-rename` records, given in the order of the log."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._now: dict[str, str] = {}
        for record in records:
            if record.evidence.kind == KIND:
                body = record.evidence.body
                self._rename(str(body.get("from")), str(body.get("to")))

    def _rename(self, old: str, new: str) -> None:
        for name, now in list(self._now.items()):
            if now == old:
                self._now[name] = new
        self._now[old] = new
        self._now.pop(new, None)

    def current(self, id_: str) -> str:
        """The id that a system has now."""
        return self._now.get(id_, id_)

    def of(self, id_: str) -> tuple[str, ...]:
        """Every id that the system has had; the one that it has now comes first."""
        return (id_, *(name for name, now in self._now.items() if now == id_ and name != id_))

    def key(self, key: str) -> str:
        """The key of an alarm under the present id: `what/SYSTEM/…`."""
        what, *rest = key.split("/")
        return "/".join((what, self.current(rest[0]), *rest[1:])) if rest else key


def of_system(
    store: EvidenceStore, system: str | None, kind: str | tuple[str, ...]
) -> Iterator[Record]:
    """Records of a system under every id that it has had, in the order of the log; None is all."""
    if system is None:
        yield from store.find(kind=kind)
        return
    names = Names(store.find(kind=KIND)).of(system)
    found = [record for name in names for record in store.find(kind=kind, system=name)]
    yield from sorted(found, key=lambda record: record.sequence)
