"""The Merkle tree of RFC 6962 and RFC 9162: hashes, roots, and both kinds of proof.

A hash is 32 bytes. A leaf is hashed with the prefix 0x00 and a node with 0x01, so neither can pass
for the other. `frontier` means the roots of the complete subtrees that a tree of some size splits
into, largest first: all that is needed to append.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from aims_mlops.errors import VerificationError

HASH = 32  # bytes
EMPTY_ROOT = hashlib.sha256(b"").digest()

# (level, index) -> hash of the complete subtree over leaves [index * 2**level, ...)
Subtree = Callable[[int, int], bytes]


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf's bytes (RFC 9162, 2.1.1)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node (RFC 9162, 2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def grow(frontier: list[bytes], size: int, leaf: bytes) -> None:
    """Append one leaf hash to the frontier of a tree of `size` leaves, in place."""
    node = leaf
    while size & 1:
        node = hashlib.sha256(b"\x01" + frontier.pop() + node).digest()
        size >>= 1
    frontier.append(node)


def root_of(frontier: Sequence[bytes]) -> bytes:
    """The root of the tree with this frontier."""
    if not frontier:
        return EMPTY_ROOT
    node = frontier[-1]
    for left in reversed(frontier[:-1]):
        node = node_hash(left, node)
    return node


def frontier_at(size: int, subtree: Subtree) -> list[bytes]:
    """The frontier of the first `size` leaves, from stored subtrees."""
    parts: list[bytes] = []
    start = 0
    for level in range(size.bit_length() - 1, -1, -1):
        if size >> level & 1:
            parts.append(subtree(level, start >> level))
            start += 1 << level
    return parts


def _range_root(start: int, end: int, subtree: Subtree) -> bytes:
    """The root over leaves [start, end); start is a multiple of a power of two >= the width."""
    width = end - start
    if width & (width - 1) == 0:
        return subtree(width.bit_length() - 1, start // width)
    split = 1 << (width - 1).bit_length() - 1
    return node_hash(
        _range_root(start, start + split, subtree), _range_root(start + split, end, subtree)
    )


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The audit path of leaf `index` in a tree of `size` leaves (RFC 9162, 2.1.3.1)."""
    if not 0 <= index < size:
        raise VerificationError(f"no leaf {index} in a tree of {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        split = start + (1 << (end - start - 1).bit_length() - 1)
        if index < split:
            path.append(_range_root(split, end, subtree))
            end = split
        else:
            path.append(_range_root(start, split, subtree))
            start = split
    return path[::-1]


def root_from_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes:
    """The root that an audit path leads to (RFC 9162, 2.1.3.2); raises VerificationError."""
    if not 0 <= index < size:
        raise VerificationError(f"no leaf {index} in a tree of {size}")
    fn, sn, node = index, size - 1, leaf
    for sibling in path:
        if sn == 0:
            raise VerificationError("the inclusion proof is too long", got=f"{len(path)} hashes")
        if fn & 1 or fn == sn:
            node = node_hash(sibling, node)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            node = node_hash(node, sibling)
        fn >>= 1
        sn >>= 1
    if sn:
        raise VerificationError("the inclusion proof is too short", got=f"{len(path)} hashes")
    return node


def consistency_proof(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """The proof that the first `old` of `new` leaves are unchanged (RFC 9162, 2.1.4.1).

    Empty for equal sizes, and for an old tree without leaves, with which everything is consistent.
    """
    if not 0 <= old <= new:
        raise VerificationError(f"no consistency from {old} to {new} leaves")
    if old in (0, new):
        return []
    path: list[bytes] = []
    start, end, whole = 0, new, True
    while old != end:
        split = start + (1 << (end - start - 1).bit_length() - 1)
        if old <= split:
            path.append(_range_root(split, end, subtree))
            end = split
        else:
            path.append(_range_root(start, split, subtree))
            start, whole = split, False
    if not whole:
        path.append(_range_root(start, end, subtree))
    return path[::-1]


def check_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]
) -> None:
    """Check a consistency proof (RFC 9162, 2.1.4.2); raises VerificationError if it fails."""
    if not 0 <= old <= new:
        raise VerificationError(f"the log shrank from {old} to {new} records")
    if old in (0, new):
        expected = EMPTY_ROOT if old == 0 else new_root
        if path or old_root != expected or (new == 0 and new_root != EMPTY_ROOT):
            raise VerificationError(f"two different trees of {old} records")
        return
    steps = list(path)
    if old & (old - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        raise VerificationError("the consistency proof is empty")
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    before = after = steps[0]
    for sibling in steps[1:]:
        if sn == 0:
            raise VerificationError("the consistency proof is too long")
        if fn & 1 or fn == sn:
            before = node_hash(sibling, before)
            after = node_hash(sibling, after)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            after = node_hash(after, sibling)
        fn >>= 1
        sn >>= 1
    if before != old_root or after != new_root or sn:
        raise VerificationError(
            f"the log of {new} records does not continue the log of {old} records"
        )
