"""Rows of the log as they are stored, a page at a time, for whoever checks them.

The driver's own cursor reads them: SQLAlchemy would take longer to wrap a row than its check takes,
and a process that checks a part of an SQLite log would load it for nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

_RECORDS = (
    "SELECT sequence, id, key, kind, system, run, received_at, leaf, envelope FROM aims_records "
    "WHERE sequence >= ? AND sequence < ? ORDER BY sequence"
)
_LINKS = (
    "SELECT sequence, sha256 FROM aims_subjects WHERE sequence >= ? AND sequence < ? "
    "ORDER BY sequence, sha256"
)
_TILE = "SELECT hashes FROM aims_tiles WHERE level = 0 AND position = ?"

_SQLITE = "sqlite:///"
_WAIT = 60.0  # seconds for a writer to finish


class Page(NamedTuple):
    """Some records in order, their subjects as (sequence, digest), and the tile asked for."""

    rows: list[Any]
    links: list[Any]
    tile: Any


class Pages:
    """Reads pages of one log; `connection` is a DBAPI connection outside a transaction."""

    def __init__(self, connection: Any, *, sqlite: bool) -> None:
        self._connection = connection
        self._begin = "BEGIN" if sqlite else None  # the other driver begins by itself
        self._sql = [
            text if sqlite else text.replace("?", "%s") for text in (_RECORDS, _LINKS, _TILE)
        ]

    def read(self, start: int, end: int, *, tile: int | None = None) -> Page:
        """Records [start, end) as one moment has them, and the tile at this position."""
        rows_of, links_of, tile_of = self._sql
        with closing(self._connection.cursor()) as cursor:
            if self._begin:
                cursor.execute(self._begin)
            try:
                rows = cursor.execute(rows_of, (start, end)).fetchall()
                links = cursor.execute(links_of, (start, end)).fetchall()
                found = None
                if tile is not None:
                    found = cursor.execute(tile_of, (tile,)).fetchone()
            finally:
                self._connection.rollback()
        return Page(rows, links, found[0] if found else None)


@contextmanager
def open_pages(dsn: str) -> Iterator[Pages]:
    """The pages of the log at a store's `dsn`, through a connection of their own."""
    if dsn.startswith(_SQLITE):
        path = Path(dsn.removeprefix(_SQLITE))
        # Not read-only: SQLite may have to undo what a killed writer left.
        with closing(
            sqlite3.connect(
                f"{path.as_uri()}?mode=rw", uri=True, timeout=_WAIT, isolation_level=None
            )
        ) as connection:
            yield Pages(connection, sqlite=True)
        return
    from aims_mlops.store.database.database import Database

    database = Database(dsn, create=False)
    try:
        with database.reading() as connection:
            yield Pages(connection.connection, sqlite=False)
    finally:
        database.close()
