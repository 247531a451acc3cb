"""From evidence to a row of the log, and back."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aims_mlops.errors import EvidenceFormatError, VerificationError
from aims_mlops.evidence.admission import payload_of_evidence
from aims_mlops.evidence.encoding.canonical import read
from aims_mlops.evidence.encoding.envelope import Signature, Signer, payload_of, seal, sign
from aims_mlops.evidence.encoding.limits import MAX_KEY, survey
from aims_mlops.evidence.records import Evidence, Record
from aims_mlops.evidence.transparency.leaf import said_by_leaf, write_leaf

_KEY = re.compile(rf"[A-Za-z0-9._:/+=@-]{{1,{MAX_KEY}}}\Z")


@dataclass(slots=True)
class Draft:
    """Evidence that is signed and waits for its place in the log."""

    evidence: Evidence
    payload: bytes
    envelope: bytes
    id: str
    key: str
    subjects: list[str]
    blobs: Sequence[str]


def draft(
    evidence: Evidence, signer: Signer, key: str | None, signatures: Sequence[Signature] = ()
) -> Draft:
    """Check, canonicalise and sign evidence; raises EvidenceFormatError before anything is signed.

    key : idempotency key; the digest of the statement when None, so that sending the same statement
        twice stores it once.
    """
    if key is not None and not _KEY.match(key):
        raise EvidenceFormatError(
            "the idempotency key cannot be used",
            got=f"{len(key)} characters",
            expected=f"1 to {MAX_KEY} of A-Z, a-z, 0-9 and ._:/+=@-",
        )
    payload = payload_of_evidence(evidence)
    envelope = seal(payload, (sign(payload, signer), *signatures))
    return Draft(
        evidence,
        payload,
        envelope,
        hashlib.sha256(envelope).hexdigest(),
        key or hashlib.sha256(payload).hexdigest(),
        [s.sha256 for s in evidence.subjects],
        blobs_of(payload),
    )


def blobs_of(payload: bytes, predicate: Any = None) -> Sequence[str]:
    """Digests of the blobs that a statement refers to, in the order of its canonical bytes.

    predicate : that of the statement, if it is parsed already.
    """
    if b'"media_type"' not in payload:
        return ()
    return survey(read(payload)["predicate"] if predicate is None else predicate).blobs


def blob_sizes(value: Any) -> list[tuple[str, object]]:
    """Digest and size of each blob that a parsed statement refers to, as `survey` finds them."""
    found: list[tuple[str, object]] = []
    left = [value]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            left.extend(node.values())
            if "sha256" in node and "size" in node and "media_type" in node:
                found.append((str(node["sha256"]), node["size"]))
        elif isinstance(node, list):
            left.extend(node)
    return found


def place(item: Draft, log_id: str, sequence: int, received_at: str) -> bytes:
    """The leaf of a draft at its place in the log."""
    evidence = item.evidence
    return write_leaf(
        log=log_id,
        sequence=sequence,
        kind=evidence.kind,
        version=evidence.version,
        envelope=item.id,
        subjects=item.subjects,
        blobs=item.blobs,
        actor=evidence.actor,
        key=item.key,
        claimed_at=evidence.claimed_at,
        received_at=received_at,
    )


def record_from_row(row: Any) -> Record:
    """A row of the log as a record.

    Raises VerificationError if the columns, the leaf and the envelope do not say the same: an index
    that was tampered with must not make one record pass for another.
    """
    # Thousands of rows are read for one decision: as a tuple, for an attribute of a row is slow.
    sequence, id_, key, kind, system, run, received_at, leaf, envelope = row
    evidence = Evidence.from_statement(read(payload_of(envelope)))
    digests = [s.sha256 for s in evidence.subjects]
    if (
        hashlib.sha256(envelope).hexdigest() != id_
        or said_by_leaf(leaf) != (id_, sequence, key, received_at, kind, digests)
        or (evidence.kind, evidence.system, evidence.run) != (kind, system, run)
    ):
        raise VerificationError(
            f"record {sequence} is not what was stored",
            got="a row, leaf and envelope that disagree",
            next_step="aims evidence verify",
        )
    return Record(
        sequence=sequence,
        id=id_,
        key=key,
        received_at=received_at,
        evidence=evidence,
        envelope=envelope,
        leaf=leaf,
    )
