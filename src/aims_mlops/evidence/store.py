"""What every evidence store does, local or remote."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aims_mlops.errors import EvidenceNotFoundError, LogChangedError
from aims_mlops.evidence.records import Evidence, Record


@dataclass(frozen=True, slots=True)
class BlobReference:
    """A content-addressed blob: SHA-256 (hex) of the plain bytes, size in bytes, media type."""

    sha256: str
    size: int
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStatus:
    """What `aims status` says of a store.

    size : number of records.  root : Merkle root (hex) over them.
    checkpoint : the last signed checkpoint, as its note text; None before the first record.
    anchored : whether anybody outside holds a checkpoint.
    """

    url: str
    location: str
    blobs: str
    log_id: str
    size: int
    root: str
    checkpoint: str | None
    anchored: bool


def id_prefix(record_id: str) -> str:
    """A record's id or the beginning of one, 8 to 64 hex digits, in small letters.

    Raises EvidenceNotFoundError for anything else.
    """
    wanted = record_id.strip().lower()
    if not 8 <= len(wanted) <= 64 or set(wanted) - set("0123456789abcdef"):
        raise EvidenceNotFoundError(
            "not the id of a record", got=repr(record_id)[:80], expected="8 to 64 hex digits"
        )
    return wanted


def signed(store: EvidenceStore) -> EvidenceStore:
    """The store as whoever decides or asks for consent reads it.

    What it finds was signed by the log's key, else VerificationError; StoreError where no key can
    tell. A store over HTTP holds what its server says against AIMS_LOG_KEY itself.
    """
    found: EvidenceStore = getattr(store, "signed", store)
    return found


def as_stored(store: EvidenceStore) -> EvidenceStore:
    """The store as its rows are, for whoever verifies all of it or gives it to a verifier."""
    found: EvidenceStore = getattr(store, "as_stored", store)
    return found


def append_if_unchanged(
    store: EvidenceStore,
    evidence: Evidence | None,
    *,
    since: int,
    matters: Callable[[str, str | None], bool],
    write: Callable[[], object],
) -> Record | None:
    """Append one record and do `write`, unless the log has a record since then that matters.

    evidence : None for the write alone.  since : size of the log when it was read.
    matters : by kind and AI system of a record.
    A store that has a method of this name does it with nothing in between, and a write that fails
    takes the record with it. For any other, the log is read once more right before the write.
    Raises LogChangedError before the write, and whatever the write raises.
    """
    method: Any = getattr(store, "append_if_unchanged", None)
    if method is not None:
        done: Record | None = method(evidence, since=since, matters=matters, write=write)
        return done
    record = None if evidence is None else store.append(evidence)
    refuse_if_changed(
        ((r.evidence.kind, r.evidence.system) for r in store.find(since=since)), matters
    )
    write()
    return record


def refuse_if_changed(
    records: Iterable[tuple[str, str | None]], matters: Callable[[str, str | None], bool]
) -> None:
    """Raise LogChangedError if a record matters; each is given by kind and AI system."""
    if any(matters(kind, system) for kind, system in records):
        raise LogChangedError("the log changed after it was read", next_step="ask again")


class EvidenceStore(Protocol):
    """An append-only log of evidence with blobs beside it.

    Every method raises StoreUnavailableError when the store is locked, read-only, full or
    unreachable, and StoreVersionError when a newer version wrote it.
    """

    @property
    def url(self) -> str:
        """Where the store is, without a password."""

    def append(self, evidence: Evidence, *, key: str | None = None) -> Record:
        """Sign, store and return one record, durable when this returns.

        Same key and same evidence: the record stored before. Same key, another body:
        EvidenceConflictError.
        """
        ...

    def append_many(
        self, batch: Sequence[Evidence], *, keys: Sequence[str | None] | None = None
    ) -> list[Record]:
        """The same for a batch in one transaction: all of it is stored, or none.

        keys : one for each, as `append` takes it; None for that of its content.
        """
        ...

    def get(self, record_id: str) -> Record:
        """The record with this id or unique prefix (8+ hex digits); EvidenceNotFoundError."""

    def find(
        self,
        *,
        kind: str | Sequence[str] | None = None,
        system: str | None = None,
        subject: str | None = None,
        run: str | None = None,
        since: int = 0,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> Iterator[Record]:
        """Records that match every given filter; `subject` is a SHA-256, `since` a sequence."""

    def put_blob(self, content: bytes, *, media_type: str) -> BlobReference:
        """Store bytes under their digest; durable when this returns."""

    def get_blob(self, sha256: str) -> bytes:
        """The bytes, checked against their digest; EvidenceNotFoundError, VerificationError."""

    def status(self) -> StoreStatus:
        """Size, root, checkpoint and place of the log."""

    def close(self) -> None:
        """Give back connections and files."""
