"""What a client with a pinned key is given to follow the log by itself."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from aims_mlops.evidence.transparency.checkpoint import unverified_checkpoint
from aims_mlops.evidence.transparency.keychain import ROTATION
from aims_mlops.server.answers import hashes, record_answer

if TYPE_CHECKING:
    from aims_mlops.evidence.records import Record
    from aims_mlops.store.bundle.source import SqlSource
    from aims_mlops.store.log.sql import SqlStore


def trust_answer(store: SqlStore, source: SqlSource, old: int) -> dict[str, Any]:
    """The state of the log at its newest checkpoint, as a TrustAnswer.

    Records that arrive meanwhile are left out, so that all of it is as of one checkpoint.
    """
    note = store.status().checkpoint
    size = unverified_checkpoint(note).size if note is not None else 0

    def proved(record: Record) -> dict[str, Any]:
        (path,) = source.inclusion_paths([record.sequence], size)
        return record_answer(record) | {"proof": hashes(path)}

    handovers = []
    for record in store.signed.find(kind=ROTATION, before=size):
        after = None
        if "log" not in record.evidence.body:  # one of an older version
            after = next(store.signed.find(since=record.sequence + 1, before=size, limit=1), None)
        handovers.append(proved(record) | {"following": proved(after) if after else None})
    return {
        "log_id": store.log_id,
        "checkpoint": note,
        "keys": [
            {"valid_from": start, "public": b64encode(public).decode()}
            for start, public in source.log_keys()
            if start <= size
        ],
        "handovers": handovers,
        "consistency": hashes(source.consistency_path(old, size)) if old <= size else None,
    }
