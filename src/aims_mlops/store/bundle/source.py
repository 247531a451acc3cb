"""What a bundle needs from a log beyond its records: keys, proofs at one size, erased blobs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Protocol

from aims_mlops.errors import AimsError, InputError
from aims_mlops.evidence.store import EvidenceStore
from aims_mlops.evidence.transparency.merkle import (
    Subtree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
)
from aims_mlops.store.log.sql import SqlStore

if TYPE_CHECKING:
    from sqlalchemy import Connection

NEAR = 8_192  # leaves that are read at once for proofs of the newest records


class BundleSource(Protocol):
    """Where proofs for a bundle come from; every proof is against the first `size` records."""

    def log_keys(self) -> list[tuple[int, bytes]]:
        """(first record, raw public key) of each key of the log, oldest first."""

    def inclusion_paths(self, sequences: Sequence[int], size: int) -> list[list[bytes]]:
        """The audit path of each record."""

    def consistency_path(self, old: int, size: int) -> list[bytes]:
        """The proof that the first `old` records are unchanged."""

    def erased(self) -> frozenset[str]:
        """Digests of the blobs whose content was erased or pruned."""

    def salt_of(self, blob: str) -> bytes | None:
        """The salt of personal content, which proves its commitment; None for other blobs."""


def source_of(store: EvidenceStore) -> BundleSource:
    """The source behind a store; InputError if the store cannot prove anything."""
    if isinstance(store, SqlStore):
        return SqlSource(store)
    if all(hasattr(store, name) for name in ("log_keys", "inclusion_paths", "consistency_path")):
        return store  # type: ignore[return-value]  # a remote store is its own source
    raise InputError(
        f"the store {store.url} gives no proofs, so no bundle can be made of it",
        expected="an SQLite or PostgreSQL store, or a server of this version",
    )


def header_signature(store: EvidenceStore, public: bytes, message: bytes) -> bytes | None:
    """A signature by the log's key, raw; None where this process does not have that key."""
    if not isinstance(store, SqlStore):
        return None
    try:
        signer = store.signing.signer
    except AimsError:
        return None
    return signer.sign(message) if signer.public == public else None


class SqlSource:
    """Proofs out of the stored tree."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def log_keys(self) -> list[tuple[int, bytes]]:
        """The log's keys: from which record on, and the public key."""
        import sqlalchemy as sa

        from aims_mlops.store.database.tables import log_keys

        with self._store.database.reading() as connection:
            rows = connection.execute(sa.select(log_keys).order_by(log_keys.c.valid_from))
            return [(int(row.valid_from), bytes(row.public)) for row in rows]

    def inclusion_paths(self, sequences: Sequence[int], size: int) -> list[list[bytes]]:
        """The proof for each record that it is in the tree of a size."""
        if not sequences:
            return []
        with self._store.database.reading() as connection:
            tree = _near_end(connection, min(sequences), size)
            return [inclusion_proof(sequence, size, tree) for sequence in sequences]

    def consistency_path(self, old: int, size: int) -> list[bytes]:
        """The proof that the tree of a size continues an older one."""
        from aims_mlops.store.log.tree import StoredTree

        with self._store.database.reading() as connection:
            return consistency_proof(old, size, StoredTree(connection))

    def erased(self) -> frozenset[str]:
        """Names of blobs that were erased."""
        return self._store.erased()

    def salt_of(self, blob: str) -> bytes | None:
        """The salt of an encrypted blob; None if it is not encrypted or was erased."""
        found = self._store.secrets_of(blob)
        return None if found is None else found.salt


def _near_end(connection: Connection, first: int, size: int) -> Subtree:
    """Subtrees of the log, those over the newest leaves from one read of them.

    Tiles hold only full runs of leaves; without this, each proof of a record pushed just now would
    read the leaves behind the last full run again and again.
    """
    import sqlalchemy as sa

    from aims_mlops.store.database.tables import records
    from aims_mlops.store.log.tile import WIDTH
    from aims_mlops.store.log.tree import StoredTree

    stored = StoredTree(connection)
    start = first - first % WIDTH
    if size - start > NEAR:
        start = max(size - size % WIDTH, 0)
    rows = connection.execute(
        sa.select(records.c.leaf)
        .where(records.c.sequence >= start, records.c.sequence < size)
        .order_by(records.c.sequence)
    ).scalars()
    leaves = [leaf_hash(bytes(leaf)) for leaf in rows]

    @cache
    def subtree(level: int, index: int) -> bytes:
        low = index << level
        if low < start:
            return stored(level, index)
        if level == 0:
            return leaves[low - start]
        return node_hash(subtree(level - 1, 2 * index), subtree(level - 1, 2 * index + 1))

    return subtree
