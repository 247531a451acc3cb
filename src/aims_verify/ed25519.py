"""Which Ed25519 public keys may be a log's; the log's own code has the same policy, written apart.

A key is the canonical encoding of a point of the curve in the subgroup of prime order: then one
signature means one message, and verifiers with and without the cofactor agree. Whoever could put in
a point of low order could sign anything by it.
Source: RFC 8032, sections 5.1 and 5.1.3; docs/adr/0106.
"""

from __future__ import annotations

from functools import lru_cache

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_I = pow(2, (_P - 1) // 4, _P)

Point = tuple[int, int, int, int]  # extended: X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z
_NEUTRAL: Point = (0, 1, 1, 0)


@lru_cache(maxsize=256)
def is_public_key(raw: bytes) -> bool:
    """Whether 32 bytes are a public key that a log may have."""
    point = _decode(raw)
    return point is not None and not _same(point, _NEUTRAL) and _same(_times(_L, point), _NEUTRAL)


def _decode(raw: bytes) -> Point | None:
    if len(raw) != 32:
        return None
    number = int.from_bytes(raw, "little")
    odd, y = number >> 255, number & (2**255 - 1)
    if y >= _P:
        return None
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if v * x * x % _P != u:
        x = x * _I % _P
    if v * x * x % _P != u or (x == 0 and odd):
        return None
    if x & 1 != odd:
        x = _P - x
    return x, y, 1, x * y % _P


def _add(a: Point, b: Point) -> Point:
    p, q = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0])
    r, s = 2 * a[3] * b[3] * _D, 2 * a[2] * b[2]
    e, f, g, h = q - p, s - r, s + r, q + p
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _double(a: Point) -> Point:
    p, q, s = a[0] * a[0], a[1] * a[1], 2 * a[2] * a[2]
    h = p + q
    e, g = h - (a[0] + a[1]) ** 2, p - q
    f = s + g
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(number: int, point: Point) -> Point:
    result = _NEUTRAL
    for digit in bin(number)[2:]:
        result = _double(result)
        if digit == "1":
            result = _add(result, point)
    return result


def _same(a: Point, b: Point) -> bool:
    return (a[0] * b[2] - b[0] * a[2]) % _P == 0 and (a[1] * b[2] - b[1] * a[2]) % _P == 0
