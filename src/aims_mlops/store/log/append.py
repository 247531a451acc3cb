"""The write transaction of the log.

Rules of an append, all in one transaction that first locks the head row:
 1. the statement is checked, canonicalised and signed before it touches the database;
 2. the log must still contain what this machine last signed;
 3. a key that is taken returns the record that took it, or is a conflict;
 4. time runs forward: a clock that was set back is refused, unless it is put on record;
 5. records, subjects, full tiles and the new head with its signed checkpoint are written together.

The statements are written with SQLAlchemy Core and compiled once; they run on the driver's own
cursor, because what lies between costs more than the statements do. Most keys are new, so a batch
is tried without looking for them; the unique indexes say when one is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa  # noqa: TID253  the adapter itself

from aims_mlops.errors import (
    EvidenceConflictError,
    EvidenceError,
    StoreError,
    StoreUnavailableError,
)
from aims_mlops.evidence import clock
from aims_mlops.evidence.encoding.envelope import Signature, Signer, key_id, unseal
from aims_mlops.evidence.kinds import CLOCK_CHANGE, check_from_outside
from aims_mlops.evidence.records import Evidence, Record
from aims_mlops.evidence.transparency.checkpoint import Checkpoint, origin_of, read_checkpoint
from aims_mlops.evidence.transparency.merkle import frontier_at, grow, leaf_hash, root_of
from aims_mlops.evidence.transparency.note import VerifierKey
from aims_mlops.store.database.database import Database
from aims_mlops.store.database.tables import head, log_keys, records, subjects, tiles
from aims_mlops.store.log.codec import Draft, draft, place, record_from_row
from aims_mlops.store.log.signing import KeyChangedError, LogKeys
from aims_mlops.store.log.tile import split_hashes
from aims_mlops.store.log.tree import StoredTree, full_tiles

Also = Callable[[sa.Connection], object]
Item = tuple[Evidence, str | None, Sequence[Signature]]

_IN = 400  # values in one IN (...)

HEAD = sa.select(
    head.c.log_id,
    head.c.size,
    head.c.frontier,
    head.c.root,
    head.c.checkpoint,
    sa.select(log_keys.c.key_id)
    .where(log_keys.c.valid_from == sa.select(sa.func.max(log_keys.c.valid_from)).scalar_subquery())
    .scalar_subquery()
    .label("key_id"),
)
_LOCKED = HEAD.add_columns(
    sa.select(records.c.received_at)
    .where(records.c.sequence == head.c.size - sa.literal_column("1"))
    .scalar_subquery()
    .label("received_at")
)
_SET_HEAD = (
    head.update()
    .values({c: sa.bindparam(c) for c in ("size", "frontier", "root", "checkpoint")})
    .where(head.c.id == sa.literal_column("1"))
)


class Appender:
    """Appends to one log; `keys` sign."""

    def __init__(self, database: Database, keys: LogKeys) -> None:
        self._database = database
        self._keys = keys
        self._lock_head = database.compiled(_LOCKED.with_for_update(of=head))
        self._set_head = database.compiled(_SET_HEAD)
        self._add_record = database.compiled(records.insert())
        self._add_subject = database.compiled(subjects.insert())
        self._add_tile = database.compiled(tiles.insert())

    def append(
        self,
        batch: Sequence[Item],
        *,
        successor: Signer | None = None,
        also: Also | None = None,
        own: bool = False,
    ) -> list[Record]:
        """Sign and store (evidence, key, people's signatures): all of them, or none.

        successor : signs from the next record on, and this head beside the old key; also : what
        else to do in the same transaction; own : whether the log says it about itself.
        Raises EvidenceFormatError, EvidenceConflictError, StoreUnavailableError.
        """
        if not own:
            check_from_outside(item[0].kind for item in batch)
        try:
            return self._append(batch, successor, also)
        except KeyChangedError:
            return self._append(batch, successor, also)

    def hold(self, also: Also) -> None:
        """Run `also` with the head locked, as inside an append, and append nothing."""
        with self._database.writing() as connection:
            cursor: Any = connection.connection.cursor()
            cursor.execute(self._lock_head)
            cursor.fetchone()
            cursor.close()
            also(connection)

    def _append(
        self, batch: Sequence[Item], successor: Signer | None, also: Also | None
    ) -> list[Record]:
        signer = self._keys.signer
        items = [draft(evidence, signer, key, more) for evidence, key, more in batch]
        try:
            return self._transact(items, successor, also, search=False)
        except self._database.integrity_error:
            pass  # a key is taken, most likely: look before writing
        try:
            return self._transact(items, successor, also, search=True)
        except self._database.integrity_error as error:
            raise self._refused(items, error) from error

    def _transact(
        self, items: Sequence[Draft], successor: Signer | None, also: Also | None, *, search: bool
    ) -> list[Record]:
        with self._database.writing() as connection:
            found, seen = self._write(connection, items, successor, search=search)
            if successor is not None and seen is not None:
                connection.execute(
                    log_keys.insert(),
                    {
                        "valid_from": seen[1],
                        "key_id": key_id(successor.public),
                        "public": successor.public,
                    },
                )
            if also is not None:
                also(connection)
        if seen is not None:
            self._keys.remember(*seen)
        return found

    def _write(
        self,
        connection: sa.Connection,
        items: Sequence[Draft],
        successor: Signer | None,
        *,
        search: bool,
    ) -> tuple[list[Record], tuple[str, int, bytes] | None]:
        cursor: Any = connection.connection.cursor()
        cursor.execute(self._lock_head)
        top = cursor.fetchone()
        if top[1] and top[6] is None:
            # PostgreSQL gave the row as another writer left it, and beside it the newest key and
            # record as they were before: now that the row is ours, ask again.
            cursor.execute(self._lock_head)
            top = cursor.fetchone()
        log_id, size, frontier_bytes, root, note, current, latest = top
        frontier = split_hashes(bytes(frontier_bytes))
        self._check_head(connection, log_id, size, root, frontier, current, note)
        by_key = self._taken(connection, items) if search else {}
        received_at = self._received(latest, items)
        out: list[Record] = []
        rows: list[tuple[Any, ...]] = []
        links: list[tuple[int, str]] = []
        hashes: list[bytes] = []
        sequence = size
        for item in items:
            key, evidence, envelope = item.key, item.evidence, item.envelope
            earlier = by_key.get(key)
            if earlier is not None:
                out.append(_same(earlier, item))
                continue
            leaf = place(item, log_id, sequence, received_at)
            record = Record(
                sequence=sequence,
                id=item.id,
                key=key,
                received_at=received_at,
                evidence=evidence,
                envelope=envelope,
                leaf=leaf,
            )
            hashed = leaf_hash(leaf)
            grow(frontier, sequence, hashed)
            hashes.append(hashed)
            rows.append(
                (
                    sequence, item.id, key, evidence.kind, evidence.system, evidence.run,
                    received_at, leaf, envelope,
                )
            )  # fmt: skip
            about = item.subjects
            links += [(sequence, s) for s in (set(about) if len(about) > 1 else about)]
            by_key[key] = record
            out.append(record)
            sequence += 1
        if not rows:
            return out, None
        full = full_tiles(connection, size, hashes)
        cursor.executemany(self._add_record, rows)
        cursor.executemany(self._add_subject, links)
        if full:
            cursor.executemany(self._add_tile, full)
        root = root_of(frontier)
        signers = [self._keys.signer] if successor is None else [self._keys.signer, successor]
        note = Checkpoint(origin_of(log_id), sequence, root).sign(*signers)
        cursor.execute(self._set_head, (sequence, b"".join(frontier), root, note))
        cursor.close()
        return out, (log_id, sequence, root)

    def _received(self, latest: str | None, items: Sequence[Draft]) -> str:
        """The time of receipt; in the log it never runs backward, but on the record."""
        now = clock.now()
        if latest is None or now >= latest or items[0].evidence.kind == CLOCK_CHANGE:
            return now
        if clock.parse(latest) - clock.parse(now) <= clock.TOLERANCE:
            return latest
        raise StoreUnavailableError(
            f"the log {self._database.url} takes no record from the past",
            got=f"{now[:19]}Z by this machine's clock",
            expected=f"not before {latest[:19]}Z, when the newest record was received",
            next_step=(
                "set this machine's clock; if the newest record is from a clock that was ahead: "
                "aims evidence clock-change --reason TEXT"
            ),
        )

    def _check_head(
        self,
        connection: sa.Connection,
        log_id: str,
        size: int,
        root: bytes,
        frontier: list[bytes],
        current: str,
        note: str | None,
    ) -> None:
        """Refuse to sign on top of a log that is not the one signed before."""
        if len(frontier) != size.bit_count() or root_of(frontier) != root:
            raise StoreError(
                f"the head of the log {self._database.url} does not agree with itself",
                next_step="aims evidence verify",
            )
        self._keys.check_signer(current)
        seen = self._keys.last_signed(log_id)
        if seen == (size, root):
            return
        self._check_signed(origin_of(log_id), size, root, note)
        if seen is None:
            return
        seen_size, seen_root = seen
        if seen_size < size:
            tree = StoredTree(connection)
            if root_of(frontier_at(seen_size, tree)) == seen_root:
                return
        raise self._keys.rolled_back(self._database.url, size, seen_size)

    def _check_signed(self, origin: str, size: int, root: bytes, note: str | None) -> None:
        """Refuse to sign on top of records that somebody else put under the head."""
        if size == 0 and note is None:
            return
        try:
            said = read_checkpoint(note or "", [VerifierKey(origin, self._keys.signer.public)])
            if (said.size, said.root) == (size, bytes(root)):
                return
            why = f"a checkpoint of {said.size} records over a head of {size}, or of another root"
        except EvidenceError as error:
            why = str(error)
        raise StoreError(
            f"the head of the log {self._database.url} is not one that the log's key signed",
            got=why,
            next_step="aims evidence verify",
        )

    def _taken(self, connection: sa.Connection, items: Sequence[Draft]) -> dict[str, Record]:
        wanted = [item.key for item in items]
        found: dict[str, Record] = {}
        for start in range(0, len(wanted), _IN):
            query = sa.select(records).where(records.c.key.in_(wanted[start : start + _IN]))
            for row in connection.execute(query):
                record = record_from_row(row)
                found[record.key] = record
        return found

    def _refused(
        self, items: Sequence[Draft], error: Exception
    ) -> EvidenceConflictError | StoreError:
        """Why the database refused a batch: only now is it worth a look."""
        keys: dict[str, str] = {}
        twice = any(keys.setdefault(item.id, item.key) != item.key for item in items)
        with self._database.reading() as connection:
            for start in range(0, len(items), _IN):
                query = sa.select(records.c.id, records.c.key).where(
                    records.c.id.in_([item.id for item in items[start : start + _IN]])
                )
                twice = twice or any(keys[row.id] != row.key for row in connection.execute(query))
        if twice:
            return EvidenceConflictError(
                "the same statement is pushed under two idempotency keys",
                next_step="send it again under the first key, or without one",
            )
        reason = str(getattr(error, "orig", error))[:200]
        return StoreError(
            f"the store {self._database.url} refused the records: {reason}",
            next_step="aims evidence verify",
        )


def _same(earlier: Record, item: Draft) -> Record:
    if unseal(earlier.envelope).payload != item.payload:
        raise EvidenceConflictError(
            f"the idempotency key {item.key[:80]} is taken",
            got="another statement",
            expected=f"the one stored as {earlier.id[:16]}",
        )
    return earlier
