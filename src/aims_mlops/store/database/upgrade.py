"""Create the tables of a store, or bring an older store up to date."""

from __future__ import annotations

import secrets
from pathlib import Path

import sqlalchemy as sa  # noqa: TID253  the adapter itself

from aims_mlops.errors import StoreError, StoreVersionError
from aims_mlops.evidence.encoding.envelope import key_id
from aims_mlops.evidence.transparency.merkle import EMPTY_ROOT
from aims_mlops.store.database import tables
from aims_mlops.store.database.database import Database

_OLDER: frozenset[str] = frozenset()  # migrations that FORMAT builds on


def version_of(connection: sa.Connection) -> str | None:
    """The migration that the store is at; None for a database without a log.

    A database with our tables but without a version is never taken for a new one.
    """
    inspector = sa.inspect(connection)
    found = None
    if inspector.has_table("aims_version"):
        found = connection.execute(sa.text("SELECT version_num FROM aims_version")).scalar()
    if found is None and inspector.has_table("aims_head"):
        return "unknown"
    return None if found is None else str(found)


def check_version(database: Database, version: str | None) -> bool:
    """Whether the store can be used as it is; StoreVersionError if a newer version wrote it."""
    if version == tables.FORMAT:
        return True
    if version is None or version in _OLDER:
        return False
    raise StoreVersionError(
        f"the store {database.url} was written by a newer version of aims-mlops",
        got=f"format {version}",
        expected=f"format {tables.FORMAT} or older",
        next_step="upgrade aims-mlops on this machine",
    )


def upgrade(database: Database, first_key: bytes) -> None:
    """Create or upgrade in one transaction; killed half-way it leaves what was there before.

    first_key : raw public key (32 bytes) that signs from the first record on.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    with database.writing() as connection:
        if not database.is_sqlite:
            # Two processes may create the same store at once; the second finds it done.
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(4200142001)"))
        if check_version(database, version_of(connection)):
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if connection.execute(sa.select(tables.head.c.id)).first() is None:
            connection.execute(
                tables.head.insert(),
                {
                    "id": 1,
                    "log_id": secrets.token_hex(16),
                    "size": 0,
                    "frontier": b"",
                    "root": EMPTY_ROOT,
                    "checkpoint": None,
                },
            )
            connection.execute(
                tables.log_keys.insert(),
                {"valid_from": 0, "key_id": key_id(first_key), "public": first_key},
            )
        if version_of(connection) != tables.FORMAT:
            raise StoreError(f"the store {database.url} could not be upgraded")
