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
        """Canonical JSON: keys are ASCII, values strings and a small integer, so orjson does."""
        return orjson.dumps(
            {
                "actor": self.actor,
                "blobs": self.blobs,
                "claimed_at": self.claimed_at,
                "envelope": self.envelope,
                "key": self.key,
                "kind": self.kind,
                "kind_version": self.version,
                "log": self.log,
                "received_at": self.received_at,
                "sequence": self.sequence,
                "subjects": self.subjects,
                "v": LEAF_VERSION,
            }
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
