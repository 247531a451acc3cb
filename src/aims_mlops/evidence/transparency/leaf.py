"""The leaf: the few facts about a record that the Merkle tree commits to.

No free text, so no personal data: the content is behind `envelope`, a digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from aims_mlops.errors import EvidenceFormatError

LEAF_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """The fields of a leaf; `envelope`, `subjects` and `blobs` are SHA-256 (hex)."""

    log: str
    sequence: int
    kind: str
    version: int
    envelope: str
    subjects: Sequence[str]
    blobs: Sequence[str]
    actor: str
    key: str
    claimed_at: str
    received_at: str

    def to_bytes(self) -> bytes:
        """The leaf as canonical JSON."""
        return write_leaf(
            log=self.log,
            sequence=self.sequence,
            kind=self.kind,
            version=self.version,
            envelope=self.envelope,
            subjects=self.subjects,
            blobs=self.blobs,
            actor=self.actor,
            key=self.key,
            claimed_at=self.claimed_at,
            received_at=self.received_at,
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> Leaf:
        """Read a leaf; fields of newer versions are passed over. Raises EvidenceFormatError."""
        try:
            found = orjson.loads(content)
            return cls(
                log=found["log"],
                sequence=found["sequence"],
                kind=found["kind"],
                version=found["kind_version"],
                envelope=found["envelope"],
                subjects=found["subjects"],
                blobs=found["blobs"],
                actor=found["actor"],
                key=found["key"],
                claimed_at=found["claimed_at"],
                received_at=found["received_at"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise EvidenceFormatError(f"not a leaf: {type(error).__name__}") from error


def said_by_leaf(content: bytes) -> tuple[str, int, str, str, str, list[str]]:
    """Envelope, sequence, key, received time, kind and subjects; raises EvidenceFormatError."""
    try:
        found = orjson.loads(content)
        return (
            found["envelope"],
            found["sequence"],
            found["key"],
            found["received_at"],
            found["kind"],
            found["subjects"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise EvidenceFormatError(f"not a leaf: {type(error).__name__}") from error


def write_leaf(
    *,
    log: str,
    sequence: int,
    kind: str,
    version: int,
    envelope: str,
    subjects: Sequence[str],
    blobs: Sequence[str],
    actor: str,
    key: str,
    claimed_at: str,
    received_at: str,
) -> bytes:
    """A leaf as canonical JSON: keys are ASCII, values strings and small integers: orjson does."""
    return orjson.dumps(
        {
            "actor": actor,
            "blobs": blobs,
            "claimed_at": claimed_at,
            "envelope": envelope,
            "key": key,
            "kind": kind,
            "kind_version": version,
            "log": log,
            "received_at": received_at,
            "sequence": sequence,
            "subjects": subjects,
            "v": LEAF_VERSION,
        }
    )
