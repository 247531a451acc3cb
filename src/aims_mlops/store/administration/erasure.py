"""Erase content, hold it against erasure, prune it at the end of its time.

None of these touches a leaf: every proof ever given still verifies, and verification says "content
erased, commitment intact". The record of an erasure is signed and stored in the same transaction
that destroys the key.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import orjson
import sqlalchemy as sa  # noqa: TID253  the adapter itself

from aims_mlops.errors import EvidenceNotFoundError, GovernanceError, InputError
from aims_mlops.evidence import clock
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.store.database.tables import blob_keys
from aims_mlops.store.log.sql import SqlStore

_MAX_LISTED = 1_000  # blobs named by one retention record


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold in force: the record that set it, what it covers and why."""

    record_id: str
    subjects: tuple[str, ...]
    reason: str


def place_hold(store: SqlStore, subjects: Iterable[str], *, actor: str, reason: str) -> Record:
    """Forbid erasing content until released; `subjects` are SHA-256 of subjects or blobs."""
    about = tuple(Subject(f"held:{digest[:16]}", digest) for digest in subjects)
    return store.append_own(
        Evidence(
            kind="hold",
            subjects=about,
            body={"reason": reason[:1000]},
            actor=actor,
            claimed_at=clock.now(),
        )
    )


def release_hold(store: SqlStore, record_id: str, *, actor: str, reason: str) -> Record:
    """End a hold; raises InputError if the record is not a hold in force."""
    record = store.get(record_id)
    if record.id not in {hold.record_id for hold in holds(store)}:
        raise InputError(f"record {record_id[:16]} is not a hold in force")
    return store.append_own(
        Evidence(
            kind="hold-release",
            subjects=record.evidence.subjects,
            body={"hold": record.id, "reason": reason[:1000]},
            actor=actor,
            claimed_at=clock.now(),
        )
    )


def holds(store: SqlStore) -> list[Hold]:
    """Every hold in force, oldest first."""
    released = {str(r.evidence.body.get("hold")) for r in store.find(kind="hold-release")}
    return [
        Hold(
            record.id,
            tuple(s.sha256 for s in record.evidence.subjects),
            str(record.evidence.body.get("reason", "")),
        )
        for record in store.find(kind="hold")
        if record.id not in released
    ]


def erase(store: SqlStore, blob: str, *, actor: str, reason: str) -> Record:
    """Destroy the content of a blob and return the record of it.

    blob : its digest or commitment. Encrypted, it loses its key and salt, else its object.
    Raises GovernanceError while a hold covers the blob or a subject of a record that refers to it,
    EvidenceNotFoundError if there is no such blob.
    """
    _refuse_if_held(store, [blob])
    secrets = store.secrets_of(blob)
    if secrets is None and not store.blobs.exists(blob):
        raise EvidenceNotFoundError(f"no blob {blob[:16]} in {store.blob_location}")
    evidence = Evidence(
        kind="erasure",
        subjects=(Subject(f"blob:{blob[:16]}", blob),),
        body={
            "blobs": [blob],
            "commitment": "sha256" if secrets is None else "hmac-sha256",
            "reason": reason[:1000],
        },
        actor=actor,
        claimed_at=clock.now(),
    )
    record = store.append_own(evidence, lambda connection: _destroy_keys(connection, [blob]))
    store.blobs.delete(blob if secrets is None else secrets.name)
    return record


def prune(
    store: SqlStore, *, older_than: timedelta, actor: str, kinds: Iterable[str] | None = None
) -> list[Record]:
    """Prune the blobs of records that the store received longer ago than this.

    kinds : only of these kinds of evidence. A blob that a younger record refers to as well stays,
    and so does one under a hold. Returns the records of it, each naming at most 1,000 blobs.
    """
    limit = clock.stamp(clock.parse(clock.now()) - older_than)
    chosen = None if kinds is None else frozenset(kinds)
    old: dict[str, None] = {}
    kept: set[str] = set()
    for record in store.find():
        blobs = orjson.loads(record.leaf)["blobs"]
        if record.received_at < limit and (chosen is None or record.evidence.kind in chosen):
            old.update(dict.fromkeys(blobs))
        else:
            kept.update(blobs)
    gone = store.erased()
    held = _held(store)
    names = [b for b in old if b not in kept and b not in gone and b not in held]
    records = []
    for start in range(0, len(names), _MAX_LISTED):
        part = names[start : start + _MAX_LISTED]
        objects = [
            blob if (secrets := store.secrets_of(blob)) is None else secrets.name for blob in part
        ]
        evidence = Evidence(
            kind="retention",
            subjects=(Subject.of_name(f"retention:{limit}:{start}"),),
            body={"blobs": part, "older_than_days": older_than.days, "received_before": limit},
            actor=actor,
            claimed_at=clock.now(),
        )

        def also(connection: sa.Connection, part: list[str] = part) -> None:
            _destroy_keys(connection, part)

        records.append(store.append_own(evidence, also))
        for name in objects:
            store.blobs.delete(name)
    return records


def _destroy_keys(connection: sa.Connection, blobs: list[str]) -> None:
    connection.execute(blob_keys.delete().where(blob_keys.c.commitment.in_(blobs)))


def _held(store: SqlStore) -> set[str]:
    """Digests of blobs that a hold covers, by themselves or through a record that has them."""
    found: set[str] = set()
    for hold in holds(store):
        for subject in hold.subjects:
            found.add(subject)
            for record in store.find(subject=subject):
                found.update(orjson.loads(record.leaf)["blobs"])
    return found


def _refuse_if_held(store: SqlStore, blobs: list[str]) -> None:
    held = _held(store)
    for blob in blobs:
        if blob in held:
            raise GovernanceError(
                f"the blob {blob[:16]} is under a hold",
                next_step="aims evidence hold --list, and release the hold first",
            )
