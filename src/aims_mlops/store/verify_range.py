"""Check one range of the log: signature, leaf, columns, subjects, tiles and blobs."""

from __future__ import annotations

import hashlib
from binascii import a2b_base64
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import sqlalchemy as sa  # noqa: TID253  the adapter itself
from cryptography.exceptions import InvalidSignature

from aims_mlops.errors import AimsError, EvidenceNotFoundError, VerificationError
from aims_mlops.evidence.envelope import STATEMENT_PAYLOAD, pae
from aims_mlops.evidence.leaf import LEAF_VERSION, Leaf
from aims_mlops.evidence.limits import survey
from aims_mlops.evidence.merkle import HASH, leaf_hash
from aims_mlops.evidence.records import PREDICATE_PREFIX, STATEMENT_TYPE
from aims_mlops.store.database import Database
from aims_mlops.store.tables import records, subjects, tiles
from aims_mlops.store.tree import WIDTH, fold

_PAE_START = pae(STATEMENT_PAYLOAD, b"")[:-2]  # up to the length of the payload
_SEAL_START = b'{"payload":"'
_SIGNATURE_END = 88 + len(b'"}]}')  # 64 bytes in base64 and what closes the envelope
MAX_FINDINGS = 200  # of one range; the rest is counted
# In the order in which `_check_row` takes them apart.
_ROWS = sa.select(
    *(
        records.c[name]
        for name in (
            "sequence", "id", "key", "kind", "system", "run", "received_at", "leaf", "envelope"
        )
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class KeySpan:
    """A log key (raw, 32 bytes), valid from a sequence up to the next key's."""

    valid_from: int
    key_id: str
    public: bytes


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

    def fail(self, text: str) -> None:
        """Note a failure, the first few in words."""
        if len(self.failures) < MAX_FINDINGS:
            self.failures.append(text)
        else:
            self.more_failures += 1


class RangeChecker:
    """Checks ranges of one log; `read_blob` is None where blobs are not to be read.

    erased : digests of blobs whose content was erased or pruned on the record.
    """

    def __init__(
        self,
        database: Database,
        log_id: str,
        spans: Sequence[KeySpan],
        *,
        read_blob: Any = None,
        erased: frozenset[str] = frozenset(),
    ) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        self._database = database
        self._log_id = log_id
        self._starts = [span.valid_from for span in spans]
        self._keys = [(s.key_id, Ed25519PublicKey.from_public_bytes(s.public)) for s in spans]
        self._tails = [
            f'","payloadType":"{STATEMENT_PAYLOAD}","signatures":[{{"keyid":"{s.key_id}","sig":"'.encode()
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
        with self._database.reading() as connection:
            rows = connection.execute(
                _ROWS.where(records.c.sequence >= start, records.c.sequence < end).order_by(
                    records.c.sequence
                )
            ).all()
            links: dict[int, list[str]] = defaultdict(list)
            for sequence, digest in connection.execute(
                sa.select(subjects.c.sequence, subjects.c.sha256).where(
                    subjects.c.sequence >= start, subjects.c.sequence < end
                )
            ):
                links[sequence].append(digest)
            tile = None
            if closes:
                tile = connection.execute(
                    sa.select(tiles.c.hashes).where(
                        tiles.c.level == 0, tiles.c.position == start // WIDTH
                    )
                ).scalar()
        if [row[0] for row in rows] != list(range(start, end)):
            found = {row[0] for row in rows}
            missing = [i for i in range(start, end) if i not in found]
            result.fail(
                f"records missing between {start} and {end - 1}: "
                + ", ".join(map(str, missing[:10]))
                + (" and more" if len(missing) > 10 else "")
            )
        hashes: list[bytes] = []
        for row in rows:
            try:
                self._check_row(row, links.get(row[0], []), result)
            except (AimsError, ValueError, KeyError, TypeError, AttributeError) as error:
                # Whatever a damaged row makes a parser say, it is a failure of that row.
                what = str(error) if isinstance(error, AimsError) else type(error).__name__
                result.fail(f"record {row[0]} cannot be read: {what}")
            leaf = row[7]
            hashes.append(leaf_hash(leaf if isinstance(leaf, bytes) else b""))
            result.checked += 1
        if closes:
            own = tile[(start % WIDTH) * HASH :] if isinstance(tile, bytes) else b""
            if own != b"".join(hashes):
                result.fail(f"the stored tree over records {start} to {end - 1} is not theirs")
        if len(hashes) == WIDTH:
            result.blocks[start // WIDTH] = fold(hashes)
        else:
            result.loose.extend(zip((row[0] for row in rows), hashes, strict=True))

    def _check_row(self, row: Any, links: Sequence[str], result: RangeResult) -> None:
        sequence, name, key, row_kind, system, run, received_at, leaf_bytes, envelope = row
        if not (isinstance(envelope, bytes) and isinstance(leaf_bytes, bytes)):
            result.fail(f"record {sequence}: the envelope or the leaf is not bytes")
            return
        if hashlib.sha256(envelope).hexdigest() != name:
            result.fail(f"record {sequence}: the envelope is not the one with this id")
        # An envelope as `seal` writes it for one signature is taken apart by place; a signature
        # that is taken from a wrong place cannot hold.
        tail = self._tails[bisect_right(self._starts, sequence) - 1]
        cut = len(envelope) - len(tail) - _SIGNATURE_END
        if (
            envelope.startswith(_SEAL_START)
            and envelope.startswith(tail, cut)
            and envelope.endswith(b'"}]}')
        ):
            outer = None
            signature = envelope[cut + len(tail) : -4]
            payload = a2b_base64(envelope[len(_SEAL_START) : cut], strict_mode=True)
        else:
            outer = orjson.loads(envelope)
            payload = a2b_base64(outer["payload"], strict_mode=True)
            signature = b""
        statement = orjson.loads(payload)
        predicate = statement["predicate"]
        kind, _, version = statement["predicateType"].rpartition(":v")
        about = [s["digest"]["sha256"] for s in statement["subject"]]
        blobs: Sequence[str] = ()
        if b'"media_type"' in payload:
            blobs = survey(predicate).blobs
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
        self._check_signature(sequence, outer, signature, payload, result)
        if self._read_blob is not None:
            for digest in blobs:
                self._check_blob(sequence, digest, result)

    def _check_signature(
        self,
        sequence: int,
        outer: Mapping[str, Any] | None,
        signature: bytes | str,
        payload: bytes,
        result: RangeResult,
    ) -> None:
        key_id, key = self._keys[bisect_right(self._starts, sequence) - 1]
        if outer is None:
            message = b"%b%d %b" % (_PAE_START, len(payload), payload)
        else:
            message = pae(outer["payloadType"], payload)
            signature = next((s["sig"] for s in outer["signatures"] if s["keyid"] == key_id), b"")
            if not signature:
                result.fail(f"record {sequence}: not signed by {key_id[:16]}, the log's key then")
                return
        try:
            key.verify(a2b_base64(signature, strict_mode=True), message)
            result.signatures += 1
        except InvalidSignature:
            result.fail(f"record {sequence}: the signature does not hold")

    def _check_blob(self, sequence: int, digest: str, result: RangeResult) -> None:
        if digest in self._erased:
            result.erased += 1
            return
        try:
            self._read_blob(digest)
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
