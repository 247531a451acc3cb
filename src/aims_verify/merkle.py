"""The Merkle tree of RFC 6962 once more, written against the text and not against the log's code.

A hash is 32 bytes. Sources: RFC 6962, section 2.1; RFC 9162, sections 2.1.3.2 and 2.1.4.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

MAX_PATH = 64  # hashes; a tree of 2**64 leaves has no longer one
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256 of 0x00 and the leaf's bytes."""
    return sha256(b"\x00" + leaf).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class GrowingTree:
    """The root over a stream of leaves; memory is one hash for each bit of the size."""

    def __init__(self) -> None:
        self.size = 0
        self._stack: list[tuple[int, bytes]] = []  # (height, root) of complete subtrees

    def append(self, hashed: bytes) -> None:
        """Add the hash of the next leaf."""
        height = 0
        while self._stack and self._stack[-1][0] == height:
            hashed = _node(self._stack.pop()[1], hashed)
            height += 1
        self._stack.append((height, hashed))
        self.size += 1

    def root(self) -> bytes:
        """The root over what was added so far."""
        if not self._stack:
            return EMPTY_ROOT
        root = self._stack[-1][1]
        for _, left in self._stack[-2::-1]:
            root = _node(left, root)
        return root


def inclusion_holds(
    index: int, size: int, hashed: bytes, path: Sequence[bytes], root: bytes
) -> bool:
    """Whether `path` leads from leaf `index` to the root of a tree of `size` leaves."""
    if not 0 <= index < size or len(path) > MAX_PATH:
        return False
    first, last = index, size - 1
    for sibling in path:
        if last == 0:
            return False
        if first % 2 == 1 or first == last:
            hashed = _node(sibling, hashed)
            while first % 2 == 0 and first != 0:
                first, last = first // 2, last // 2
        else:
            hashed = _node(hashed, sibling)
        first, last = first // 2, last // 2
    return last == 0 and hashed == root


def consistency_holds(
    old_size: int, size: int, old_root: bytes, root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether `path` proves that the tree of `size` leaves begins with the tree of `old_size`."""
    if not 0 <= old_size <= size or len(path) > MAX_PATH:
        return False
    if old_size == 0:
        return not path and old_root == EMPTY_ROOT and (size > 0 or root == EMPTY_ROOT)
    if old_size == size:
        return not path and old_root == root
    hashes = list(path)
    if old_size & (old_size - 1) == 0:
        hashes.insert(0, old_root)
    if not hashes:
        return False
    first, last = old_size - 1, size - 1
    while first % 2 == 1:
        first, last = first // 2, last // 2
    older = newer = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if first % 2 == 1 or first == last:
            older, newer = _node(sibling, older), _node(sibling, newer)
            while first % 2 == 0 and first != 0:
                first, last = first // 2, last // 2
        else:
            newer = _node(newer, sibling)
        first, last = first // 2, last // 2
    return last == 0 and older == old_root and newer == root
