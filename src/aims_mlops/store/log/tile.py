"""A tile: a run of 256 hashes of one level of the Merkle tree, kept together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from aims_mlops.evidence.transparency.merkle import HASH

WIDTH = 256  # hashes in a tile
STEP = 8  # levels of the tree that a tile spans


def split_hashes(joined: bytes) -> list[bytes]:
    """Hashes that are stored one after another."""
    return [joined[i : i + HASH] for i in range(0, len(joined), HASH)]


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    sha256 = hashlib.sha256
    level = list(hashes)
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=True)
        level = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return level[0]
