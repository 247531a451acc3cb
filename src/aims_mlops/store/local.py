"""The log's own database behind a store, for what only its keeper can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aims_mlops.errors import InputError

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore
    from aims_mlops.store.log.sql import SqlStore


def local_log(store: EvidenceStore, purpose: str) -> SqlStore:
    """The rows of the store, if it is a log of ours on SQLite or PostgreSQL; raises InputError."""
    from aims_mlops.store.log.sql import SqlStore

    if isinstance(store, SqlStore):
        return store.as_stored
    raise InputError(
        f"{purpose} needs the log itself",
        got=f"the store {store.url}",
        expected="sqlite:// or postgresql://",
        next_step="run it where the log is kept",
    )
