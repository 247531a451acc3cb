"""Records as far as coverage needs them, so that a long log is read in little memory.

A record of a log holds its envelope, its leaf and a body of many lists. Coverage asks which fields
say something, and for names, digests, states and times: a few hundred bytes, most of them shared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aims_mlops.evidence.kinds import WHOLE_KINDS
from aims_mlops.evidence.records import Evidence, Record, Subject

SOMETHING = ("…",)  # in the place of a list or an object of which only its presence counts
_TEXT_LIMIT = 2_000  # characters, as `reading` shows at most

_KEPT = {
    "model": frozenset(("datasets",)),
    "monitoring-run": frozenset(("window", "replaces", "labels")),
}
_DIGESTS = ("model", "dataset", "current", "reference")  # objects of which the digest is read


class Abridged:
    """Makes records short; what many of them share is kept once."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._subjects: dict[tuple[Subject, ...], tuple[Subject, ...]] = {}
        self._controls: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._objects: dict[str, dict[str, str]] = {}
        self._bodies: dict[tuple[Any, ...], Mapping[str, Any]] = {}

    def each(self, records: Iterable[Record]) -> Iterator[Record]:
        """Each record in short, as it comes."""
        return map(self.record, records)

    def record(self, record: Record) -> Record:
        """The record without envelope, leaf and key, its body as far as coverage reads it."""
        given = record.evidence
        body = given.body if given.kind in WHOLE_KINDS else self._body(given.kind, given.body)
        evidence = Evidence(
            kind=self._once(given.kind),
            version=given.version,
            subjects=self._subjects.setdefault(given.subjects, given.subjects),
            body=body,
            actor=self._once(given.actor),
            claimed_at="",
            system=None if given.system is None else self._once(given.system),
            run=None if given.run is None else self._once(given.run),
            controls=self._controls.setdefault(given.controls, given.controls),
        )
        return Record(
            sequence=record.sequence,
            id=record.id,
            key="",
            received_at=record.received_at,
            evidence=evidence,
            envelope=b"",
            leaf=b"",
        )

    def _once(self, text: str) -> str:
        return self._texts.setdefault(text, text)

    def _body(self, kind: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        kept = _KEPT.get(kind, frozenset())
        short = {
            self._once(name): value if name in kept else self._value(name, value)
            for name, value in body.items()
        }
        if not kept.isdisjoint(body):
            return short  # what is kept whole cannot be compared
        try:
            key = tuple(
                # True equals 1, and an object is one of ours, kept once.
                (name, type(value), id(value) if type(value) is dict else value)
                for name, value in short.items()
            )
            return self._bodies.setdefault(key, short)
        except TypeError:  # of a type that JSON has not
            return short

    def _value(self, name: str, value: Any) -> Any:
        if isinstance(value, str):
            return self._once(value[: _TEXT_LIMIT + 1])
        if isinstance(value, Mapping) and name == "suite":
            origin = value.get("origin")
            origin = origin if isinstance(origin, str) else ""
            return self._objects.setdefault(f"suite {origin}", {"origin": origin})
        if isinstance(value, Mapping) and name in _DIGESTS:
            digest = value.get("sha256")
            if not isinstance(digest, str):
                return SOMETHING if value else ()
            return self._objects.setdefault(digest, {"sha256": digest})
        if isinstance(value, (Mapping, list, tuple)):
            return SOMETHING if value else ()
        return value
