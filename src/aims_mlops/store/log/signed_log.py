"""Complete and signed searches of a log in a database.

Which records a search has to find is asked of an index that this machine made from the signed
leaves and statements (`disk.verified_index`); each row is then read by its sequence, and its leaf
held against that index. So a row that was put in, changed, deleted, or hidden by another kind,
system, run or subject beside its signed envelope is told, whatever the database's own index says.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa  # noqa: TID253  the adapter itself

from aims_mlops.errors import VerificationError
from aims_mlops.evidence.transparency.merkle import leaf_hash
from aims_mlops.store.database.database import Database
from aims_mlops.store.database.tables import head, records
from aims_mlops.store.disk.verified_index import Entry, VerifiedIndex, Wanted, entry_of
from aims_mlops.store.log.signed_head import NoKeyError, SignedHead
from aims_mlops.store.log.signing import LogKeys

PAGE = 200  # records read at a time, so that a slow reader never blocks a writer
_VERIFY = "aims evidence verify"
_log = logging.getLogger("aims_mlops.store")
T = TypeVar("T")


class SignedLog:
    """One log, as far as its key vouches for it; safe to use from threads."""

    def __init__(self, database: Database, keys: LogKeys, log_id: str) -> None:
        self._database = database
        self.head = SignedHead(database, keys, log_id)
        self._index = VerifiedIndex(log_id, database.url)

    def follow(self) -> int:
        """Size of the log under its newest signed head, all of which the index now has.

        Raises VerificationError, StoreError, NoKeyError where no key can tell.
        """
        checkpoint = self.head.read()
        if checkpoint.size < self._index.size:
            checkpoint = self.head.read()  # another process has followed the log further meanwhile
        self._index.follow(checkpoint.size, checkpoint.root, self._read)
        if checkpoint.size < (known := self._index.size):
            checkpoint = self.head.read()
            if checkpoint.size < known:
                raise VerificationError(
                    f"the log {self._database.url} is behind what was read here before",
                    got=f"{checkpoint.size} records",
                    expected=f"the same {known} records, and perhaps more",
                    next_step=(
                        "restore the newest backup; if the loss is accepted, move "
                        f"{self._index.path} aside"
                    ),
                )
            self._index.follow(checkpoint.size, checkpoint.root, self._read)
        return checkpoint.size

    def rows(self, wanted: Wanted) -> Iterator[Sequence[Any]]:
        """The rows that a search has to find, a page at a time.

        Raises VerificationError for one that is missing or is not what the log's key signed.
        """
        matches = self._index.search(wanted)
        while page := list(islice(matches, PAGE)):
            query = sa.select(records).where(records.c.sequence.in_([n for n, _ in page]))
            with self._database.reading() as connection:
                found = {row.sequence: row for row in connection.execute(query)}
            yield [_checked(found.get(sequence), sequence, leaf) for sequence, leaf in page]

    def check(self, rows: Iterable[Any]) -> None:
        """Raise VerificationError for a row that the log's key did not sign."""
        size = self.follow()
        for row in rows:
            place = Wanted(low=row.sequence, high=min(row.sequence + 1, size), limit=1)
            found = list(self._index.search(place)) if 0 <= row.sequence < size else []
            if not found:
                raise _not_signed(row.sequence, f"the log's key signed {size} records")
            _checked(row, *found[0])

    def newer(self, connection: sa.Connection, since: int) -> list[Entry]:
        """What the records from `since` on are about, inside a transaction that may be undone."""
        top = connection.execute(sa.select(head.c.size, head.c.root)).one()
        start = self._index.size
        entries = list(_entries(connection, start, int(top.size)))
        return self._index.after(int(top.size), bytes(top.root), entries, since)

    def close(self) -> None:
        """Close the index."""
        self._index.close()

    def _read(self, start: int, end: int) -> list[Entry]:
        with self._database.reading() as connection:
            return list(_entries(connection, start, end))


class Checked:
    """How a store reads for whoever decides, or with `shown` for whoever only shows evidence.

    shown : where no key can tell, rows are read as they are, and that is said once.
    """

    def __init__(self, log: SignedLog, *, shown: bool) -> None:
        self.log = log
        self._shown = shown
        self._is_told = False

    def size(self) -> int | None:
        """Records that the log's key signed; None where no key can tell and `shown`."""
        return self._told(self.log.follow)

    def check(self, row: Any) -> None:
        """Raise VerificationError for a row that the log's key did not sign."""
        self._told(lambda: self.log.check([row]))

    def check_head(self) -> None:
        """Raise VerificationError for a head that the log's key did not sign."""
        self._told(self.log.head.read)

    def _told(self, look: Callable[[], T]) -> T | None:
        try:
            return look()
        except NoKeyError as error:
            if not self._shown:
                raise
            if not self._is_told:
                self._is_told = True
                _log.warning("%s; what follows is the database's own word", error)
            return None


def _entries(connection: sa.Connection, start: int, end: int) -> Iterator[Entry]:
    query = sa.select(records.c.sequence, records.c.leaf, records.c.envelope).where(
        records.c.sequence >= start, records.c.sequence < end
    )
    for sequence, leaf, envelope in connection.execute(query.order_by(records.c.sequence)):
        yield entry_of(sequence, bytes(leaf), bytes(envelope))


def _checked(row: Any, sequence: int, leaf: bytes) -> Any:
    if row is None:
        raise VerificationError(
            f"record {sequence} of the log is missing",
            expected="every record that the log's key signed",
            next_step=_VERIFY,
        )
    if leaf_hash(bytes(row.leaf)) != leaf:
        raise _not_signed(sequence, "another leaf than the one under the signed head")
    return row


def _not_signed(sequence: int, why: str) -> VerificationError:
    return VerificationError(
        f"record {sequence} is not one that the log's key signed", got=why, next_step=_VERIFY
    )
