"""What a pinned key vouches for: forward from where it begins, through handovers that happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aims_mlops.errors import VerificationError
from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.evidence.encoding.envelope import Signer, seal, sign
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.evidence.transparency.checkpoint import Checkpoint, origin_of
from aims_mlops.evidence.transparency.keychain import Handover, KeyChain, KeySpan, follow
from aims_mlops.evidence.transparency.note import VerifierKey
from aims_mlops.store.disk.key_file import FileSigner

LOG = "0" * 31 + "7"
ORIGIN = origin_of(LOG)


def signer(seed: int) -> FileSigner:
    return FileSigner(Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


ONE, TWO, THREE, FORGER = (signer(seed) for seed in (1, 2, 3, 9))


def statement(kind: str, body: dict[str, Any]) -> bytes:
    subjects = (Subject.of_name("x"),)
    time = "2026-11-21T09:00:00.000000Z"
    return canonical(
        Evidence(
            kind=kind, subjects=subjects, body=body, actor="keeper", claimed_at=time
        ).to_statement()
    )


def handover(
    sequence: int,
    old: FileSigner,
    new: FileSigner,
    *,
    by: tuple[Signer, ...] | None = None,
    kind: str = "key-rotation",
    following: bytes | None = None,
    without_log: bool = False,
    **change: Any,
) -> Handover:
    body = {
        "key_id": new.key_id,
        "log": LOG,
        "previous": old.key_id,
        "public": new.public.hex(),
        "reason": "rotation",
        **change,
    }
    if without_log:
        del body["log"]
    payload = statement(kind, body)
    signers = by if by is not None else (old, new)
    return Handover(sequence, seal(payload, [sign(payload, s) for s in signers]), following)


def head(size: int, *signers: Signer) -> str:
    return Checkpoint(ORIGIN, size, bytes([size]) * 32).sign(*signers)


def pin(key: FileSigner, origin: str = ORIGIN) -> VerifierKey:
    return VerifierKey(origin, key.public)


SPANS = [(0, ONE.public), (5, TWO.public), (9, THREE.public)]
HANDOVERS = [handover(4, ONE, TWO), handover(8, TWO, THREE)]


def test_first_and_newest_key_vouch_for_a_log_that_was_handed_over() -> None:
    chain = follow(pin(ONE), head(12, THREE), SPANS, HANDOVERS)
    assert [span.valid_from for span in chain.spans] == [0, 5, 9]
    follow(pin(THREE), head(12, THREE), SPANS, HANDOVERS)
    # Right at a handover both keys sign the head.
    follow(pin(ONE), head(5, ONE, TWO), SPANS[:2], HANDOVERS[:1])
    follow(pin(TWO), head(5, ONE, TWO), SPANS[:2], HANDOVERS[:1])


def test_key_in_the_middle_vouches_only_by_a_checkpoint_that_was_kept() -> None:
    with pytest.raises(VerificationError, match="vouches for nothing"):
        follow(pin(TWO), head(12, THREE), SPANS, HANDOVERS)
    with pytest.raises(VerificationError, match="vouches for nothing"):
        follow(pin(TWO), head(12, THREE), SPANS, HANDOVERS, kept=[head(3, ONE)])
    follow(pin(TWO), head(12, THREE), SPANS, HANDOVERS, kept=[head(7, TWO)])
    # Not even its own signature, where another key signed for the log at that time.
    with pytest.raises(VerificationError, match="another time"):
        follow(pin(TWO), head(12, THREE), SPANS, HANDOVERS, kept=[head(3, TWO)])


def test_chain_that_a_forger_ends_in_the_true_key_is_refused() -> None:
    """Signed by a key of his own, the last record 'rotates' into the pinned one."""
    spans = [(0, FORGER.public), (5, ONE.public)]
    for signers, heads in (
        ((FORGER,), (FORGER,)),
        ((FORGER, FORGER), (FORGER, FORGER)),
    ):
        with pytest.raises(VerificationError):
            follow(pin(ONE), head(5, *heads), spans, [handover(4, FORGER, ONE, by=signers)])
    chain = KeyChain(ORIGIN, [KeySpan(*span) for span in spans])
    with pytest.raises(VerificationError):
        chain.check_pinned(pin(ONE), head(5, FORGER))


@pytest.mark.parametrize(
    "broken",
    [
        [],
        [HANDOVERS[1]],
        [handover(4, ONE, TWO, by=(FORGER, TWO)), HANDOVERS[1]],
        [handover(4, ONE, TWO, by=(ONE,)), HANDOVERS[1]],
        [handover(4, ONE, THREE), HANDOVERS[1]],
        [handover(4, ONE, TWO, log="f" * 32), HANDOVERS[1]],
        [handover(4, ONE, TWO, previous="f" * 64), HANDOVERS[1]],
        [handover(4, ONE, TWO, key_id="f" * 64), HANDOVERS[1]],
        [handover(4, ONE, TWO, kind="run"), HANDOVERS[1]],
        [handover(3, ONE, TWO), HANDOVERS[1]],
        [*HANDOVERS, handover(2, ONE, FORGER)],
        [*HANDOVERS, handover(11, THREE, FORGER)],
        [Handover(4, b"{}"), HANDOVERS[1]],
    ],
)
def test_handover_that_did_not_happen_breaks_the_chain(broken: list[Handover]) -> None:
    with pytest.raises(VerificationError, match="key"):
        follow(pin(ONE), head(12, THREE), SPANS, broken)


def test_handover_of_an_older_version_counts_once_the_new_key_signed_the_next_record() -> None:
    payload = statement("run", {})
    taken_up = seal(payload, [sign(payload, TWO)])
    stranger = seal(payload, [sign(payload, FORGER)])

    def make(**options: Any) -> list[Handover]:
        return [handover(4, ONE, TWO, by=(ONE,), **options)]

    follow(pin(ONE), head(8, TWO), SPANS[:2], make(without_log=True, following=taken_up))
    for options in (
        {"without_log": True},
        {"without_log": True, "following": stranger},
        {"without_log": True, "following": b"?"},
        {"following": taken_up},
    ):
        with pytest.raises(VerificationError, match="sign"):
            follow(pin(ONE), head(8, TWO), SPANS[:2], make(**options))


@pytest.mark.parametrize(
    ("size", "signers"), [(12, (TWO,)), (12, (ONE,)), (9, (TWO,)), (12, (FORGER,))]
)
def test_head_by_a_key_that_does_not_sign_next_is_refused(
    size: int, signers: tuple[Signer, ...]
) -> None:
    with pytest.raises(VerificationError):
        follow(pin(ONE), head(size, *signers), SPANS, HANDOVERS)


def test_key_of_another_log_is_refused_though_it_signed_this_one() -> None:
    chain = KeyChain(ORIGIN, [KeySpan(0, ONE.public)])
    with pytest.raises(VerificationError, match="another log"):
        chain.check_pinned(pin(ONE, origin_of("f" * 32)), head(3, ONE))


@pytest.mark.parametrize(
    "spans",
    [
        [],
        [(1, ONE.public)],
        [(0, ONE.public), (0, TWO.public)],
        [(0, ONE.public), (5, TWO.public), (9, ONE.public)],
        [(0, bytes(32))],
        [(0, b"short")],
    ],
)
def test_keys_that_cannot_be_those_of_a_log_are_refused(spans: list[tuple[int, bytes]]) -> None:
    with pytest.raises(VerificationError):
        KeyChain(ORIGIN, [KeySpan(*span) for span in spans])


def test_record_counts_by_the_key_of_its_time_alone() -> None:
    chain = KeyChain(ORIGIN, [KeySpan(*span) for span in SPANS])
    payload = statement("run", {})

    def by(*signers: Signer) -> bytes:
        return seal(payload, [sign(payload, s) for s in signers])

    good: Callable[..., None] = chain.check_record
    good(4, by(ONE))
    good(5, by(TWO, FORGER))
    for sequence, envelope in (
        (4, by(TWO)),
        (5, by(ONE)),
        (12, by(FORGER)),
        (12, seal(payload, [])),
    ):
        with pytest.raises(VerificationError, match="not signed by the log's key"):
            chain.check_record(sequence, envelope)
