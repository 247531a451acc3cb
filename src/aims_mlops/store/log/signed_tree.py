"""Reads that whoever decides, asks a person for consent, or shows evidence acts on.

A row of the database is a claim. A record counts when its envelope is the one that its leaf names
(`rows.record_from_row`), and its leaf stands in the tree under a head that the log's own key
signed: the key at hand, the one that AIMS_LOG_KEY pins, or a root that this machine itself signed
last. Only hashes are computed: one for each record, and those of a tile of 256 once. What was
proved stays proved, for the log's key signs no head that does not continue the one before.

It tells what was put in or changed. That a row was deleted from an index, so that a search does not
find it, is seen by `aims evidence verify`, which reads all of the log.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa  # noqa: TID253  the adapter itself

from aims_mlops.errors import EvidenceError, StoreError, VerificationError
from aims_mlops.evidence.transparency.checkpoint import (
    Checkpoint,
    origin_of,
    read_checkpoint,
    unverified_checkpoint,
)
from aims_mlops.evidence.transparency.keychain import ROTATION, Handover, follow
from aims_mlops.evidence.transparency.merkle import HASH, leaf_hash, root_of
from aims_mlops.evidence.transparency.note import VerifierKey
from aims_mlops.store.database.database import Database
from aims_mlops.store.database.tables import head, log_keys, records, tiles
from aims_mlops.store.log.signing import LogKeys
from aims_mlops.store.log.tile import STEP, WIDTH, fold, split_hashes

PIN_VARIABLE = "AIMS_LOG_KEY"  # the log's key as `aims key list` prints it
_KEPT = 1024  # proved tiles that stay in memory, of 8 KiB
_VERIFY = "aims evidence verify"


class NoKeyError(StoreError):
    """No key at hand, and none pinned, can tell whether records are the log's own."""


@dataclass(frozen=True, slots=True)
class _Edge:
    """A proved tree; `levels` are the hashes after the last full tile of levels 0, 8, 16, ..."""

    size: int
    levels: tuple[tuple[bytes, ...], ...]

    def at(self, level: int) -> tuple[int, tuple[bytes, ...]]:
        """Index of the first hash of a level that is in no full tile, and the hashes from it on."""
        count = self.size >> level
        return count - count % WIDTH, self.levels[level // STEP]


class SignedTree:
    """The leaves of one log, as far as its key vouches for them.

    What it keeps is replaced as a whole or only added to, so that threads may share it.
    """

    def __init__(self, database: Database, keys: LogKeys, log_id: str) -> None:
        self._database = database
        self._keys = keys
        self._log_id = log_id
        self._edge = _Edge(0, ((),))
        self._tiles: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._notes: tuple[str, Checkpoint] | None = None

    def check(self, leaves: Sequence[tuple[int, bytes]]) -> None:
        """Return if each (sequence, leaf) is in the log that its key signed.

        Raises VerificationError for one that is not, StoreError where no key can tell.
        """
        if not leaves:
            return
        newest = max(sequence for sequence, _ in leaves)
        seen = self._keys.last_signed(self._log_id)  # before the head, which is then no older
        with self._database.reading() as connection:
            edge = self._edge
            if newest >= edge.size:
                edge = self._extended(connection, seen)
            for sequence, leaf in leaves:
                if not 0 <= sequence < edge.size:
                    raise _not_signed(sequence, f"the log's key signed {edge.size} records")
                tile, offset = divmod(sequence, WIDTH)
                if self._leaf(connection, edge, tile, offset) != leaf_hash(leaf):
                    raise _not_signed(sequence, "another leaf than the one under the signed head")

    def check_head(self, size: int, root: bytes, note: str | None) -> None:
        """Return if the log's key signed this head, and it is not behind what was signed here."""
        if size == 0 and note is None and self._edge.size == 0:
            if self._keys.last_signed(self._log_id) is None:
                return
            raise self._keys.rolled_back(self._database.url, 0, self._edge.size)
        with self._database.reading() as connection:
            checkpoint = self._opened(connection, note, self._keys.last_signed(self._log_id))
        if (checkpoint.size, checkpoint.root) != (size, root):
            raise VerificationError(
                "the head of the log is not the one that its key signed",
                got=f"{size} records",
                expected=f"{checkpoint.size} records, or another root",
                next_step=_VERIFY,
            )

    # ---- the head

    def _extended(self, connection: sa.Connection, seen: tuple[int, bytes] | None) -> _Edge:
        """The tree under the newest signed head, proved from the one before."""
        note = connection.execute(sa.select(head.c.checkpoint)).scalar_one()
        checkpoint = self._opened(connection, note, seen)
        behind = max(self._edge.size, seen[0] if seen is not None else 0)
        if checkpoint.size < behind:
            raise self._keys.rolled_back(self._database.url, checkpoint.size, behind)
        edge = self._edge_of(connection, checkpoint.size)
        if _root(edge) != checkpoint.root:
            raise VerificationError(
                "the records of the log are not those that its key signed",
                got=f"another root over {checkpoint.size} records",
                next_step=_VERIFY,
            )
        self._edge = edge
        return edge

    def _opened(
        self, connection: sa.Connection, note: str | None, seen: tuple[int, bytes] | None
    ) -> Checkpoint:
        """A checkpoint that the log's key signed; each text is looked at once."""
        if note is None:
            raise VerificationError("the log has no signed head", next_step=_VERIFY)
        if self._notes is None or self._notes[0] != note:
            self._notes = (note, self._trusted(connection, note, seen))
        return self._notes[1]

    def _trusted(
        self, connection: sa.Connection, note: str, seen: tuple[int, bytes] | None
    ) -> Checkpoint:
        origin = origin_of(self._log_id)
        said = unverified_checkpoint(note)
        if seen == (said.size, said.root) and said.origin == origin:
            return said  # this machine signed it
        own = [VerifierKey(origin, public) for public in self._keys.at_hand()]
        pinned = os.environ.get(PIN_VARIABLE)
        if not own and not pinned:
            raise NoKeyError(
                f"whether the records of {self._database.url} are the log's own cannot be told",
                got="no key of the log at hand",
                expected="its key file, or its public key",
                next_step=f"set {PIN_VARIABLE} to what `aims key list` prints where the log is",
            )
        try:
            return read_checkpoint(note, own)
        except EvidenceError:
            if not pinned:
                raise VerificationError(
                    "the head of the log is not signed by the log's key", next_step=_VERIFY
                ) from None
        return self._followed(connection, VerifierKey.parse(pinned), note)

    def _followed(self, connection: sa.Connection, pinned: VerifierKey, note: str) -> Checkpoint:
        """By the chain of handovers from the pinned key to the one that signs now."""
        if pinned.name != origin_of(self._log_id):
            raise VerificationError(
                f"{PIN_VARIABLE} is another log's key",
                got=pinned.name[:120],
                expected=origin_of(self._log_id),
            )
        spans = [
            (int(start), bytes(public))
            for start, public in connection.execute(
                sa.select(log_keys.c.valid_from, log_keys.c.public).order_by(log_keys.c.valid_from)
            )
        ]
        query = sa.select(records.c.sequence, records.c.envelope)
        handovers = []
        for sequence, envelope in connection.execute(query.where(records.c.kind == ROTATION)):
            after = query.where(records.c.sequence == sequence + 1)
            following = connection.execute(after).first()
            handovers.append(
                Handover(sequence, envelope, following.envelope if following else None)
            )
        return follow(pinned, note, spans, handovers).read_head(note)

    # ---- the tree

    def _edge_of(self, connection: sa.Connection, size: int) -> _Edge:
        levels: list[tuple[bytes, ...]] = []
        level, count = 0, size
        while True:
            start = count - count % WIDTH
            known = self._known(level, start)
            more = self._read(connection, level, start + len(known), count)
            levels.append((*known, *more))
            if start == 0:
                return _Edge(size, tuple(levels))
            level, count = level + STEP, count // WIDTH

    def _known(self, level: int, start: int) -> tuple[bytes, ...]:
        """Hashes of this level from `start` on that were proved before."""
        if level // STEP >= len(self._edge.levels):
            return ()
        begin, hashes = self._edge.at(level)
        return hashes if begin == start else ()

    def _read(self, connection: sa.Connection, level: int, start: int, end: int) -> list[bytes]:
        """The rest of them, from the records or from the tiles below."""
        if start == end:
            return []
        if level == 0:
            query = sa.select(records.c.leaf).where(
                records.c.sequence >= start, records.c.sequence < end
            )
            rows = connection.execute(query.order_by(records.c.sequence)).scalars()
            found = [leaf_hash(bytes(leaf)) for leaf in rows]
        else:
            stored = sa.select(tiles.c.hashes).where(
                tiles.c.level == level - STEP, tiles.c.position >= start, tiles.c.position < end
            )
            rows = connection.execute(stored.order_by(tiles.c.position)).scalars()
            found = [_folded(bytes(tile)) for tile in rows]
        if len(found) != end - start:
            raise VerificationError(
                "the log lacks records or tiles that its key signed",
                got=f"{len(found)} of {end - start} from {start} on at level {level}",
                next_step=_VERIFY,
            )
        return found

    def _leaf(self, connection: sa.Connection, edge: _Edge, tile: int, offset: int) -> bytes:
        begin, hashes = edge.at(0)
        if tile * WIDTH >= begin:
            return hashes[offset]
        return self._tile(connection, edge, 0, tile)[offset * HASH : (offset + 1) * HASH]

    def _tile(self, connection: sa.Connection, edge: _Edge, level: int, position: int) -> bytes:
        """A full tile whose root is proved."""
        key = (level, position)
        if (kept := self._tiles.get(key)) is not None:
            return kept
        found = connection.execute(
            sa.select(tiles.c.hashes).where(tiles.c.level == level, tiles.c.position == position)
        ).scalar()
        begin, hashes = edge.at(level + STEP)
        if position >= begin:
            proved = hashes[position - begin]
        else:
            above = self._tile(connection, edge, level + STEP, position // WIDTH)
            offset = position % WIDTH * HASH
            proved = above[offset : offset + HASH]
        if found is None or len(found) != WIDTH * HASH or _folded(bytes(found)) != proved:
            raise VerificationError(
                "a tile of the log's tree is not the one under the signed head",
                got=f"tile {position} of level {level}",
                next_step=_VERIFY,
            )
        self._tiles[key] = bytes(found)
        while len(self._tiles) > _KEPT:
            self._tiles.popitem(last=False)
        return bytes(found)


def _folded(tile: bytes) -> bytes:
    return fold(split_hashes(tile))


def _root(edge: _Edge) -> bytes:
    """The root over the hashes of all levels, the highest level first."""
    frontier: list[bytes] = []
    for hashes in reversed(edge.levels):
        start = 0
        for bit in range(STEP - 1, -1, -1):
            if len(hashes) >> bit & 1:
                frontier.append(fold(hashes[start : start + (1 << bit)]))
                start += 1 << bit
    return root_of(frontier)


def _not_signed(sequence: int, why: str) -> VerificationError:
    return VerificationError(
        f"record {sequence} is not one that the log's key signed", got=why, next_step=_VERIFY
    )
