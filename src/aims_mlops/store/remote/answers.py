"""What a server answers, believed only as far as it proves it."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aims_mlops.errors import EvidenceFormatError, VerificationError
from aims_mlops.evidence.encoding.canonical import read
from aims_mlops.evidence.encoding.envelope import unseal
from aims_mlops.evidence.records import Evidence, Record
from aims_mlops.evidence.transparency.checkpoint import Checkpoint
from aims_mlops.evidence.transparency.leaf import Leaf
from aims_mlops.evidence.transparency.merkle import HASH, leaf_hash, root_from_inclusion


def record_from(answer: Mapping[str, Any]) -> Record:
    """A record; VerificationError if envelope, leaf and the answer's fields do not agree."""
    try:
        envelope, leaf_bytes = answer["envelope"].encode(), answer["leaf"].encode()
        leaf = Leaf.from_bytes(leaf_bytes)
        evidence = Evidence.from_statement(read(unseal(envelope).payload))
        record = Record(
            sequence=answer["sequence"],
            id=answer["id"],
            key=answer["key"],
            received_at=answer["received_at"],
            evidence=evidence,
            envelope=envelope,
            leaf=leaf_bytes,
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise EvidenceFormatError(
            f"the server's answer is not a record: {type(error).__name__}"
        ) from error
    if (
        hashlib.sha256(envelope).hexdigest() != record.id
        or leaf.envelope != record.id
        or leaf.sequence != record.sequence
        or leaf.key != record.key
        or leaf.received_at != record.received_at
        or leaf.kind != evidence.kind
        or leaf.version != evidence.version
        or list(leaf.subjects) != [subject.sha256 for subject in evidence.subjects]
    ):
        raise VerificationError(
            f"the server's record {str(record.sequence)[:20]} is not what it says",
            got="an envelope, leaf and answer that disagree",
        )
    return record


@dataclass(frozen=True, slots=True)
class Filters:
    """What a search asked for; None for a filter that was not given."""

    kinds: Sequence[str] | None
    system: str | None
    subject: str | None
    run: str | None
    newest_first: bool

    def query(self) -> list[tuple[str, str]]:
        """As parameters of a request."""
        found = [("kind", name) for name in self.kinds or ()]
        named = (("system", self.system), ("subject", self.subject), ("run", self.run))
        found += [(name, value) for name, value in named if value is not None]
        return [*found, ("newest_first", "true")] if self.newest_first else found

    def match(self, evidence: Evidence) -> bool:
        """Whether a record is one that was asked for."""
        return (
            (self.kinds is None or evidence.kind in self.kinds)
            and (self.system is None or evidence.system == self.system)
            and (self.run is None or evidence.run == self.run)
            and (self.subject is None or any(s.sha256 == self.subject for s in evidence.subjects))
        )


def check_page(
    page: Sequence[Record],
    following: Any,
    wanted: Filters,
    *,
    low: int,
    high: int | None,
    count: int,
) -> None:
    """Raise VerificationError unless a page holds what was asked for, in order, and goes on.

    following : where the next page begins (ends, newest first); None at the end.
    """
    sequences = [record.sequence for record in page]
    ordered = sorted(set(sequences), reverse=wanted.newest_first)
    if (
        sequences != ordered
        or len(page) > count
        or any(s < low or (high is not None and s >= high) for s in sequences)
        or not all(wanted.match(record.evidence) for record in page)
    ):
        raise VerificationError(
            "the server's page is not what was asked for",
            got="records out of place, out of order, twice or of another kind",
        )
    if following is None:
        return
    last = sequences[-1] if sequences else None
    if last is None or following != (last if wanted.newest_first else last + 1):
        raise VerificationError("the server's page does not say where the next one begins")


def check_stored(
    record: Record, payload: bytes, proof: Sequence[str], checkpoint: Checkpoint
) -> None:
    """Check that a pushed statement is in the log as it was sent; raises VerificationError."""
    if unseal(record.envelope).payload != payload:
        raise VerificationError("the server stored another statement than the one that was sent")
    path = hashes_from(proof)
    root = root_from_inclusion(record.sequence, checkpoint.size, leaf_hash(record.leaf), path)
    if root != checkpoint.root:
        raise VerificationError(
            f"the server's proof does not put record {record.sequence} into its log"
        )


def hashes_from(texts: Sequence[str]) -> list[bytes]:
    """Hashes out of base64; raises EvidenceFormatError."""
    try:
        found = [b64decode(text, validate=True) for text in texts]
    except (ValueError, TypeError) as error:
        raise EvidenceFormatError("the server's answer holds no hash where one belongs") from error
    if any(len(hashed) != HASH for hashed in found):
        raise EvidenceFormatError("the server's answer holds a hash of another length")
    return found
