"""Content-addressed blobs, wherever they are kept: `folder`, `objects`.

The name of a blob is the SHA-256 of its stored bytes, two digits as a folder. Reading always checks
the bytes against the name.
"""

from __future__ import annotations

import hashlib
import re
from typing import Protocol

from aims_mlops.errors import (
    EvidenceFormatError,
    EvidenceNotFoundError,
    VerificationError,
)
from aims_mlops.evidence.encoding.limits import MAX_BLOB_BYTES

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class Blobs(Protocol):
    """Where blobs are kept; names are SHA-256 in hex."""

    location: str

    def put(self, content: bytes) -> str:
        """Keep content; its name is its SHA-256."""

    def get(self, name: str) -> bytes:
        """The content of a name, checked against it; raises EvidenceNotFoundError."""

    def delete(self, name: str) -> bool:
        """Take content away; whether there was any."""

    def exists(self, name: str) -> bool:
        """Whether there is content of this name."""


def digest_of(content: bytes) -> str:
    """The name of a blob; raises EvidenceFormatError if it is over the limit."""
    if len(content) > MAX_BLOB_BYTES:
        raise EvidenceFormatError(
            "a blob is too large",
            got=f"{len(content)} bytes",
            expected=f"at most {MAX_BLOB_BYTES} bytes",
        )
    return hashlib.sha256(content).hexdigest()


def checked(name: str, content: bytes) -> bytes:
    """The content, if it is what its name says; raises VerificationError."""
    found = hashlib.sha256(content).hexdigest()
    if found != name:
        raise VerificationError(
            f"the blob {name[:16]} is not what was stored",
            got=f"bytes with digest {found[:16]}",
            next_step="restore the blob from a backup",
        )
    return content


def name_of(name: str) -> str:
    """The name, if it is one; raises EvidenceFormatError."""
    if not _DIGEST.match(name):
        raise EvidenceFormatError(
            "not the digest of a blob", got=repr(name)[:80], expected="64 lower-case hex digits"
        )
    return name


def missing(name: str, location: str) -> EvidenceNotFoundError:
    """The error for a blob that is not there."""
    return EvidenceNotFoundError(f"no blob {name[:16]} in {location}")
