"""Check the database around the records: tables, indexes, triggers, and rows outside the log."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa  # noqa: TID253  the adapter itself

from aims_mlops.store.database import tables
from aims_mlops.store.database.database import Database
from aims_mlops.store.database.triggers import postgresql_trigger_names, sqlite_triggers
from aims_mlops.store.database.upgrade import version_of
from aims_mlops.store.log.tile import STEP, WIDTH


def schema_failures(database: Database, connection: sa.Connection, *, whole: bool) -> Iterator[str]:
    """What is wrong with the database itself, in words.

    whole : read every page of an SQLite file as well, to be sure that every index has every row, so
        that no search overlooks a record.
    """
    if version_of(connection) != tables.FORMAT:
        yield "the version of the store was changed"
    if not database.is_sqlite:
        names = set(
            connection.execute(
                sa.text(
                    "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O' "
                    "AND tgrelid IN (SELECT oid FROM pg_class WHERE relname LIKE 'aims_%')"
                )
            ).scalars()
        )
        if names != postgresql_trigger_names():
            yield "the triggers that keep the log insert-only were changed"
        return
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    if {name: sql for name, sql in connection.exec_driver_sql(query)} != sqlite_triggers():  # noqa: C416
        yield "the triggers that keep the log insert-only were changed"
    yield from _sqlite_tables(connection)
    if whole:
        for (line,) in connection.exec_driver_sql("PRAGMA integrity_check(20)"):
            if line != "ok":
                yield f"the database file is damaged: {line}"


def _sqlite_tables(connection: sa.Connection) -> Iterator[str]:
    version = connection.exec_driver_sql("PRAGMA table_info(aims_version)").all()
    if [tuple(row[1:3]) for row in version] != [("version_num", "VARCHAR(32)")]:
        yield "the columns of aims_version were changed"
    for table in tables.metadata.sorted_tables:
        columns = [
            (c.name, str(c.type.compile(connection.dialect)), not c.nullable, c.primary_key)
            for c in table.columns
        ]
        stored = [
            (row[1], row[2], bool(row[3]), bool(row[5]))
            for row in connection.exec_driver_sql(f"PRAGMA table_info({table.name})")
        ]
        if stored != columns:
            yield f"the columns of {table.name} were changed"
        indexes = {
            str(index.name): (bool(index.unique), [c.name for c in index.columns])
            for index in table.indexes
        }
        found = {}
        for row in connection.exec_driver_sql(f"PRAGMA index_list({table.name})").all():
            if row[3] == "c":
                parts = connection.exec_driver_sql(f"PRAGMA index_info({row[1]})")
                found[row[1]] = (bool(row[2]), [part[2] for part in parts])
        if found != indexes:
            yield f"the indexes of {table.name} were changed"


def outside_failures(connection: sa.Connection, size: int) -> Iterator[str]:
    """Rows outside [0, size), which a search would find and nothing would prove."""
    for table, column, last in (
        (tables.records, tables.records.c.sequence, size),
        (tables.subjects, tables.subjects.c.sequence, size),
        (tables.log_keys, tables.log_keys.c.valid_from, size + 1),
    ):
        low, high = connection.execute(sa.select(sa.func.min(column), sa.func.max(column))).one()
        if low is not None and (low < 0 or high >= last):
            yield f"{table.name} holds rows outside the {size} records that the head counts"
    counted = connection.execute(
        sa.select(tables.tiles.c.level, sa.func.count()).group_by(tables.tiles.c.level)
    )
    expected, level, count = {}, 0, size // WIDTH
    while count:
        expected[level] = count
        level, count = level + STEP, count // WIDTH
    if {int(at): int(number) for at, number in counted} != expected:
        yield "the stored tree has tiles too many or too few"
