"""Evidence: a search of the log, newest first, and one record with all that it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aims_mlops.errors import EvidenceNotFoundError
from aims_mlops.evidence.controls import CONTROLS
from aims_mlops.evidence.kinds import KINDS
from aims_mlops.evidence.records import Record
from aims_mlops.evidence.transparency.leaf import Leaf
from aims_mlops.web.pages.reading import MOST, Reading, brief, text_matches
from aims_mlops.web.render.environment import address

_LOOKED_AT = 2_000  # records of one search that the store cannot choose by itself
_FIELDS = ("control", "system", "kind", "subject", "person", "after", "until", "q")


def evidence(reading: Reading) -> dict[str, Any]:
    """Records that match all that was asked, newest first.

    The store chooses by kind, system and subject; by person, period and text the newest are
    looked through, a bounded number at a time, and `next` goes on where that stopped.
    """
    asked = {name: reading.asked(name) for name in _FIELDS}
    before = reading.number("before", -1, most=2**53)
    limit = max(1, reading.number("limit", MOST, most=500))
    found: list[Record] = []
    looked, last = 0, None
    for record in _candidates(reading, asked, before):
        if _matches(record, asked):
            found.append(record)
        looked, last = looked + 1, record.sequence
        if len(found) == limit or looked == _LOOKED_AT:
            break
    else:
        last = None
    here = {name: value for name, value in asked.items() if value}
    return {
        "asked": asked,
        "kinds": sorted(KINDS),
        "controls": [{"id": c.id, "title": c.title} for c in CONTROLS.values()],
        "systems": [system.id for system in reading.systems],
        "records": [brief(r) | {"page": address("records", r.id)} for r in found],
        "looked_at": looked,
        "next": address("evidence", **here, before=last) if last else None,
        "export": address("evidence.csv", **here),
    }


def _candidates(reading: Reading, asked: dict[str, str], before: int) -> Iterator[Record]:
    filters: dict[str, Any] = {"newest_first": True}
    kinds = [asked["kind"]] if asked["kind"] else None
    if asked["control"]:
        of_control = [name for name, spec in KINDS.items() if asked["control"] in spec.controls]
        kinds = [k for k in of_control if kinds is None or k in kinds]
        if not kinds:
            return
    if kinds is not None:
        filters["kind"] = kinds
    if asked["system"]:
        filters["system"] = asked["system"]
    subject = asked["subject"].removeprefix("sha256:").lower()
    if subject:
        if len(subject) != 64 or set(subject) - set("0123456789abcdef"):
            return
        filters["subject"] = subject
    if before >= 0:
        filters["before"] = before
    yield from reading.find(**filters)


def _matches(record: Record, asked: dict[str, str]) -> bool:
    day = record.received_at[:10]
    if asked["after"] and day < asked["after"]:
        return False
    if asked["until"] and day > asked["until"]:
        return False
    if asked["person"] and asked["person"].casefold() not in record.evidence.actor.casefold():
        return False
    if not asked["q"]:
        return True
    names = [subject.name for subject in record.evidence.subjects]
    return text_matches(asked["q"], [*names, record.evidence.kind, brief(record)["summary"]])


def record(reading: Reading) -> dict[str, Any]:
    """One record: what it says, what it names, its leaf and what proves that it is in the log."""
    found = reading.get(reading.path["record"])
    said = found.evidence
    spec = KINDS.get(said.kind)
    titles = {control.id: control.title for control in CONTROLS.values()}
    return {
        **brief(found),
        "line": spec.line if spec else None,
        "controls": [{"id": id_, "title": titles.get(id_, "")} for id_ in said.controls],
        "claimed_at": said.claimed_at,
        "version": said.version,
        "run": said.run,
        "subjects": [
            {"name": s.name, "sha256": s.sha256, "page": address("evidence", subject=s.sha256)}
            for s in said.subjects
        ],
        "body": dict(said.body),
        "key": found.key,
        "blobs": [
            {"sha256": blob, "page": address("records", found.id, "blobs", blob)}
            for blob in contents(found)
        ],
        "raw": address("records", found.id, "envelope.json"),
        "proof": address("records", found.id, "proof.txt"),
        "leaf": found.leaf.decode(),
        "keys": " ".join(str(key) for key in getattr(reading.store, "verifier_keys", list)()),
        "has_proof": hasattr(reading.store, "prove"),
    }


def blob_of(reading: Reading, sha256: str) -> bytes:
    """Content that the record of the address names; EvidenceNotFoundError for any other."""
    found = reading.get(reading.path["record"])
    if sha256 not in contents(found):
        raise EvidenceNotFoundError("the record names no content of this digest", got=sha256[:64])
    return reading.store.get_blob(sha256)


def contents(record: Record) -> list[str]:
    """Digests of the content beside a record: what its leaf commits to, what was shown, plots."""
    body = record.evidence.body
    plots = body.get("plots")
    named = [
        *Leaf.from_bytes(record.leaf).blobs,
        *(value for name, value in body.items() if name.endswith("_blob")),
        *(plot.get("sha256") for plot in plots or () if isinstance(plot, dict)),
    ]
    return list(dict.fromkeys(text for text in named if _is_digest(text)))


def _is_digest(text: object) -> bool:
    return isinstance(text, str) and len(text) == 64 and not set(text) - set("0123456789abcdef")
