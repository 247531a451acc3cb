"""Keys of low order are refused at enrolment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.bindings import (
    crypto_core_ed25519_is_valid_point,
    crypto_sign,
    crypto_sign_open,
    crypto_sign_seed_keypair,
)
from nacl.exceptions import BadSignatureError

from aims_mlops.approvals.keys.signature import verify_consent
from aims_mlops.errors import DocumentError, EvidenceFormatError, VerificationError
from aims_mlops.evidence.transparency.keychain import KeyChain, KeySpan
from aims_mlops.evidence.transparency.public_keys import LOW_ORDER_Y, check_public_key
from aims_mlops.inventory.project import read_settings
from aims_verify.ed25519 import is_public_key
from aims_verify.note import holds

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


def encoded(point: tuple[int, int]) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def test_key_outside_the_subgroup_of_prime_order_is_refused() -> None:
    public = Ed25519PrivateKey.from_private_bytes(b"1" * 32).public_key().public_bytes_raw()
    y = int.from_bytes(public, "little") & (2**255 - 1)
    x = root((y * y - 1) * pow(D * y * y + 1, -1, P) % P)
    assert x is not None
    for low in LOW_ORDER_Y - {1}:
        other = root((low * low - 1) * pow(D * low * low + 1, -1, P) % P)
        assert other is not None
        mixed = encoded(add((x, y), (other, low)))
        with pytest.raises(EvidenceFormatError, match="outside the subgroup"):
            check_public_key(mixed)
        assert not is_public_key(mixed)


ODD = [
    *((y | sign << 255).to_bytes(32, "little") for y in range(60) for sign in (0, 1)),
    *((P + y | sign << 255).to_bytes(32, "little") for y in range(-30, 19) for sign in (0, 1)),
    *((y | sign << 255).to_bytes(32, "little") for y in LOW_ORDER_Y for sign in (0, 1)),
]


def agree(public: bytes) -> bool:
    try:
        check_public_key(public)
        ours = True
    except EvidenceFormatError:
        ours = False
    assert ours == is_public_key(public) == bool(crypto_core_ed25519_is_valid_point(public))
    return ours


def test_policy_is_libsodiums_for_odd_points() -> None:
    assert len([public for public in ODD if agree(public)]) < len(ODD)


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=32, max_size=32))
def test_policy_is_libsodiums_for_any_bytes(public: bytes) -> None:
    agree(public)


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=32, max_size=32))
def test_policy_is_libsodiums_for_keys_that_it_makes(seed: bytes) -> None:
    assert agree(crypto_sign_seed_keypair(seed)[0])


@settings(max_examples=50, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=300))
def test_signatures_hold_in_libsodium_and_here_alike(seed: bytes, message: bytes) -> None:
    own = Ed25519PrivateKey.from_private_bytes(seed)
    public, secret = crypto_sign_seed_keypair(seed)
    assert own.public_key().public_bytes_raw() == public
    theirs = crypto_sign(message, secret)[:64]
    assert theirs == own.sign(message)
    assert holds(public, theirs, message)
    # S and the order of the group added to it: the same signature to a careless verifier.
    more = (int.from_bytes(theirs[32:], "little") + L).to_bytes(32, "little")
    assert not holds(public, theirs[:32] + more, message)
    with pytest.raises(BadSignatureError):
        crypto_sign_open(theirs[:32] + more + message, public)


def test_key_in_aims_yaml_that_anybody_can_sign_by_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "aims.yaml"
    for key in ("01" + "00" * 31, "02" + "00" * 31, "ff" * 32):
        path.write_text(
            f"systems: []\npeople:\n  - id: ada\n    keys:\n      - {{public_key: '{key}'}}\n"
        )
        with pytest.raises(DocumentError, match="public key"):
            read_settings(path)


def test_consent_under_a_key_of_low_order_does_not_hold() -> None:
    body: dict[str, Any] = {"public_key": "01" + "00" * 31, "reason": "anything"}
    body["signature"] = ("01" + "00" * 31) + "00" * 32
    with pytest.raises(VerificationError):
        verify_consent(body)


def test_ordinary_keys_are_accepted() -> None:
    for _ in range(20):
        public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
        assert check_public_key(public) == public


NEUTRAL = (1).to_bytes(32, "little")  # and a signature by it that fits every message:
FITS_ALL = NEUTRAL + bytes(32)


def test_signature_that_fits_every_message_holds_at_no_door() -> None:
    """Below the checks of whoever reads keys: of a bundle, of a handover, of a time-stamp."""
    from aims_mlops.evidence.encoding.envelope import STATEMENT_PAYLOAD, Envelope, Signature
    from aims_mlops.evidence.transparency.keychain import _has_signed, key_id
    from aims_mlops.store.verify.record_range import RangeChecker

    Ed25519PublicKey.from_public_bytes(NEUTRAL).verify(FITS_ALL, b"what the library says")
    assert not holds(NEUTRAL, FITS_ALL, b"anything")
    envelope = Envelope(STATEMENT_PAYLOAD, b"{}", (Signature(key_id(NEUTRAL), FITS_ALL),))
    assert not _has_signed(envelope, NEUTRAL)
    with pytest.raises(EvidenceFormatError):
        RangeChecker(None, "a" * 32, [KeySpan(0, NEUTRAL)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "public",
    [NEUTRAL, (P + 1).to_bytes(32, "little"), (1 | 1 << 255).to_bytes(32, "little"),
     (P - 1).to_bytes(32, "little"), bytes(32), (P + 3).to_bytes(32, "little")],
    ids=["neutral", "neutral, not canonical", "neutral, odd sign", "order 2", "order 4",
         "not canonical"],
)  # fmt: skip
@pytest.mark.parametrize("place", [0, 1])
def test_chain_of_a_log_takes_no_such_key_at_any_place(public: bytes, place: int) -> None:
    """The keys of a log's rows, of a server's answer and of a bundle become a chain."""
    good = Ed25519PrivateKey.from_private_bytes(b"1" * 32).public_key().public_bytes_raw()
    spans = [KeySpan(n * 5, public if n == place else good) for n in range(2)]
    with pytest.raises(VerificationError, match="cannot be one"):
        KeyChain("aims-mlops.org/log", spans)
    assert not is_public_key(public)
