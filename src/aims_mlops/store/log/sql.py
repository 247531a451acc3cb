"""The evidence log in SQLite or PostgreSQL: what is stored, read, proved, and kept beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa  # noqa: TID253  the adapter itself

from aims_mlops.errors import (
    EvidenceFormatError,
    EvidenceNotFoundError,
)
from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.evidence.encoding.envelope import Signature, Signer, sign
from aims_mlops.evidence.encoding.limits import MAX_BATCH
from aims_mlops.evidence.kinds import REMOVING_KINDS
from aims_mlops.evidence.records import Evidence, Record
from aims_mlops.evidence.store import BlobReference, StoreStatus, id_prefix, refuse_if_changed
from aims_mlops.evidence.transparency.checkpoint import origin_of, write_proof
from aims_mlops.evidence.transparency.merkle import (
    consistency_proof,
    inclusion_proof,
)
from aims_mlops.evidence.transparency.note import VerifierKey
from aims_mlops.store.blobs.base import Blobs
from aims_mlops.store.blobs.encryption import Secrets, lock, unlock, unwrap, wrap
from aims_mlops.store.database.database import Database
from aims_mlops.store.database.tables import blob_keys, head, log_keys, records, subjects
from aims_mlops.store.disk.verified_index import Wanted
from aims_mlops.store.log.append import HEAD, Also, Appender
from aims_mlops.store.log.codec import record_from_row
from aims_mlops.store.log.signed_log import PAGE, Checked, SignedLog
from aims_mlops.store.log.signing import LogKeys
from aims_mlops.store.log.tree import StoredTree


class SqlStore:
    """An EvidenceStore on a database; made by `store.opening.open_sql_store`."""

    def __init__(self, database: Database, blobs: Blobs, keys: LogKeys) -> None:
        self.database = database
        self.blobs = blobs
        self.signing = keys
        self._appender = Appender(database, keys)
        self.is_new = False  # made by this process, with a key of its own
        self.as_stored: SqlStore = self
        self._checked: Checked | None = None  # rows are read as they are

    @property
    def url(self) -> str:
        """Where the store is, without a password."""
        return self.database.url

    @property
    def blob_location(self) -> str:
        """Where the blobs are."""
        return self.blobs.location

    @property
    def key_folder(self) -> Path:
        """The folder of the log's key."""
        return self.signing.folder

    @cached_property
    def log_id(self) -> str:
        """The log's own id, 32 hex digits."""
        with self.database.reading() as connection:
            return str(connection.execute(sa.select(head.c.log_id)).scalar_one())

    # ---- writing

    def append(
        self, evidence: Evidence, *, key: str | None = None, signatures: Sequence[Signature] = ()
    ) -> Record:
        """Sign, store and return one record, durable when this returns.

        signatures : of people, over the statement's payload, to stand beside the log's own.
        Raises EvidenceFormatError, EvidenceConflictError, StoreUnavailableError.
        """
        return self._appender.append([(evidence, key, signatures)])[0]

    def append_many(
        self, batch: Sequence[Evidence], *, keys: Sequence[str | None] | None = None
    ) -> list[Record]:
        """Store a batch in one transaction, all of it or none; `keys` go with it one by one."""
        if len(batch) > MAX_BATCH:
            raise EvidenceFormatError(
                "the batch is too large", got=str(len(batch)), expected=f"at most {MAX_BATCH}"
            )
        if keys is not None and len(keys) != len(batch):
            raise EvidenceFormatError(
                "not one key for each record", got=str(len(keys)), expected=str(len(batch))
            )
        if not batch:
            return []
        named: Sequence[str | None] = keys if keys is not None else [None] * len(batch)
        return self._appender.append(
            [(item, key, ()) for item, key in zip(batch, named, strict=True)]
        )

    def append_signed(
        self, batch: Sequence[tuple[Evidence, str | None, Sequence[Signature]]]
    ) -> list[Record]:
        """The same for (evidence, key, people's signatures), as a server takes them."""
        return self._appender.append(batch) if batch else []

    def append_rotation(self, evidence: Evidence, successor: Signer) -> Record:
        """Store the record by which the key that signs now hands over to another: both sign it."""
        consent = sign(canonical(evidence.to_statement()), successor)
        batch = [(evidence, None, [consent])]
        return self._appender.append(batch, successor=successor, own=True)[0]

    def append_own(self, evidence: Evidence, also: Also | None = None) -> Record:
        """Store what the log says about itself: kinds that are taken from nobody else."""
        return self._appender.append([(evidence, None, ())], also=also, own=True)[0]

    def append_with(self, evidence: Evidence, also: Also) -> Record:
        """Store one record and do something else to the database in the same transaction."""
        return self._appender.append([(evidence, None, ())], also=also)[0]

    def append_if_unchanged(
        self,
        evidence: Evidence | None,
        *,
        since: int,
        matters: Callable[[str, str | None], bool],
        write: Callable[[], object],
    ) -> Record | None:
        """Append and write with the log locked; see `evidence.store.append_if_unchanged`."""

        def also(connection: sa.Connection) -> None:
            newer = self._signed_log.newer(connection, since)
            refuse_if_changed(((entry.kind, entry.system) for entry in newer), matters)
            write()

        if evidence is None:
            self._appender.hold(also)
            return None
        return self._appender.append([(evidence, None, ())], also=also)[0]

    # ---- reading

    def get(self, record_id: str) -> Record:
        """The record with this id or unique prefix (8+ hex digits); EvidenceNotFoundError."""
        wanted = id_prefix(record_id)
        query = (
            sa.select(records)
            .where(records.c.id >= wanted, records.c.id <= wanted + "f" * (64 - len(wanted)))
            .limit(2)
        )
        with self.database.reading() as connection:
            rows = connection.execute(query).all()
        if not rows:
            raise EvidenceNotFoundError(f"no record {wanted} in {self.url}")
        if len(rows) > 1:
            raise EvidenceNotFoundError(
                f"more than one record begins with {wanted}", next_step="give more digits"
            )
        if self._checked is not None:
            self._checked.check(rows[0])
        return record_from_row(rows[0])

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
        """Records that match every given filter, in the order of the log.

        Read a page at a time: records that arrive meanwhile may be among them, none is repeated.
        Where it is checked, they are as the log is when the search begins; VerificationError if
        one is missing, hidden, or not signed by the log's key.
        """
        size = self._checked.size() if self._checked is not None else None
        if size is not None:
            kinds = [kind] if isinstance(kind, str) else kind
            end = size if before is None else min(size, before)
            wanted = Wanted(kinds, system, subject, run, since, end, newest_first, limit)
            for found in self._signed_log.rows(wanted):
                yield from map(record_from_row, found)
            return
        query = sa.select(records)
        if subject is not None:
            query = query.join(subjects, subjects.c.sequence == records.c.sequence).where(
                subjects.c.sha256 == subject
            )
        if kind is not None:
            query = query.where(records.c.kind.in_([kind] if isinstance(kind, str) else kind))
        if system is not None:
            query = query.where(records.c.system == system)
        if run is not None:
            query = query.where(records.c.run == run)
        order = records.c.sequence.desc() if newest_first else records.c.sequence
        query = query.order_by(order)
        low, high, left = since, before, limit
        while left is None or left > 0:
            count = PAGE if left is None else min(PAGE, left)
            page = query.where(records.c.sequence >= low).limit(count)
            if high is not None:
                page = page.where(records.c.sequence < high)
            with self.database.reading() as connection:
                rows = connection.execute(page).all()
            for row in rows:
                yield record_from_row(row)
            if len(rows) < count:
                return
            if newest_first:
                high = rows[-1].sequence
            else:
                low = rows[-1].sequence + 1
            left = None if left is None else left - len(rows)

    @cached_property
    def signed(self) -> SqlStore:
        """The same store for whoever decides: it finds all that the log's key signed, no more."""
        return self._reading(shown=False)

    @cached_property
    def shown(self) -> SqlStore:
        """The same store for whoever shows evidence; without any key, as it is, and says so."""
        return self._reading(shown=True)

    def _reading(self, *, shown: bool) -> SqlStore:
        checked = Checked(self._signed_log, shown=shown)
        found = copy(self)
        found._checked = checked
        found.__dict__["signed"] = self.signed if shown else found
        found.__dict__["shown"] = found
        return found

    @cached_property
    def _signed_log(self) -> SignedLog:
        """One for all that reads this store in this process."""
        return SignedLog(self.database, self.signing, self.log_id)

    def status(self) -> StoreStatus:
        """Size, root, checkpoint and place of the log."""
        if self._checked is not None:
            self._checked.check_head()
        with self.database.reading() as connection:
            top = connection.execute(HEAD).one()
            anchored = connection.execute(
                sa.select(records.c.sequence).where(records.c.kind == "anchor").limit(1)
            ).first()
        return StoreStatus(
            url=self.url,
            location=str(self.database.path or self.url),
            blobs=self.blobs.location,
            log_id=top.log_id,
            size=int(top.size),
            root=bytes(top.root).hex(),
            checkpoint=top.checkpoint,
            anchored=anchored is not None,
        )

    # ---- proofs

    def verifier_keys(self) -> list[VerifierKey]:
        """Every key that the log was ever signed with, as keys of its checkpoints."""
        with self.database.reading() as connection:
            found = connection.execute(
                sa.select(log_keys.c.public).order_by(log_keys.c.valid_from)
            ).scalars()
            return [VerifierKey(origin_of(self.log_id), bytes(public)) for public in found]

    def prove(self, sequence: int) -> str:
        """A proof (tlog-proof) that a record is in the log as last signed."""
        with self.database.reading() as connection:
            top = connection.execute(HEAD).one()
            if not 0 <= sequence < top.size:
                raise EvidenceNotFoundError(f"no record {sequence} in a log of {top.size}")
            path = inclusion_proof(sequence, int(top.size), StoredTree(connection))
        return write_proof(sequence, path, top.checkpoint)

    def prove_consistency(self, old: int) -> list[bytes]:
        """The hashes that prove that the first `old` records are unchanged in the log now."""
        with self.database.reading() as connection:
            size = int(connection.execute(sa.select(head.c.size)).scalar_one())
            return consistency_proof(old, size, StoredTree(connection))

    # ---- blobs

    def put_blob(self, content: bytes, *, media_type: str, personal: bool = False) -> BlobReference:
        """Store bytes under their digest; durable when this returns.

        personal : encrypt it under a key of its own, so that it can be erased; `sha256` of the
            reference is then HMAC-SHA256 under a random salt, new each time.
        """
        if not personal:
            return BlobReference(self.blobs.put(content), len(content), media_type)
        commitment, ciphertext, salt, key = lock(content)
        secrets = Secrets(salt, key, self.blobs.put(ciphertext))
        wrapped = wrap(self.key_folder, commitment, secrets)
        with self.database.writing() as connection:
            connection.execute(blob_keys.insert(), {"commitment": commitment, "wrapped": wrapped})
        return BlobReference(commitment, len(content), media_type)

    def get_blob(self, sha256: str) -> bytes:
        """The bytes, checked against their digest; EvidenceNotFoundError, VerificationError."""
        secrets = self.secrets_of(sha256)
        if secrets is None:
            return self.blobs.get(sha256)
        # Never what lies under the commitment itself: the inner block of the HMAC has that digest.
        return unlock(sha256, self.blobs.get(secrets.name), secrets)

    def secrets_of(self, commitment: str) -> Secrets | None:
        """What opens an encrypted blob; None for a plain, an erased or an unknown one."""
        with self.database.reading() as connection:
            wrapped = connection.execute(
                sa.select(blob_keys.c.wrapped).where(blob_keys.c.commitment == commitment)
            ).scalar()
        return None if wrapped is None else unwrap(self.key_folder, commitment, bytes(wrapped))

    def erased(self) -> frozenset[str]:
        """Digests of the blobs whose content was erased or pruned, as the log records it."""
        found: set[str] = set()
        for record in self.find(kind=REMOVING_KINDS):
            found.update(str(digest) for digest in record.evidence.body.get("blobs", ()))
        return frozenset(found)

    def close(self) -> None:
        """Give back connections and files."""
        self.database.close()
        if "_signed_log" in self.__dict__:
            self._signed_log.close()
