"""Checkpoints and proofs of the log as text (C2SP tlog-checkpoint and tlog-proof).

Sources: c2sp.org/tlog-checkpoint, c2sp.org/tlog-proof.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from aims_mlops.errors import EvidenceFormatError, VerificationError
from aims_mlops.evidence.encoding.envelope import Signer
from aims_mlops.evidence.transparency.merkle import HASH, leaf_hash, root_from_inclusion
from aims_mlops.evidence.transparency.note import VerifierKey, parse_note, sign_note, verify_note

_PROOF_HEADER = "c2sp.org/tlog-proof@v1"
_MAX_PROOF = 64  # hashes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log: who, how many leaves, and the root (32 bytes) over them."""

    origin: str
    size: int
    root: bytes

    def to_text(self) -> str:
        """The note's text."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    def sign(self, *signers: Signer) -> str:
        """The signed note; each key's name is the origin, as the specification asks."""
        return sign_note(self.to_text(), self.origin, *signers)

    @classmethod
    def from_text(cls, text: str) -> Checkpoint:
        """Read a note's text; raises EvidenceFormatError."""
        lines = text.split("\n")
        if len(lines) < 4 or not lines[0] or "" in lines[:-1]:
            raise EvidenceFormatError("a checkpoint has three lines: origin, size, root")
        if not lines[1].isascii() or not lines[1].isdigit() or str(int(lines[1])) != lines[1]:
            raise EvidenceFormatError("a checkpoint's size is a decimal number", got=lines[1][:40])
        return cls(lines[0], int(lines[1]), _hash_from(lines[2]))


def origin_of(log_id: str) -> str:
    """The name under which a log signs its checkpoints."""
    return f"aims-mlops/log/{log_id}"


def read_checkpoint(note: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    """A checkpoint whose signature holds; EvidenceFormatError, VerificationError otherwise."""
    opened = parse_note(note)
    signers = verify_note(opened, keys)
    checkpoint = Checkpoint.from_text(opened.text)
    if all(key.name != checkpoint.origin for key in signers):
        raise VerificationError(
            "the checkpoint is not signed by its own log", got=checkpoint.origin[:200]
        )
    return checkpoint


def unverified_checkpoint(note: str) -> Checkpoint:
    """What a checkpoint says, its signature not looked at."""
    return Checkpoint.from_text(parse_note(note).text)


def write_proof(index: int, path: Sequence[bytes], note: str, *, extra: bytes | None = None) -> str:
    """A proof that verifies offline: index, audit path and the signed checkpoint."""
    lines = [_PROOF_HEADER]
    if extra is not None:
        lines.append(f"extra {b64encode(extra).decode()}")
    lines.append(f"index {index}")
    lines.extend(b64encode(h).decode() for h in path)
    return "\n".join(lines) + "\n\n" + note


def check_proof(proof: str, leaf: bytes, keys: Sequence[VerifierKey]) -> tuple[int, Checkpoint]:
    """The index that a proof gives `leaf`, and the checkpoint it hangs on; raises if it fails."""
    head, split, note = proof.partition("\n\n")
    lines = head.split("\n")
    if not split or lines[0] != _PROOF_HEADER:
        raise EvidenceFormatError("not a tlog-proof", expected=_PROOF_HEADER)
    del lines[0]
    if lines and lines[0].startswith("extra "):
        del lines[0]
    number = lines[0].removeprefix("index ") if lines else ""
    if not number.isascii() or not number.isdigit() or str(int(number)) != number:
        raise EvidenceFormatError("a proof has no index")
    if len(lines) - 1 > _MAX_PROOF:
        raise EvidenceFormatError("a proof is too long", got=f"{len(lines) - 1} hashes")
    path = [_hash_from(line) for line in lines[1:]]
    checkpoint = read_checkpoint(note, keys)
    index = int(number)
    if root_from_inclusion(index, checkpoint.size, leaf_hash(leaf), path) != checkpoint.root:
        raise VerificationError(f"the proof does not put the record at {index} of the log")
    return index, checkpoint


def _hash_from(line: str) -> bytes:
    try:
        raw = b64decode(line, validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != HASH or b64encode(raw).decode() != line:
        raise EvidenceFormatError("not a hash in base64", got=line[:60])
    return raw
