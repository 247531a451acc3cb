"""Keys of low order are refused at enrolment."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aims_mlops.errors import EvidenceFormatError
from aims_mlops.evidence.public_keys import LOW_ORDER_Y, check_public_key

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
L = 2**252 + 27742317777372353535851937790883648493  # RFC 8032, 5.1: the order of the base point


def root(square: int) -> int | None:
    found = pow(square, (P + 3) // 8, P)
    if found * found % P != square:
        found = found * pow(2, (P - 1) // 4, P) % P
    return found if found * found % P == square else None


def add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    both = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + both, -1, P) % P
    return x, (a[1] * b[1] + a[0] * b[0]) * pow(1 - both, -1, P) % P


def times(number: int, point: tuple[int, int]) -> tuple[int, int]:
    result = (0, 1)
    while number:
        if number & 1:
            result = add(result, point)
        point = add(point, point)
        number >>= 1
    return result


def test_low_order_points_are_those_that_the_curve_has() -> None:
    found = set()
    for y in range(2, 60):
        x = root((y * y - 1) * pow(D * y * y + 1, -1, P) % P)
        if x is not None:
            found.add(times(L, (x, y))[1])  # what is left is of an order that divides 8
    assert found == LOW_ORDER_Y


def test_every_encoding_of_a_low_order_point_is_refused() -> None:
    tried = 0
    for y in LOW_ORDER_Y:
        for sign in (0, 1):
            for number in (y, y + P):
                if number < 2**255:
                    tried += 1
                    with pytest.raises(EvidenceFormatError):
                        check_public_key((number | sign << 255).to_bytes(32, "little"))
    assert tried == 14


@pytest.mark.parametrize("public", [b"", bytes(31), bytes(33), (2).to_bytes(32, "little")])
def test_bytes_that_are_no_point_are_refused(public: bytes) -> None:
    with pytest.raises(EvidenceFormatError):
        check_public_key(public)


def test_ordinary_keys_are_accepted() -> None:
    for _ in range(20):
        public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
        assert check_public_key(public) == public
