"""The Merkle tree against the definitions of RFC 9162, written here a second time."""

from __future__ import annotations

import hashlib

import pytest

from aims_mlops.errors import VerificationError
from aims_mlops.evidence.transparency.merkle import (
    EMPTY_ROOT,
    check_consistency,
    consistency_proof,
    frontier_at,
    grow,
    inclusion_proof,
    leaf_hash,
    root_from_inclusion,
    root_of,
)

# Leaves and roots of the reference test of Certificate Transparency (RFC 6962 trees of 1 to 8).
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def mth(leaves: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, as written."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 9162, 2.1.3.1, as written."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """RFC 9162, 2.1.4.1, as written."""
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def subtree_of(leaves: list[bytes]):
    return lambda level, index: mth(leaves[index << level : (index + 1) << level])


def grown(leaves: list[bytes]) -> list[bytes]:
    frontier: list[bytes] = []
    for i, leaf in enumerate(leaves):
        grow(frontier, i, leaf_hash(leaf))
    return frontier


def some_leaves(count: int) -> list[bytes]:
    return [b"leaf %d" % i for i in range(count)]


def test_roots_are_those_of_the_reference_test() -> None:
    for size, root in enumerate(ROOTS, start=1):
        assert root_of(grown(LEAVES[:size])).hex() == root


def test_empty_tree_has_the_hash_of_nothing() -> None:
    assert root_of([]) == EMPTY_ROOT
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_frontier_of_any_size_is_that_of_the_stored_subtrees() -> None:
    leaves = some_leaves(70)
    for size in range(71):
        frontier = grown(leaves[:size])
        assert frontier == frontier_at(size, subtree_of(leaves))
        assert root_of(frontier) == mth(leaves[:size])


def test_every_inclusion_proof_up_to_size_40_is_the_rfcs_and_verifies() -> None:
    leaves = some_leaves(40)
    for size in range(1, 41):
        root = mth(leaves[:size])
        for index in range(size):
            proof = inclusion_proof(index, size, subtree_of(leaves[:size]))
            assert proof == path(index, leaves[:size])
            assert len(proof) <= (size - 1).bit_length()
            assert root_from_inclusion(index, size, leaf_hash(leaves[index]), proof) == root


def test_inclusion_proof_for_another_place_leaf_or_size_does_not_verify() -> None:
    leaves = some_leaves(13)
    root = mth(leaves)
    tried = 0
    for index in range(13):
        proof = inclusion_proof(index, 13, subtree_of(leaves))
        variants = [
            (other, 13, leaf_hash(leaves[index]), proof) for other in range(13) if other != index
        ]
        variants += [(index, 13, leaf_hash(leaves[(index + 1) % 13]), proof)]
        variants += [(index, 13, leaf_hash(leaves[index]), proof[:-1])]
        variants += [(index, 13, leaf_hash(leaves[index]), [*proof, root])]
        variants += [(index, 13, leaf_hash(leaves[index]), proof[::-1])]
        for i, size, leaf, steps in variants:
            if steps == proof and i == index and leaf == leaf_hash(leaves[index]):
                continue
            tried += 1
            try:
                found = root_from_inclusion(i, size, leaf, steps)
            except VerificationError:
                continue
            assert found != root
    assert tried == 13 * 16


def test_every_consistency_proof_up_to_size_40_is_the_rfcs_and_verifies() -> None:
    leaves = some_leaves(40)
    for new in range(41):
        new_root = mth(leaves[:new])
        for old in range(new + 1):
            proof = consistency_proof(old, new, subtree_of(leaves[:new]))
            if 0 < old < new:
                assert proof == subproof(old, leaves[:new], True)
            else:
                assert proof == []
            check_consistency(old, new, mth(leaves[:old]), new_root, proof)


def test_history_that_was_rewritten_is_not_consistent() -> None:
    leaves = some_leaves(20)
    forged = [b"forged", *leaves[1:]]
    for new in range(1, 21):
        for old in range(1, new + 1):
            proof = consistency_proof(old, new, subtree_of(forged[:new]))
            with pytest.raises(VerificationError):
                check_consistency(old, new, mth(leaves[:old]), mth(forged[:new]), proof)


@pytest.mark.parametrize("old", [1, 2, 3, 4, 7, 8])
def test_consistency_proof_with_a_hash_too_many_or_too_few_does_not_verify(old: int) -> None:
    leaves = some_leaves(13)
    proof = consistency_proof(old, 13, subtree_of(leaves))
    for wrong in (proof[:-1], [*proof, EMPTY_ROOT], proof[1:], []):
        with pytest.raises(VerificationError):
            check_consistency(old, 13, mth(leaves[:old]), mth(leaves), wrong)


def test_corner_cases_of_consistency() -> None:
    check_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, [])
    check_consistency(0, 5, EMPTY_ROOT, mth(some_leaves(5)), [])
    check_consistency(4, 4, mth(some_leaves(4)), mth(some_leaves(4)), [])
    with pytest.raises(VerificationError, match="shrank"):
        check_consistency(5, 4, EMPTY_ROOT, EMPTY_ROOT, [])
    with pytest.raises(VerificationError):
        check_consistency(4, 4, mth(some_leaves(4)), mth(some_leaves(5)), [])
    with pytest.raises(VerificationError):
        check_consistency(0, 4, mth(some_leaves(1)), mth(some_leaves(4)), [])
    with pytest.raises(VerificationError):
        check_consistency(0, 0, EMPTY_ROOT, mth(some_leaves(1)), [])
