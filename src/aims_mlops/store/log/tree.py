"""The stored Merkle tree: tiles of 256 hashes, written when full, and proofs read from them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import sqlalchemy as sa  # noqa: TID253  the adapter itself

from aims_mlops.errors import VerificationError
from aims_mlops.evidence.transparency.merkle import leaf_hash
from aims_mlops.store.database.tables import records, tiles
from aims_mlops.store.log.tile import STEP, WIDTH, fold, split_hashes


def full_tiles(
    connection: sa.Connection, start: int, hashes: Sequence[bytes]
) -> list[tuple[int, int, bytes]]:
    """(level, position, hashes) of the tiles that `hashes` after `start` leaves make full."""
    rows: list[tuple[int, int, bytes]] = []
    level, first, new = 0, start, list(hashes)
    while (first + len(new)) // WIDTH > first // WIDTH:
        begin = first - first % WIDTH
        joined = _stored(connection, level, begin, first) + new
        roots: list[bytes] = []
        for position in range(begin // WIDTH, (begin + len(joined)) // WIDTH):
            offset = position * WIDTH - begin
            tile = joined[offset : offset + WIDTH]
            rows.append((level, position, b"".join(tile)))
            roots.append(fold(tile))
        level, first, new = level + STEP, begin // WIDTH, roots
    return rows


def _stored(connection: sa.Connection, level: int, start: int, end: int) -> list[bytes]:
    """The hashes [start, end) of one level of tiles, from the level below."""
    if start == end:
        return []
    if level == 0:
        found = connection.execute(
            sa.select(records.c.leaf)
            .where(records.c.sequence >= start, records.c.sequence < end)
            .order_by(records.c.sequence)
        ).scalars()
        hashes = [leaf_hash(bytes(leaf)) for leaf in found]
    else:
        below = connection.execute(
            sa.select(tiles.c.hashes)
            .where(tiles.c.level == level - STEP, tiles.c.position >= start, tiles.c.position < end)
            .order_by(tiles.c.position)
        ).scalars()
        hashes = [fold(split_hashes(bytes(tile))) for tile in below]
    if len(hashes) != end - start:
        raise VerificationError(
            f"the log lacks {'records' if level == 0 else 'tiles'} between {start} and {end}",
            got=str(len(hashes)),
            expected=str(end - start),
            next_step="aims evidence verify",
        )
    return hashes


class StoredTree:
    """Hashes of complete subtrees of the log as one connection sees it, for proofs."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._tile = lru_cache(maxsize=64)(self._read_tile)

    def __call__(self, level: int, index: int) -> bytes:
        """The hash of the subtree over leaves [index << level, (index + 1) << level)."""
        base = level - level % STEP
        width = 1 << (level - base)
        start = index * width  # in hashes of level `base`
        tile = self._tile(base, start // WIDTH)
        if tile is not None:
            offset = start % WIDTH
            return fold(tile[offset : offset + width])
        return fold(_stored(self._connection, base, start, start + width))

    def _read_tile(self, level: int, position: int) -> list[bytes] | None:
        found = self._connection.execute(
            sa.select(tiles.c.hashes).where(tiles.c.level == level, tiles.c.position == position)
        ).scalar()
        return None if found is None else split_hashes(bytes(found))
