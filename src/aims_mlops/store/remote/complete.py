"""Searches of a server's log that leave nothing out, for whoever decides.

A server can prove every record that it sends and still leave one out. So this client reads the
whole log once, record by record, into an index of its own (`disk.verified_index`), which counts
only if its leaves give the root that the pinned key vouches for. Each search has to bring all of
what the index says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aims_mlops.errors import VerificationError
from aims_mlops.evidence.records import Record
from aims_mlops.evidence.transparency.checkpoint import origin_of
from aims_mlops.evidence.transparency.merkle import EMPTY_ROOT, leaf_hash
from aims_mlops.store.disk.verified_index import Entry, VerifiedIndex, Wanted, entry_of
from aims_mlops.store.remote.answers import Filters
from aims_mlops.store.remote.trust import Trust

Pages = Callable[[Filters, int, int | None, int | None], Iterator[list[Record]]]


class Complete:
    """Searches of one server's log by what the pinned key vouches for.

    pages : of a search of records [low, high), at most so many, as the server sends them.
    """

    def __init__(self, url: str, pages: Pages) -> None:
        self._url = url
        self._pages = pages
        self._indexes: dict[str, VerifiedIndex] = {}

    def find(
        self, trust: Trust, asked: Filters, since: int, before: int | None, limit: int | None
    ) -> Iterator[Record]:
        """Records that match, as the log is when the search begins.

        Raises VerificationError if the server leaves one out or sends another.
        """
        index = self._indexes.get(trust.pinned.name)
        if index is None:
            log_id = trust.pinned.name.removeprefix(origin_of(""))
            index = self._indexes.setdefault(trust.pinned.name, VerifiedIndex(log_id, self._url))
        size = self._follow(trust, index)
        high = size if before is None else min(size, before)
        expected = index.search(_wanted(asked, since, high, limit))
        for page in self._pages(asked, since, high, limit):
            for record in page:
                _check_next(record, next(expected, None))
                yield record
        _check_next(None, next(expected, None))

    def _follow(self, trust: Trust, index: VerifiedIndex) -> int:
        """Size of the log as its head is now, all of which the index then has."""
        for _ in range(2):
            head = trust.refresh()
            size = head.checkpoint.size if head is not None else 0
            index.follow(size, head.checkpoint.root if head is not None else EMPTY_ROOT, self._read)
            if index.size <= size:
                return size
            # another process has followed the log further meanwhile
        raise VerificationError(
            f"the log at {self._url} is behind what was read here before",
            got=f"{size} records",
            expected=f"the same {index.size} records, and perhaps more",
            next_step="ask whoever keeps the log; a backup may have been restored. If the loss is "
            f"accepted, move {index.path} aside",
        )

    def _read(self, start: int, end: int) -> Iterator[Entry]:
        for page in self._pages(Filters(None, None, None, None, False), start, end, end - start):
            for record in page:
                yield entry_of(record.sequence, record.leaf, record.envelope)

    def close(self) -> None:
        """Close the indexes."""
        for index in self._indexes.values():
            index.close()


def _wanted(asked: Filters, since: int, high: int, limit: int | None) -> Wanted:
    return Wanted(
        asked.kinds, asked.system, asked.subject, asked.run, since, high, asked.newest_first, limit
    )


def _check_next(record: Record | None, expected: tuple[int, bytes] | None) -> None:
    """Raise VerificationError unless the server sent exactly the record that comes next."""
    sent = None if record is None else (record.sequence, leaf_hash(record.leaf))
    if sent == expected:
        return
    if expected is not None and (sent is None or sent[0] != expected[0]):
        raise VerificationError(
            f"the server leaves out record {expected[0]}",
            expected="every record of the log that was asked for",
            next_step="ask whoever keeps the log: aims evidence verify",
        )
    raise VerificationError(
        f"the server's record {sent[0] if sent else ''} is not the log's",
        got="another record than the one under the signed head",
    )
