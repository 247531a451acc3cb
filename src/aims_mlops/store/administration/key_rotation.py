"""Hand the log over to a new key, or put a key that was stolen in doubt.

A key is valid for a range of the log, not of clock times. The rotation is a record that both keys
sign, and so is the checkpoint over it; the record after it is the first of the new key alone. The
old private key is destroyed, so that nobody who comes later can sign in its name. What this proves
to others is in `evidence.transparency.keychain`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa  # noqa: TID253  the adapter itself

from aims_mlops.errors import InputError
from aims_mlops.evidence import clock
from aims_mlops.evidence.encoding.envelope import Signer, key_id
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.evidence.transparency.keychain import ROTATION, Handover
from aims_mlops.evidence.transparency.public_keys import check_public_key
from aims_mlops.store.database.tables import log_keys
from aims_mlops.store.log.sql import SqlStore


@dataclass(frozen=True, slots=True)
class LogKey:
    """One line of `aims key list`: signs from record `valid_from` up to before `valid_until`.

    revoked_from : the record from which what it signed is in doubt; None for most keys.
    verifier : the key as text, to hand over to an auditor.
    """

    key_id: str
    verifier: str
    valid_from: int
    valid_until: int | None
    revoked_from: int | None


def list_keys(store: SqlStore) -> list[LogKey]:
    """Every key that the log was signed with, oldest first."""
    with store.database.reading() as connection:
        rows = connection.execute(sa.select(log_keys).order_by(log_keys.c.valid_from)).all()
    verifiers = store.verifier_keys()
    revoked = {
        str(r.evidence.body.get("key_id")): int(r.evidence.body.get("since", 0))
        for r in store.find(kind="key-revocation")
    }
    ends: list[int | None] = [*(int(row.valid_from) for row in rows[1:]), None]
    return [
        LogKey(row.key_id, str(verifier), int(row.valid_from), end, revoked.get(row.key_id))
        for row, verifier, end in zip(rows, verifiers, ends, strict=True)
    ]


def rotate_key(
    store: SqlStore, *, actor: str, reason: str = "rotation", signer: Signer | None = None
) -> Record:
    """Hand the log over to a new key and return the record of it.

    signer : the new key where it lives in a key management service; else a new file is made.
    """
    old = key_id(store.signing.signer.public)  # first: without the old key there is no handover
    new = signer if signer is not None else store.signing.prepare_next()
    public = check_public_key(new.public)
    evidence = Evidence(
        kind="key-rotation",
        subjects=(Subject(f"key:{key_id(public)[:16]}", key_id(public)),),
        body={
            "key_id": key_id(public),
            "log": store.log_id,
            "public": public.hex(),
            "previous": old,
            "reason": reason[:1000],
        },
        actor=actor,
        claimed_at=clock.now(),
    )
    record = store.append_rotation(evidence, new)
    if signer is not None:
        store.signing.use(signer)
    else:
        store.signing.promote()
    return record


def revoke_key(store: SqlStore, key: str, *, since: int, actor: str, reason: str) -> Record:
    """Put on record that what a key signed from record `since` on is in doubt.

    key : its id or a prefix of 8 and more digits. The key that signs now must be rotated first.
    """
    found = [k for k in list_keys(store) if len(key) >= 8 and k.key_id.startswith(key.lower())]
    if len(found) != 1:
        raise InputError(
            f"{len(found) or 'no'} keys of the log begin with {key[:64]}",
            next_step="aims key list",
        )
    if found[0].valid_until is None:
        raise InputError(
            f"key {found[0].key_id[:16]} signs the log now",
            next_step="aims key rotate, then revoke",
        )
    evidence = Evidence(
        kind="key-revocation",
        subjects=(Subject(f"key:{found[0].key_id[:16]}", found[0].key_id),),
        body={"key_id": found[0].key_id, "since": since, "reason": reason[:1000]},
        actor=actor,
        claimed_at=clock.now(),
    )
    return store.append_own(evidence)


def handovers(store: SqlStore) -> Iterator[Handover]:
    """Every record of a handover, with the record after it."""
    for record in store.find(kind=ROTATION):
        following = next(iter(store.find(since=record.sequence + 1, limit=1)), None)
        yield Handover(record.sequence, record.envelope, following.envelope if following else None)
