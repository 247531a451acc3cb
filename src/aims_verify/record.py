"""Check record lines one by one: digest, signature, proof, and that leaf and statement agree."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from aims_verify.bundle import Header
from aims_verify.encoding import from_base64, from_json
from aims_verify.merkle import inclusion_holds, leaf_hash
from aims_verify.note import holds
from aims_verify.passkey import why_not

RECORD = b'{"envelope":'  # how the line of a record begins
STATEMENT = b"application/vnd.in-toto+json"
LEAF_VERSION = 1
_PREFIX = "urn:aims-mlops:evidence:"
_LEAF, _PROOF = b',"leaf":', b',"proof":'
_TEXT = rb'"([^"\\\x00-\x1f]*)"'  # no string of an envelope needs an escape
_SIGNATURE = re.compile(rb'\{"keyid":' + _TEXT + rb',"sig":"([A-Za-z0-9+/=]*)"\}(,?)')
_ENVELOPE = re.compile(
    rb'\{"payload":"([A-Za-z0-9+/=]*)","payloadType":' + _TEXT + rb',"signatures":\['
)


class _ProblemError(Exception):
    """Something about one record fails."""


@dataclass(slots=True)
class Checked:
    """What came of a run of record lines.

    leaves : (sequence or -1, leaf hash, received time, kind) of each, in order.  blobs : (digest,
    sequence) of each reference.  problems : (what, place).  signatures : how many of the log's own
    held.  strangers : signatures by keys that are not the log's.  passkeys : how many signatures by
    people's passkeys held.  withheld : (sequence, kind,
    digest of the envelope) of records without it.  unknown : leaves of a version that this verifier
    does not know.  special : records about the log itself (kind, sequence, body), such as an
    anchor.  handovers : (sequence, body, whether the next key signed it too).  begun : the first
    record of each key, where the key signed it.  sizes : (digest of a blob, its size in bytes) as
    statements give them.
    """

    leaves: list[tuple[int, bytes, str, str]] = field(default_factory=list)
    blobs: list[tuple[str, int]] = field(default_factory=list)
    sizes: set[tuple[str, int]] = field(default_factory=set)
    problems: list[tuple[str, str]] = field(default_factory=list)
    special: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)
    handovers: list[tuple[int, dict[str, Any], bool]] = field(default_factory=list)
    withheld: list[tuple[int, str, str]] = field(default_factory=list)
    begun: set[int] = field(default_factory=set)
    signatures: int = 0
    strangers: int = 0
    passkeys: int = 0
    unknown: int = 0


ROTATION = "key-rotation"
CLOCK_CHANGE = "clock-change"
SPECIAL = ("key-revocation", "erasure", "retention", "anchor", CLOCK_CHANGE)


def check_records(lines: Iterable[bytes], header: Header) -> Checked:
    """Check a run of record lines; what fails is collected, nothing is raised."""
    out = Checked()
    for line in lines:
        sequence, hashed, received, kind = -1, leaf_hash(b""), "", ""
        try:
            envelope, leaf_bytes, proof = _split(line)
            hashed = leaf_hash(leaf_bytes)
            leaf = _leaf(leaf_bytes)
            sequence = leaf["sequence"]
            received, kind = str(leaf.get("received_at")), str(leaf.get("kind"))
            _check(header, envelope, leaf, out)
            if header.scope is not None:
                _check_proof(header, sequence, hashed, proof)
            elif proof is not None:
                raise _ProblemError("a record of a whole log carries a proof")
        except _ProblemError as problem:
            out.problems.append((str(problem), f"record {sequence}" if sequence >= 0 else ""))
        out.leaves.append((sequence, hashed, received, kind))
    return out


def _split(line: bytes) -> tuple[bytes | None, bytes, bytes | None]:
    """Envelope, leaf and proof as the bytes in the line."""
    rest = line[len(RECORD) :]
    if rest.startswith(b"null"):
        envelope, rest = None, rest[4:]
    else:
        # The envelope holds no '}' but its own, and no ',"leaf":' inside a string.
        at = rest.find(_LEAF)
        envelope, rest = (rest[:at], rest[at:]) if at >= 0 else (b"", b"")
    if not rest.startswith(_LEAF) or not rest.endswith(b"}"):
        raise _ProblemError("a record's line is malformed")
    rest = rest[len(_LEAF) : -1]
    if rest.endswith(b"]"):
        leaf, _, proof = rest.rpartition(_PROOF)
        return envelope, leaf, proof
    return envelope, rest, None


def _leaf(content: bytes) -> dict[str, Any]:
    try:
        leaf = from_json(content)
        whole = type(leaf["sequence"]) is int and 0 <= leaf["sequence"] < 2**53
    except (ValueError, KeyError, TypeError):
        raise _ProblemError("a record's leaf is malformed") from None
    if not whole:
        raise _ProblemError("a leaf's sequence is not a number")
    return dict(leaf)


def _check(header: Header, envelope: bytes | None, leaf: dict[str, Any], out: Checked) -> None:
    if leaf.get("log") != header.log:
        raise _ProblemError("a record belongs to another log")
    if leaf.get("v") != LEAF_VERSION:
        out.unknown += 1
    if envelope is None:
        out.withheld.append((leaf["sequence"], str(leaf.get("kind")), str(leaf.get("envelope"))))
    elif sha256(envelope).hexdigest() != leaf.get("envelope"):
        raise _ProblemError("a record's content is not the one in the log (digest differs)")
    else:
        payload, taken_over = _check_signatures(header, leaf["sequence"], envelope, out)
        _check_statement(payload, leaf, out, taken_over=taken_over)
        if header.key_at(leaf["sequence"]).valid_from == leaf["sequence"]:
            out.begun.add(leaf["sequence"])
    blobs = leaf.get("blobs")
    if isinstance(blobs, list):
        out.blobs.extend((str(blob), leaf["sequence"]) for blob in blobs)


def _check_signatures(
    header: Header, sequence: int, envelope: bytes, out: Checked
) -> tuple[bytes, bool]:
    """The payload, if the log's key signed it, and whether the key that takes over did too."""
    keys = {key.id: key.public for key in (header.key_at(sequence), header.key_at(sequence + 1))}
    match = _ENVELOPE.match(envelope)
    payload = from_base64(match[1]) if match else None
    if match is None or payload is None:
        raise _ProblemError("a record's envelope is malformed")
    if match[2] != STATEMENT:
        raise _ProblemError("a record's envelope holds something other than a statement")
    message = b"DSSEv1 %d %b %d %b" % (len(match[2]), match[2], len(payload), payload)
    at, good = match.end(), set()
    while found := _SIGNATURE.match(envelope, at):
        at, name = found.end(), found[1].decode("utf-8", "replace")
        if name not in keys:
            out.strangers += 1
        elif not holds(keys[name], from_base64(found[2]) or b"", message):
            raise _ProblemError("a record's signature by the log does not hold")
        else:
            good.add(name)
        if not found[3]:
            break
    if envelope[at:] != b"]}":
        raise _ProblemError("a record's envelope is malformed")
    if header.key_at(sequence).id not in good:
        raise _ProblemError("a record is not signed by the log's key of its time")
    out.signatures += 1
    return payload, len(keys) == len(good) == 2


def _check_statement(
    payload: bytes, leaf: dict[str, Any], out: Checked, *, taken_over: bool
) -> None:
    try:
        statement = from_json(payload)
        predicate = statement["predicate"]
        said = (
            statement["predicateType"],
            [subject["digest"]["sha256"] for subject in statement["subject"]],
            predicate["actor"],
            predicate["claimed_at"],
        )
        kind, body = str(leaf["kind"]), predicate["body"]
        logged = (
            f"{_PREFIX}{kind}:v{leaf['kind_version']}",
            leaf["subjects"],
            leaf["actor"],
            leaf["claimed_at"],
        )
        blobs = leaf["blobs"]
    except (ValueError, KeyError, TypeError):
        raise _ProblemError("a record's statement or leaf lacks a field") from None
    if said != logged:
        raise _ProblemError("a record's leaf says something else than its statement")
    # Looked for only where the word occurs, or could under an escape: most statements have none.
    named = _blobs_in(statement) if b"media_type" in payload or b"\\u" in payload else []
    out.sizes.update((name, size if type(size) is int else -1) for name, size in named)
    if sorted(name for name, _ in named) != sorted(blobs):
        raise _ProblemError("a record's leaf names other blobs than its statement")
    if isinstance(body, dict) and "passkey" in body:
        if (wrong := why_not(body)) is not None:
            raise _ProblemError(f"a record is not signed by the passkey that it names: {wrong}")
        out.passkeys += 1
    if kind == ROTATION:
        body = body if isinstance(body, dict) else {}
        out.handovers.append((leaf["sequence"], body, taken_over))
    elif kind in SPECIAL and isinstance(body, dict):
        out.special.append((kind, leaf["sequence"], body))


def _blobs_in(value: Any) -> list[tuple[str, Any]]:
    """Digest and size of each blob that a statement refers to, by an object with a media type."""
    found: list[tuple[str, Any]] = []
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


def _check_proof(header: Header, sequence: int, hashed: bytes, proof: bytes | None) -> None:
    try:
        path = [from_base64(item) for item in from_json(proof or b"")]
    except (ValueError, TypeError):
        raise _ProblemError("a record has no proof that it is in the log") from None
    top = header.checkpoint
    if None in path or not inclusion_holds(
        sequence, top.size, hashed, [h for h in path if h is not None], top.root
    ):
        raise _ProblemError("a record's proof does not lead to the checkpoint")
