"""Which Ed25519 public keys may be enrolled.

Under a key of low order one signature holds for many messages, and the `cryptography` package
accepts such keys; so every key is checked once, before anything trusts it.
Source: RFC 8032, 5.1 (the curve and how a point is encoded).
"""

from __future__ import annotations

from aims_mlops.errors import EvidenceFormatError

_P = 2**255 - 19
_ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022

# The y coordinates of the points whose order divides 8; a test derives them from the curve.
LOW_ORDER_Y = frozenset((0, 1, _P - 1, _ORDER_8, _P - _ORDER_8))


def check_public_key(public: bytes) -> bytes:
    """The key, if it may be enrolled; raises EvidenceFormatError.

    public : raw Ed25519 public key, 32 bytes. Refused: another length, an encoding that is not the
    canonical one, a point that is not on the curve, a point of low order.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if len(public) != 32:
        raise EvidenceFormatError(
            "not an Ed25519 public key", got=f"{len(public)} bytes", expected="32 bytes"
        )
    y = int.from_bytes(public, "little") & (2**255 - 1)
    if y >= _P:
        raise EvidenceFormatError("the public key is not in its canonical encoding")
    if y in LOW_ORDER_Y:
        raise EvidenceFormatError(
            "the public key is of low order: one signature under it holds for many messages"
        )
    if not _on_curve(y):
        raise EvidenceFormatError("the public key is not a point of the curve")
    Ed25519PublicKey.from_public_bytes(public)
    return public


def _on_curve(y: int) -> bool:
    d = -121665 * pow(121666, -1, _P)
    square = (y * y - 1) * pow(d * y * y + 1, -1, _P) % _P
    return pow(square, (_P - 1) // 2, _P) in (0, 1)
