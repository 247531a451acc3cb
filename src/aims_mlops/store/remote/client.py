"""An evidence store behind `aims serve`, reached over HTTP.

Nothing the server says is taken on trust where it can be checked here: a pushed statement must come
back unchanged, with a proof that it is in the log; a page must hold what was asked for, in order; a
blob must have its digest. With AIMS_LOG_KEY all of it is held against that key first (`trust`).
"""

from __future__ import annotations

import hashlib
import os
from base64 import b64decode
from collections.abc import Iterator, Sequence
from copy import copy
from functools import cached_property
from typing import Any

import orjson

from aims_mlops.errors import (
    EvidenceError,
    EvidenceFormatError,
    EvidenceNotFoundError,
    StoreError,
    StoreUnavailableError,
    VerificationError,
)
from aims_mlops.evidence.encoding.envelope import Signature
from aims_mlops.evidence.encoding.limits import MAX_BATCH, MAX_SENT_BLOB_BYTES
from aims_mlops.evidence.kinds import REMOVING_KINDS
from aims_mlops.evidence.records import Evidence, Record
from aims_mlops.evidence.store import BlobReference, StoreStatus, id_prefix
from aims_mlops.evidence.transparency.checkpoint import (
    check_proof,
    origin_of,
    unverified_checkpoint,
    write_proof,
)
from aims_mlops.evidence.transparency.merkle import EMPTY_ROOT
from aims_mlops.evidence.transparency.note import VerifierKey
from aims_mlops.store.remote.answers import (
    Filters,
    check_page,
    check_stored,
    hashes_from,
    record_from,
)
from aims_mlops.store.remote.complete import Complete
from aims_mlops.store.remote.connection import Answer, Connection
from aims_mlops.store.remote.problems import error_of
from aims_mlops.store.remote.push import Items, requests_of
from aims_mlops.store.remote.trust import Trust

KEY_VARIABLE = "AIMS_LOG_KEY"  # the log's key as `aims key list` prints it; then it is checked
MAX_BLOB = MAX_SENT_BLOB_BYTES
PAGE = 500  # records or proofs asked for at a time
_HEX = frozenset("0123456789abcdef")


class RemoteStore:
    """An EvidenceStore over HTTP; the token comes from AIMS_TOKEN or AIMS_TOKEN_FILE."""

    def __init__(self, url: str) -> None:
        self._http = Connection(url)
        self._trusted: dict[str, Trust] = {}
        self._complete: Complete | None = None  # searches are taken as they come

    @property
    def url(self) -> str:
        """The server's address."""
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
        for items in requests_of(batch):
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
            checkpoint = unverified_checkpoint(answer["checkpoint"])
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
        self._checked_records(records)
        return records

    # ---- what the pinned key proves

    @property
    def _trust(self) -> Trust | None:
        """What follows from the pinned key; None where none is set."""
        text = os.environ.get(KEY_VARIABLE, "").strip()
        if not text:
            return None
        trust = self._trusted.get(text)
        if trust is None:
            trust = Trust(VerifierKey.parse(text), self.url, self._ask_trust, self._paths)
            self._trusted[text] = trust
        return trust

    def _ask_trust(self, old: int) -> Any:
        try:
            return self._json("GET", "/v1/trust", query=[("old", str(old))])
        except EvidenceNotFoundError as error:
            raise StoreUnavailableError(
                f"the evidence server {self.url} is of a version that proves too little",
                next_step=f"update the server; without {KEY_VARIABLE} its answers are not checked",
            ) from error

    def _checked_records(self, records: list[Record]) -> list[Record]:
        trust = self._trust
        if trust is not None:
            trust.check(records)
        return records

    # ---- reading

    def get(self, record_id: str) -> Record:
        """The record with this id or unique prefix (8+ hex digits); EvidenceNotFoundError."""
        wanted = id_prefix(record_id)
        record = record_from(self._json("GET", f"/v1/evidence/{wanted}"))
        if not record.id.startswith(wanted):
            raise VerificationError("the server sent another record than the one asked for")
        return self._checked_records([record])[0]

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
        wanted = Filters(kinds, system, subject, run, newest_first)
        trust = self._trust
        if trust is not None and self._complete is not None:
            yield from self._complete.find(trust, wanted, since, before, limit)
            return
        if trust is not None:
            trust.refresh()  # also where nothing is found, the answer must be the log's
        for page in self._pages(wanted, since, before, limit):
            yield from self._checked_records(page)

    def _pages(
        self, wanted: Filters, low: int, high: int | None, left: int | None
    ) -> Iterator[list[Record]]:
        """Pages as the server sends them; each holds what was asked for, and is not yet proved."""
        if wanted.kinds is not None and not wanted.kinds:
            return
        filters = wanted.query()
        while left is None or left > 0:
            count = PAGE if left is None else min(PAGE, left)
            query = [*filters, ("since", str(low)), ("limit", str(count))]
            if high is not None:
                query.append(("before", str(high)))
            answer = self._json("GET", "/v1/evidence", query=query)
            try:
                page, following = list(map(record_from, answer["records"])), answer["next"]
            except (KeyError, TypeError) as error:
                raise _odd("a search", error) from error
            check_page(page, following, wanted, low=low, high=high, count=count)
            yield page
            if following is None:
                return
            low, high = (low, following) if wanted.newest_first else (following, high)
            left = None if left is None else left - len(page)

    @cached_property
    def signed(self) -> RemoteStore:
        """The same store for whoever decides: with a pinned key, no search leaves anything out."""
        found = copy(self)
        found._complete = Complete(self.url, self._pages)
        found.__dict__["signed"] = found
        return found

    def status(self) -> StoreStatus:
        """The state of the log: as the server gives it, or as it proves it to a pinned key."""
        trust = self._trust
        if trust is not None:
            return self._proved_status(trust)
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

    def _proved_status(self, trust: Trust) -> StoreStatus:
        head = trust.refresh()
        anchored = head is not None and any(True for _ in self.find(kind="anchor", limit=1))
        return StoreStatus(
            url=self.url,
            location=self.url,
            blobs=f"{self.url}/v1/blobs",
            log_id=trust.pinned.name.removeprefix(origin_of("")),
            size=head.checkpoint.size if head is not None else 0,
            root=(head.checkpoint.root if head is not None else EMPTY_ROOT).hex(),
            checkpoint=head.note if head is not None else None,
            anchored=anchored,
        )

    # ---- proofs

    def log_keys(self) -> list[tuple[int, bytes]]:
        """(first record, raw public key) of each key of the log, oldest first."""
        trust = self._trust
        head = trust.refresh() if trust is not None else None
        if head is not None:
            return [(span.valid_from, span.public) for span in head.chain.spans]
        try:
            return [(k["valid_from"], b64decode(k["public"])) for k in self._log()["keys"]]
        except (KeyError, TypeError, ValueError) as error:
            raise _odd("the log's keys", error) from error

    def verifier_keys(self) -> list[VerifierKey]:
        """Every key that the log was ever signed with: as given, or as proved to a pinned key."""
        origin = origin_of(self.status().log_id)
        return [VerifierKey(origin, public) for _, public in self.log_keys()]

    def inclusion_paths(self, sequences: Sequence[int], size: int) -> list[list[bytes]]:
        """The audit path of each record in the log of `size` records."""
        return self._paths(sequences, size)

    def _paths(self, sequences: Sequence[int], size: int) -> list[list[bytes]]:
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
        proof = write_proof(sequence, self.inclusion_paths([sequence], size)[0], note)
        if self._trust is not None:
            (record,) = self.find(since=sequence, before=sequence + 1, limit=1)
            check_proof(proof, record.leaf, self.verifier_keys())
        return proof

    def prove_consistency(self, old: int) -> list[bytes]:
        """The hashes that prove that the first `old` records are unchanged in the log now.

        Whoever holds the checkpoint of `old` records checks them against its root.
        """
        return self.consistency_path(old, self.status().size)

    def erased(self) -> frozenset[str]:
        """Digests of the blobs whose content was erased or pruned, as the log records it."""
        found: set[str] = set()
        for record in self.find(kind=REMOVING_KINDS):
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
        """Close the connection."""
        self._http.close()
        if (complete := self.__dict__.get("signed", self)._complete) is not None:
            complete.close()

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
        raise error_of(answer, self.url)


def _odd(what: str, error: Exception) -> EvidenceFormatError:
    return EvidenceFormatError(
        f"the server's answer to {what} has another shape: {type(error).__name__}",
        next_step="use the same version of aims-mlops on both sides",
    )
