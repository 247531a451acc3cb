"""An evidence store behind `aims serve`, reached over HTTP.

Nothing the server says is taken on trust where it can be checked here: a pushed statement must come
back unchanged, with a proof that it is in the log; a blob must have its digest.
"""

from __future__ import annotations

import hashlib
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from aims_mlops.errors import (
    EvidenceConflictError,
    EvidenceError,
    EvidenceFormatError,
    EvidenceNotFoundError,
    NotAllowedError,
    StoreError,
    StoreUnavailableError,
    VerificationError,
)
from aims_mlops.evidence.admission import payload_of_evidence
from aims_mlops.evidence.checkpoint import (
    Checkpoint,
    origin_of,
    read_checkpoint,
    unverified_checkpoint,
    write_proof,
)
from aims_mlops.evidence.envelope import Signature
from aims_mlops.evidence.limits import MAX_BATCH, MAX_KEY, MAX_STATEMENT_BYTES
from aims_mlops.evidence.note import VerifierKey
from aims_mlops.evidence.records import Evidence, Record
from aims_mlops.store.base import BlobReference, StoreStatus
from aims_mlops.store.remote_http import Answer, Connection
from aims_mlops.store.remote_records import check_stored, hashes_from, record_from

KEY_VARIABLE = "AIMS_LOG_KEY"  # the log's key as `aims key list` prints it; then it is checked
MAX_ITEMS = 1_000  # records in one request
MAX_BLOB = 64 * 1024 * 1024  # bytes, as the server takes them
PAGE = 500  # records or proofs asked for at a time
_KEY = re.compile(rf"[A-Za-z0-9._:/+=@-]{{1,{MAX_KEY}}}\Z")
_HEX = frozenset("0123456789abcdef")

Items = Sequence[tuple[Evidence, str | None, Sequence[Signature]]]


class RemoteStore:
    """An EvidenceStore over HTTP; the token comes from AIMS_TOKEN or AIMS_TOKEN_FILE."""

    def __init__(self, url: str) -> None:
        self._http = Connection(url)

    @property
    def url(self) -> str:
        return self._http.url

    # ---- writing

    def append(
        self, evidence: Evidence, *, key: str | None = None, signatures: Sequence[Signature] = ()
    ) -> Record:
        """Push one record; durable on the server when this returns."""
        return self.append_signed([(evidence, key, signatures)])[0]

    def append_many(
        self, batch: Sequence[Evidence], *, keys: Sequence[str | None] | None = None
    ) -> list[Record]:
        """Push a batch.

        Up to 1,000 records and 4 MiB are all stored or none. More goes in several requests, each
        all or none; sent again after a failure, what is stored already stays as it is.
        """
        if len(batch) > MAX_BATCH or (keys is not None and len(keys) != len(batch)):
            raise EvidenceFormatError(
                "the batch cannot be pushed",
                got=f"{len(batch)} records, {len(keys) if keys is not None else 'no'} keys",
                expected=f"at most {MAX_BATCH} records, with one key each or none",
            )
        named: Sequence[str | None] = keys if keys is not None else [None] * len(batch)
        return self.append_signed([(item, key, ()) for item, key in zip(batch, named, strict=True)])

    def append_signed(self, batch: Items) -> list[Record]:
        """Push (evidence, key, people's signatures)."""
        found: list[Record] = []
        for items in _requests(batch):
            body = b'{"batch":[' + b",".join(item for item, _ in items) + b"]}"
            answer = self._json("POST", "/v1/evidence", body=body)
            try:
                found.extend(self._stored(answer, [payload for _, payload in items]))
            except EvidenceError as error:
                # Not the evidence's fault: whoever delivers it must keep it.
                raise StoreError(
                    f"the answer of {self.url} to a push is not believable: {error}"
                ) from error
        return found

    def _stored(self, answer: Any, payloads: list[bytes]) -> list[Record]:
        try:
            checkpoint = self._checkpoint(answer["checkpoint"])
            answers = list(answer["records"])
            proofs = [item["proof"] for item in answers]
        except (KeyError, TypeError) as error:
            raise _odd("a push", error) from error
        if len(answers) != len(payloads):
            raise VerificationError(
                "the server does not answer for every record",
                got=str(len(answers)),
                expected=str(len(payloads)),
            )
        records = [record_from(item) for item in answers]
        for record, payload, proof in zip(records, payloads, proofs, strict=True):
            check_stored(record, payload, proof, checkpoint)
        return records

    def _checkpoint(self, note: str) -> Checkpoint:
        pinned = os.environ.get(KEY_VARIABLE)
        if not pinned:
            return unverified_checkpoint(note)
        return read_checkpoint(note, [VerifierKey.parse(pinned)])

    # ---- reading

    def get(self, record_id: str) -> Record:
        """The record with this id or unique prefix (8+ hex digits); EvidenceNotFoundError."""
        wanted = record_id.strip().lower()
        if not 8 <= len(wanted) <= 64 or set(wanted) - _HEX:
            raise EvidenceNotFoundError(
                "not the id of a record", got=repr(record_id)[:80], expected="8 to 64 hex digits"
            )
        record = record_from(self._json("GET", f"/v1/evidence/{wanted}"))
        if not record.id.startswith(wanted):
            raise VerificationError("the server sent another record than the one asked for")
        return record

    def find(
        self,
        *,
        kind: str | Sequence[str] | None = None,
        system: str | None = None,
        subject: str | None = None,
        run: str | None = None,
        since: int = 0,
        before: int | None = None,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> Iterator[Record]:
        """Records that match every given filter, in the order of the log, read page by page."""
        kinds = [kind] if isinstance(kind, str) else kind
        if kinds is not None and not kinds:
            return
        filters = [("kind", name) for name in kinds or ()]
        for name, value in (("system", system), ("subject", subject), ("run", run)):
            if value is not None:
                filters.append((name, value))
        if newest_first:
            filters.append(("newest_first", "true"))
        low, high, left = since, before, limit
        while left is None or left > 0:
            query = [*filters, ("since", str(low))]
            query.append(("limit", str(PAGE if left is None else min(PAGE, left))))
            if high is not None:
                query.append(("before", str(high)))
            answer = self._json("GET", "/v1/evidence", query=query)
            try:
                page, following = list(answer["records"]), answer["next"]
            except (KeyError, TypeError) as error:
                raise _odd("a search", error) from error
            yield from map(record_from, page)
            if following is None:
                return
            low, high = (low, following) if newest_first else (following, high)
            left = None if left is None else left - len(page)

    def status(self) -> StoreStatus:
        """The state of the log as the server gives it."""
        found = self._log()
        try:
            return StoreStatus(
                url=self.url,
                location=self.url,
                blobs=f"{self.url}/v1/blobs",
                log_id=found["log_id"],
                size=found["size"],
                root=found["root"],
                checkpoint=found["checkpoint"],
                anchored=found["anchored"],
            )
        except (KeyError, TypeError) as error:
            raise _odd("the state of the log", error) from error

    # ---- proofs

    def log_keys(self) -> list[tuple[int, bytes]]:
        """(first record, raw public key) of each key of the log, oldest first."""
        try:
            return [(k["valid_from"], b64decode(k["public"])) for k in self._log()["keys"]]
        except (KeyError, TypeError, ValueError) as error:
            raise _odd("the log's keys", error) from error

    def verifier_keys(self) -> list[VerifierKey]:
        """Every key that the log was ever signed with, as the server gives them."""
        origin = origin_of(self.status().log_id)
        return [VerifierKey(origin, public) for _, public in self.log_keys()]

    def inclusion_paths(self, sequences: Sequence[int], size: int) -> list[list[bytes]]:
        """The audit path of each record in the log of `size` records."""
        found: list[list[bytes]] = []
        for start in range(0, len(sequences), PAGE):
            query = [("sequence", str(n)) for n in sequences[start : start + PAGE]]
            answer = self._json("GET", "/v1/proofs/inclusion", query=[*query, ("size", str(size))])
            found.extend(hashes_from(path) for path in answer["paths"])
        return found

    def consistency_path(self, old: int, size: int) -> list[bytes]:
        """The proof that the first `old` of `size` records are unchanged."""
        query = [("old", str(old)), ("size", str(size))]
        return hashes_from(self._json("GET", "/v1/proofs/consistency", query=query)["path"])

    def prove(self, sequence: int) -> str:
        """A proof (tlog-proof) that a record is in the log as last signed."""
        note = self.status().checkpoint
        size = unverified_checkpoint(note).size if note is not None else 0
        if note is None or not 0 <= sequence < size:
            raise EvidenceNotFoundError(f"no record {sequence} in a log of {size}")
        return write_proof(sequence, self.inclusion_paths([sequence], size)[0], note)

    def prove_consistency(self, old: int) -> list[bytes]:
        """The hashes that prove that the first `old` records are unchanged in the log now."""
        return self.consistency_path(old, self.status().size)

    def erased(self) -> frozenset[str]:
        """Digests of the blobs whose content was erased or pruned, as the log records it."""
        found: set[str] = set()
        for record in self.find(kind=("erasure", "retention")):
            found.update(str(digest) for digest in record.evidence.body.get("blobs", ()))
        return frozenset(found)

    def salt_of(self, blob: str) -> bytes | None:
        """None: personal content does not leave the machine of its log."""
        return None

    # ---- blobs

    def put_blob(self, content: bytes, *, media_type: str) -> BlobReference:
        """Store bytes under their digest; durable on the server when this returns."""
        if len(content) > MAX_BLOB:
            raise EvidenceFormatError(
                "a blob is too large for the server",
                got=f"{len(content)} bytes",
                expected=f"at most {MAX_BLOB} bytes",
            )
        digest = hashlib.sha256(content).hexdigest()
        answer = self._http.request(
            "PUT", f"/v1/blobs/{digest}", body=content, media_type=media_type
        )
        self._checked(answer)
        return BlobReference(digest, len(content), media_type)

    def get_blob(self, sha256: str) -> bytes:
        """The bytes, checked against their digest; EvidenceNotFoundError, VerificationError."""
        if len(sha256) != 64 or set(sha256) - _HEX:
            raise EvidenceFormatError(
                "not the digest of a blob",
                got=repr(sha256)[:80],
                expected="64 lower-case hex digits",
            )
        content = self._checked(self._http.request("GET", f"/v1/blobs/{sha256}")).content
        if hashlib.sha256(content).hexdigest() != sha256:
            raise VerificationError(f"the blob {sha256[:16]} is not what was stored")
        return content

    def close(self) -> None:
        self._http.close()

    # ---- asking

    def _log(self) -> Any:
        return self._json("GET", "/v1/log")

    def _json(
        self,
        method: str,
        path: str,
        *,
        query: list[tuple[str, str]] | None = None,
        body: bytes | None = None,
    ) -> Any:
        answer = self._checked(self._http.request(method, path, query=query, body=body))
        try:
            return orjson.loads(answer.content)
        except orjson.JSONDecodeError as error:
            raise StoreUnavailableError(
                f"{self.url} does not answer like an evidence server",
                got=answer.media_type or "no content type",
                next_step="check the store's URL",
            ) from error

    def _checked(self, answer: Answer) -> Answer:
        """The answer, if it is not an error; the error it stands for otherwise."""
        if answer.status == 200:
            return answer
        raise self._error(answer)

    def _error(self, answer: Answer) -> EvidenceError | StoreError:
        try:
            found = orjson.loads(answer.content)
            name, detail = str(found["type"]).rpartition(":")[2], str(found.get("detail", ""))
            detail = "; ".join(
                [detail, *(f"{e['where']}: {e['what']}" for e in found.get("errors", ())[:3])]
            )[:1000]
        except (ValueError, KeyError, TypeError, AttributeError):
            name, detail = "", ""
        if name == "damaged":
            return VerificationError("what the server holds is not what was stored", got=detail)
        if name == "not-found":
            return EvidenceNotFoundError(f"{self.url}: {detail}")
        if name in ("conflict", "digest"):
            return EvidenceConflictError(detail)
        if name in ("invalid", "malformed", "too-large"):
            return EvidenceFormatError(f"the server refuses it: {detail}")
        if name in ("unauthorised", "forbidden"):
            refused = NotAllowedError if name == "forbidden" else StoreUnavailableError
            return refused(
                f"the evidence server {self.url} does not let us",
                got=detail,
                next_step="set AIMS_TOKEN to a token with the scope: aims token create",
            )
        return StoreUnavailableError(
            f"the evidence server {self.url} cannot answer now",
            got=f"status {answer.status}" + (f", {detail}" if detail else ""),
            next_step="try again later",
        )


def _requests(batch: Items) -> Iterator[list[tuple[bytes, bytes]]]:
    """The items as JSON beside their payloads, in groups that one request may hold."""
    group: list[tuple[bytes, bytes]] = []
    size = 0
    prepared = [_item(evidence, key, signatures) for evidence, key, signatures in batch]
    for item in prepared:
        if group and (len(group) >= MAX_ITEMS or size + len(item[0]) > MAX_STATEMENT_BYTES - 64):
            yield group
            group, size = [], 0
        group.append(item)
        size += len(item[0]) + 1
    if group:
        yield group


def _item(
    evidence: Evidence, key: str | None, signatures: Sequence[Signature]
) -> tuple[bytes, bytes]:
    if key is not None and not _KEY.match(key):
        raise EvidenceFormatError(
            "the idempotency key cannot be used",
            got=f"{len(key)} characters",
            expected=f"1 to {MAX_KEY} of A-Z, a-z, 0-9 and ._:/+=@-",
        )
    payload = payload_of_evidence(evidence)
    parts = [b'"statement":' + payload]
    if key is not None:
        parts.append(b'"key":' + orjson.dumps(key))
    if signatures:
        signed = [{"keyid": s.key_id, "sig": b64encode(s.value).decode()} for s in signatures]
        parts.append(b'"signatures":' + orjson.dumps(signed))
    item = b"{" + b",".join(parts) + b"}"
    if len(item) > MAX_STATEMENT_BYTES - 64:
        raise EvidenceFormatError(
            "evidence is too large for the server",
            got=f"{len(item)} bytes",
            expected=f"at most {MAX_STATEMENT_BYTES - 64} bytes",
            next_step="put the content into a blob and refer to it",
        )
    return item, payload


def _odd(what: str, error: Exception) -> EvidenceFormatError:
    return EvidenceFormatError(
        f"the server's answer to {what} has another shape: {type(error).__name__}",
        next_step="use the same version of aims-mlops on both sides",
    )
