"""Check one range of the log: signature, leaf, columns, subjects, tiles and blobs.

A record in the shape that almost all have is checked by `_holds`, which only says yes or no. What
it does not say yes to is looked at again, part by part, and what is wrong is told in words.
"""

from __future__ import annotations

import hashlib
from binascii import a2b_base64
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import orjson
from cryptography.exceptions import InvalidSignature

from aims_mlops.errors import AimsError, EvidenceNotFoundError, VerificationError
from aims_mlops.evidence.encoding.canonical import read
from aims_mlops.evidence.encoding.envelope import STATEMENT_PAYLOAD, pae
from aims_mlops.evidence.records import PREDICATE_PREFIX, STATEMENT_TYPE
from aims_mlops.evidence.transparency.keychain import KeySpan
from aims_mlops.evidence.transparency.leaf import LEAF_VERSION, Leaf, write_leaf
from aims_mlops.evidence.transparency.merkle import HASH, leaf_hash
from aims_mlops.evidence.transparency.public_keys import check_public_key
from aims_mlops.store.log.codec import blob_sizes, blobs_of
from aims_mlops.store.log.pages import Pages
from aims_mlops.store.log.tile import WIDTH, fold
from aims_mlops.store.verify.times import Times

_PAE_START = pae(STATEMENT_PAYLOAD, b"")[:-2]  # up to the length of the payload
MAX_FINDINGS = 200  # of one range; the rest is counted


class _Signature(msgspec.Struct, gc=False):
    keyid: str
    sig: bytes


class _Envelope(msgspec.Struct, gc=False, rename={"payload_type": "payloadType"}):
    """Read straight from the bytes, base64 undone; fields that are not here are passed over."""

    payload: bytes
    payload_type: str
    signatures: tuple[_Signature, ...]


class _Digest(msgspec.Struct, gc=False):
    sha256: str


class _Subject(msgspec.Struct, gc=False):
    digest: _Digest


class _Predicate(msgspec.Struct, gc=False):
    actor: str
    claimed_at: str
    system: str | None = None
    run: str | None = None


class _Statement(
    msgspec.Struct, gc=False, rename={"kind": "_type", "predicate_type": "predicateType"}
):
    kind: str
    predicate: _Predicate
    predicate_type: str
    subject: tuple[_Subject, ...]


_read_envelope = msgspec.json.Decoder(_Envelope).decode
_read_statement = msgspec.json.Decoder(_Statement).decode


@dataclass(slots=True)
class RangeResult:
    """What checking records [start, end) gave.

    blocks : roots of the complete runs of 256 leaves; `loose` : leaf hashes before the first and
    after the last complete run, as (sequence, hash).
    """

    checked: int = 0
    signatures: int = 0
    blobs: int = 0
    blocks: dict[int, bytes] = field(default_factory=dict)
    loose: list[tuple[int, bytes]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    more_failures: int = 0
    erased: int = 0
    times: Times = field(default_factory=Times)

    def fail(self, text: str) -> None:
        """Note a failure, the first few in words."""
        if len(self.failures) < MAX_FINDINGS:
            self.failures.append(text)
        else:
            self.more_failures += 1

    def add(self, other: RangeResult) -> None:
        """Take in what checking the records after these gave."""
        self.checked += other.checked
        self.signatures += other.signatures
        self.blobs += other.blobs
        self.erased += other.erased
        self.blocks.update(other.blocks)
        self.loose.extend(other.loose)
        self.times.then(other.times)
        for text in other.failures:
            self.fail(text)
        self.more_failures += other.more_failures


class RangeChecker:
    """Checks ranges of one log; `read_blob` is None where blobs are not to be read.

    erased : digests of blobs whose content was erased or pruned on the record.
    """

    def __init__(
        self,
        pages: Pages,
        log_id: str,
        spans: Sequence[KeySpan],
        *,
        read_blob: Callable[[str], bytes] | None = None,
        erased: frozenset[str] = frozenset(),
    ) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        self._pages = pages
        self._log_id = log_id
        self._starts = [span.valid_from for span in spans]
        self._keys = [
            (s.key_id, Ed25519PublicKey.from_public_bytes(check_public_key(s.public)).verify)
            for s in spans
        ]
        self._read_blob = read_blob
        self._erased = erased

    def check(self, start: int, end: int) -> RangeResult:
        """Check records [start, end), a page at a time, so that writers are not held up."""
        result = RangeResult()
        position = start
        while position < end:
            stop = min(end, position - position % WIDTH + WIDTH)
            self._check_page(position, stop, result)
            position = stop
        return result

    def _check_page(self, start: int, end: int, result: RangeResult) -> None:
        closes = end % WIDTH == 0  # the last record of this page made a tile full
        page = self._pages.read(start, end, tile=start // WIDTH if closes else None)
        rows = page.rows
        if [row[0] for row in rows] != list(range(start, end)):
            found = {row[0] for row in rows}
            missing = [i for i in range(start, end) if i not in found]
            result.fail(
                f"records missing between {start} and {end - 1}: "
                + ", ".join(map(str, missing[:10]))
                + (" and more" if len(missing) > 10 else "")
            )
        links: dict[int, list[str]] = defaultdict(list)
        for sequence, digest in page.links:
            links[sequence].append(digest)
        hashes: list[bytes] = []
        for row in rows:
            leaf = row[7]
            try:
                if self._holds(row, links.get(row[0])):
                    result.signatures += 1
                else:
                    self._check_row(row, links.get(row[0], []), result)
            except (AimsError, ValueError, KeyError, TypeError, AttributeError) as error:
                # Whatever a damaged row makes a parser say, it is a failure of that row.
                what = str(error) if isinstance(error, AimsError) else type(error).__name__
                result.fail(f"record {row[0]} cannot be read: {what}")
            hashes.append(leaf_hash(leaf if isinstance(leaf, bytes) else b""))
            result.times.take(row[0], row[6], row[3])
        result.checked += len(rows)
        if closes:
            own = page.tile[(start % WIDTH) * HASH :] if isinstance(page.tile, bytes) else b""
            if own != b"".join(hashes):
                result.fail(f"the stored tree over records {start} to {end - 1} is not theirs")
        if len(hashes) == WIDTH:
            result.blocks[start // WIDTH] = fold(hashes)
        else:
            result.loose.extend(zip((row[0] for row in rows), hashes, strict=True))

    def _holds(self, row: Any, links: list[str] | None) -> bool:
        """Whether everything about a record of the common shape holds; False says nothing."""
        sequence, name, _, kind, system, run, _, leaf, envelope = row
        try:
            if hashlib.sha256(envelope).hexdigest() != name:
                return False
            outer = _read_envelope(envelope)
            payload = outer.payload
            if outer.payload_type != STATEMENT_PAYLOAD or b'"media_type"' in payload:
                return False
            statement = _read_statement(payload)
            predicate = statement.predicate
            about = [subject.digest.sha256 for subject in statement.subject]
            about_what, _, version = statement.predicate_type.rpartition(":v")
            if (
                statement.kind != STATEMENT_TYPE
                or about_what != f"{PREDICATE_PREFIX}:{kind}"
                or predicate.system != system
                or predicate.run != run
                or (links != about and set(links or ()) != set(about))
                or self._leaf(row, predicate, about, int(version)) != leaf
            ):
                return False
            key_id, verify = self._keys[bisect_right(self._starts, sequence) - 1]
            signature = outer.signatures[0]
            if signature.keyid != key_id:
                return False
            verify(signature.sig, b"%b%d %b" % (_PAE_START, len(payload), payload))
        except (msgspec.MsgspecError, ValueError, TypeError, IndexError, InvalidSignature):
            return False
        return True

    def _leaf(self, row: Any, predicate: _Predicate, about: Sequence[str], version: int) -> bytes:
        """The leaf that a record of this row and statement must have, if it names no blob."""
        return write_leaf(
            actor=predicate.actor,
            blobs=(),
            claimed_at=predicate.claimed_at,
            envelope=row[1],
            key=row[2],
            kind=row[3],
            version=version,
            log=self._log_id,
            received_at=row[6],
            sequence=row[0],
            subjects=about,
        )

    def _check_row(self, row: Any, links: Sequence[str], result: RangeResult) -> None:
        sequence, name, key, row_kind, system, run, received_at, leaf_bytes, envelope = row
        if not (isinstance(envelope, bytes) and isinstance(leaf_bytes, bytes)):
            result.fail(f"record {sequence}: the envelope or the leaf is not bytes")
            return
        if hashlib.sha256(envelope).hexdigest() != name:
            result.fail(f"record {sequence}: the envelope is not the one with this id")
        outer = orjson.loads(envelope)
        payload = a2b_base64(outer["payload"], strict_mode=True)
        statement = read(payload)
        predicate = statement["predicate"]
        kind, _, version = statement["predicateType"].rpartition(":v")
        about = [s["digest"]["sha256"] for s in statement["subject"]]
        blobs = blobs_of(payload, predicate)
        expected = Leaf(
            log=self._log_id,
            sequence=sequence,
            kind=kind.rpartition(":")[2],
            version=int(version),
            envelope=name,
            subjects=about,
            blobs=blobs,
            actor=predicate["actor"],
            key=key,
            claimed_at=predicate["claimed_at"],
            received_at=received_at,
        )
        if expected.to_bytes() != leaf_bytes:
            self._explain(expected, leaf_bytes, result)
        if (
            statement["_type"] != STATEMENT_TYPE
            or kind != f"{PREDICATE_PREFIX}:{row_kind}"
            or predicate.get("system") != system
            or predicate.get("run") != run
        ):
            result.fail(f"record {sequence}: kind, system or run differ from the signed statement")
        if links != about and set(links) != set(about):
            result.fail(f"record {sequence}: the index of subjects differs from the statement")
        self._check_signature(sequence, outer, payload, result)
        if self._read_blob is not None:
            for digest, size in blob_sizes(predicate) if blobs else ():
                self._check_blob(sequence, digest, size, result)

    def _check_signature(
        self, sequence: int, outer: Any, payload: bytes, result: RangeResult
    ) -> None:
        key_id, verify = self._keys[bisect_right(self._starts, sequence) - 1]
        message = pae(outer["payloadType"], payload)
        signature = next((s["sig"] for s in outer["signatures"] if s["keyid"] == key_id), b"")
        if not signature:
            result.fail(f"record {sequence}: not signed by {key_id[:16]}, the log's key then")
            return
        try:
            verify(a2b_base64(signature, strict_mode=True), message)
            result.signatures += 1
        except InvalidSignature:
            result.fail(f"record {sequence}: the signature does not hold")

    def _check_blob(self, sequence: int, digest: str, size: object, result: RangeResult) -> None:
        if digest in self._erased:
            result.erased += 1
            return
        assert self._read_blob is not None
        try:
            content = self._read_blob(digest)
            if type(size) is not int or size != len(content):
                result.fail(
                    f"record {sequence}: the blob {digest[:16]} is not of the size it gives"
                )
            else:
                result.blobs += 1
        except EvidenceNotFoundError:
            result.fail(f"record {sequence}: the blob {digest[:16]} is missing")
        except VerificationError as error:
            result.fail(f"record {sequence}: {error.thing}")

    def _explain(self, expected: Leaf, leaf_bytes: bytes, result: RangeResult) -> None:
        found = orjson.loads(leaf_bytes)
        if found.get("v") != LEAF_VERSION:
            result.fail(f"record {expected.sequence}: a leaf of unknown version {found.get('v')!r}")
            return
        wanted = orjson.loads(expected.to_bytes())
        names = [n for n in {**wanted, **found} if wanted.get(n) != found.get(n)]
        result.fail(
            f"record {expected.sequence}: the leaf differs from the record in "
            + (", ".join(sorted(names)) or "how it is written")
        )
