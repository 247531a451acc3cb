"""Which keys signed a log, and what a key that somebody pinned vouches for.

The one rule for `aims evidence verify`, the remote client and anchors (`aims_verify` has a copy of
its own, on purpose). No I/O: the caller proves that each handover stands at its place in the log,
and that the log continues a checkpoint that was kept.

 1. A key signs the records from its `valid_from` up to the next key's, and comes once.
 2. A handover is the record right before the new key's first. The old key signed it, it names the
    new key, and the new key signed it too. In one of an older version, which has no `log` in its
    body, the new key signed the record right after it instead.
 3. Every record that speaks of a handover is one: the log's key did change there.
 4. A checkpoint counts if the key of its last record signed it, or the one that takes over there;
    the head only if the key signed it that signs next.
 5. A pinned key vouches for a head that it signed, for a log that begins with it, or for one that
    continues a kept checkpoint that it signed. Standing somewhere in the chain is nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from aims_mlops.errors import EvidenceError, VerificationError
from aims_mlops.evidence.encoding.envelope import STATEMENT_PAYLOAD, Envelope, key_id, pae, unseal
from aims_mlops.evidence.records import PREDICATE_PREFIX
from aims_mlops.evidence.transparency.checkpoint import Checkpoint, origin_of, read_checkpoint
from aims_mlops.evidence.transparency.note import VerifierKey
from aims_mlops.evidence.transparency.public_keys import check_public_key

ROTATION = "key-rotation"


@dataclass(frozen=True, slots=True)
class KeySpan:
    """A log's key (raw, 32 bytes), which signs from record `valid_from` up to the next key's."""

    valid_from: int
    public: bytes

    @property
    def key_id(self) -> str:
        """The key's id as the log names it."""
        return key_id(self.public)


@dataclass(frozen=True, slots=True)
class Handover:
    """A record of kind `key-rotation`, proved to be in the log at `sequence`.

    envelope : its bytes.  following : those of the record right after it, where there is one; only
    a handover of an older version needs it.
    """

    sequence: int
    envelope: bytes
    following: bytes | None = None


class KeyChain:
    """The keys of one log, oldest first; VerificationError if they cannot be those of a log."""

    def __init__(self, origin: str, spans: Iterable[KeySpan]) -> None:
        self.origin = origin
        self.spans = tuple(spans)
        starts = [span.valid_from for span in self.spans]
        if not starts or starts[0] != 0 or sorted(set(starts)) != starts:
            raise VerificationError("the log's keys do not follow one another from record 0")
        if len({span.public for span in self.spans}) != len(self.spans):
            raise VerificationError("a key of the log comes twice")
        for span in self.spans:
            try:
                check_public_key(span.public)
            except EvidenceError as error:
                raise VerificationError(f"a key of the log cannot be one: {error}") from error

    def key_at(self, sequence: int) -> KeySpan:
        """The key that signs this record."""
        return max((s for s in self.spans if s.valid_from <= sequence), key=lambda s: s.valid_from)

    def in_force(self, size: int) -> tuple[KeySpan, ...]:
        """The keys that may sign a checkpoint of this size: two where one takes over."""
        found = {span.valid_from: span for span in map(self.key_at, (max(size - 1, 0), size))}
        return tuple(found.values())

    def read_checkpoint(self, note: str) -> Checkpoint:
        """A checkpoint signed by the key of its time; VerificationError, EvidenceFormatError."""
        checkpoint = read_checkpoint(note, self._named(self.spans))
        if all(not _signed(note, key) for key in self._named(self.in_force(checkpoint.size))):
            raise VerificationError(
                f"the checkpoint of {checkpoint.size} records is signed by a key of another time"
            )
        return checkpoint

    def read_head(self, note: str) -> Checkpoint:
        """A log's newest checkpoint: the key that signs its next record signed it."""
        checkpoint = self.read_checkpoint(note)
        newest = self.key_at(checkpoint.size)
        if not _signed(note, VerifierKey(self.origin, newest.public)):
            raise VerificationError(
                f"the checkpoint of {checkpoint.size} records is not signed by "
                f"{newest.key_id[:16]}, the log's key from record {newest.valid_from} on",
                next_step="where the log was handed over with an older version, add any record",
            )
        return checkpoint

    def check_record(self, sequence: int, envelope: bytes) -> None:
        """VerificationError unless the log's key of that time signed this envelope."""
        span = self.key_at(sequence)
        if not _has_signed(unseal(envelope), span.public):
            raise VerificationError(
                f"record {sequence} is not signed by the log's key",
                expected=f"a signature by {span.key_id[:16]}",
            )

    def failures(self, handovers: Iterable[Handover]) -> Iterator[str]:
        """What is wrong with how the keys followed one another, in words.

        handovers : every record of the log of kind `key-rotation`.
        """
        given = {handover.sequence: handover for handover in handovers}
        starts = {span.valid_from for span in self.spans[1:]}
        for sequence in sorted(given.keys() - {start - 1 for start in starts}):
            yield (
                f"record {sequence} says that the log's key was handed over, and the key did not "
                "change there"
            )
        for before, after in zip(self.spans, self.spans[1:], strict=False):
            handover = given.get(after.valid_from - 1)
            problem = (
                "the key before it did not hand over"
                if handover is None
                else self._problem(handover, before, after)
            )
            if problem:
                yield f"key {after.key_id[:16]} signs from record {after.valid_from} on: {problem}"

    def _problem(self, handover: Handover, before: KeySpan, after: KeySpan) -> str | None:
        try:
            envelope = unseal(handover.envelope)
            statement = orjson.loads(envelope.payload)
            body: dict[str, Any] = dict(statement["predicate"]["body"])
            kind = str(statement["predicateType"]).rpartition(":v")[0]
        except (EvidenceError, ValueError, KeyError, TypeError):
            return "the record before it cannot be read"
        if kind != f"{PREDICATE_PREFIX}:{ROTATION}":
            return "the record before it is no handover"
        if not _has_signed(envelope, before.public):
            return "the handover is not signed by the key before it"
        if body.get("public") != after.public.hex() or body.get("key_id") != after.key_id:
            return "the handover names another key"
        if body.get("previous") != before.key_id:
            return "the handover is by another key than the one before it"
        if "log" in body and origin_of(str(body["log"])) != self.origin:
            return "the handover is of another log"
        if _has_signed(envelope, after.public):
            return None
        if "log" in body or handover.following is None:
            return "it did not sign the handover"
        try:
            taken_up = _has_signed(unseal(handover.following), after.public)
        except EvidenceError:
            taken_up = False
        return None if taken_up else "it signed neither the handover nor the record after it"

    def check_pinned(self, pinned: VerifierKey, head: str, *, kept: Sequence[str] = ()) -> str:
        """What a pinned key vouches for this log by, in words; VerificationError if it does not.

        head : the log's newest checkpoint.  kept : checkpoints from earlier that the log is proved
        to continue. The handovers must hold as well: `failures`.
        """
        if pinned.name != self.origin:
            raise VerificationError(
                "the pinned key is another log's", got=self.origin[:120], expected=pinned.name[:120]
            )
        self.read_head(head)
        if pinned.public == self.spans[0].public:
            return "the log begins with the key"
        if self._vouches(pinned, head):
            return "the key signed the newest checkpoint"
        if any(self._vouches(pinned, note) for note in kept):
            return "the key signed a checkpoint that was kept, and the log continues it"
        place = next((span for span in self.spans if span.public == pinned.public), None)
        if place is None:
            raise VerificationError(
                "the log is not signed by the pinned key: this is another log, or a forgery",
                got=", ".join(span.key_id[:16] for span in self.spans[-3:]),
                expected=key_id(pinned.public)[:16],
            )
        raise VerificationError(
            "the pinned key stands in the log's chain of keys and vouches for nothing here",
            got=f"the key of records from {place.valid_from} on, not of the newest checkpoint",
            expected="the log's first key, its newest, or a kept checkpoint that the key signed",
            next_step="pin the first key: aims key list",
        )

    def _vouches(self, pinned: VerifierKey, note: str) -> bool:
        size = self.read_checkpoint(note).size
        known = any(span.public == pinned.public for span in self.in_force(size))
        return known and _signed(note, pinned)

    def _named(self, spans: Iterable[KeySpan]) -> list[VerifierKey]:
        return [VerifierKey(self.origin, span.public) for span in spans]


def follow(
    pinned: VerifierKey,
    head: str,
    spans: Iterable[tuple[int, bytes]],
    handovers: Iterable[Handover],
    *,
    kept: Sequence[str] = (),
) -> KeyChain:
    """The chain of keys from a pinned key to the head; raises VerificationError if it breaks.

    spans : (first record, raw key) as the log's keeper lists them.  The rest as `KeyChain` says.
    """
    chain = KeyChain(pinned.name, (KeySpan(start, public) for start, public in spans))
    for failure in chain.failures(handovers):
        raise VerificationError(failure)
    chain.check_pinned(pinned, head, kept=kept)
    return chain


def _signed(note: str, key: VerifierKey) -> bool:
    """Whether the key signed the note."""
    try:
        read_checkpoint(note, [key])
    except EvidenceError:
        return False
    return True


def _has_signed(envelope: Envelope, public: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if envelope.payload_type != STATEMENT_PAYLOAD:
        return False
    message, wanted = pae(envelope.payload_type, envelope.payload), key_id(public)
    values = [s.value for s in envelope.signatures if s.key_id == wanted]
    try:
        for value in values:
            Ed25519PublicKey.from_public_bytes(check_public_key(public)).verify(value, message)
    except (InvalidSignature, ValueError, EvidenceError):
        return False
    return bool(values)
