"""Which Ed25519 public keys are taken, wherever one comes in: docs/adr/0106.

The canonical encoding of a point of the curve in the subgroup of prime order, not the neutral one.
Under a key of low order one signature holds for many messages, and under one outside the subgroup
verifiers disagree; the `cryptography` package accepts both. `aims_verify.ed25519` has the same
policy, written apart.
Source: RFC 8032, 5.1 (the curve, how a point is encoded, the order of the base point).
"""

from __future__ import annotations

from functools import lru_cache

from aims_mlops.errors import EvidenceFormatError

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_1 = pow(2, (_P - 1) // 4, _P)
_ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022

# The y coordinates of the points whose order divides 8; a test derives them from the curve.
LOW_ORDER_Y = frozenset((0, 1, _P - 1, _ORDER_8, _P - _ORDER_8))


@lru_cache(maxsize=1024)
def check_public_key(public: bytes) -> bytes:
    """The key, if it may be one; raises EvidenceFormatError.

    public : raw Ed25519 public key, 32 bytes. Refused: another length, an encoding that is not the
    canonical one, a point that is not on the curve, of low order, or outside the prime subgroup.
    """
    if len(public) != 32:
        raise EvidenceFormatError(
            "not an Ed25519 public key", got=f"{len(public)} bytes", expected="32 bytes"
        )
    number = int.from_bytes(public, "little")
    y = number & (2**255 - 1)
    if y >= _P:
        raise EvidenceFormatError("the public key is not in its canonical encoding")
    if y in LOW_ORDER_Y:
        raise EvidenceFormatError(
            "the public key is of low order: one signature under it holds for many messages"
        )
    x = _x_of(y)
    if x is None:
        raise EvidenceFormatError("the public key is not a point of the curve")
    # The sign of x does not change the order of the point.
    if not _has_prime_order(x, y):
        raise EvidenceFormatError(
            "the public key is outside the subgroup of prime order: verifiers disagree about it",
            next_step="make a new key",
        )
    return public


def _x_of(y: int) -> int | None:
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * _ROOT_OF_MINUS_1 % _P
    return x if x * x % _P == square else None


def _has_prime_order(x: int, y: int) -> bool:
    """Whether the group's order times the point is the neutral one, in projective coordinates.

    Addition by Bernstein, Birkner, Joye, Lange, Peters: Twisted Edwards Curves (2008), section 6.
    """
    sum_x, sum_y, sum_z = 0, 1, 1
    for digit in f"{_ORDER:b}":
        b = (sum_x + sum_y) ** 2
        c, d, h = sum_x * sum_x, sum_y * sum_y, sum_z * sum_z
        f = (d - c) % _P
        j = f - 2 * h
        sum_x, sum_y, sum_z = (b - c - d) * j % _P, f * (-c - d) % _P, f * j % _P
        if digit == "1":
            b = sum_z * sum_z % _P
            c, d = sum_x * x % _P, sum_y * y % _P
            e = _D * c * d % _P
            f, g = b - e, b + e
            sum_x, sum_y, sum_z = (
                sum_z * f * ((sum_x + sum_y) * (x + y) - c - d) % _P,
                sum_z * g * (d + c) % _P,
                f * g % _P,
            )
    return sum_x == 0 and sum_y == sum_z
