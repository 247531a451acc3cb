"""Open an evidence log in SQLite or PostgreSQL; `inventory.project.open_store` opens any store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from aims_mlops.errors import InputError, StoreUnavailableError
from aims_mlops.inventory.project import CREATE_VARIABLE

if TYPE_CHECKING:
    from aims_mlops.evidence.encoding.envelope import Signer
    from aims_mlops.store.log.sql import SqlStore

KEYS_VARIABLE = "AIMS_LOG_KEYS"  # not the people's keys, which are elsewhere
BLOBS_VARIABLE = "AIMS_BLOBS"
REQUIRE_VARIABLE = "AIMS_BLOBS_REQUIRE"
SIGNER_VARIABLE = "AIMS_SIGNER"  # URL of a key that a plugin opens, instead of a file

SQL_SCHEMES = ("sqlite", "postgresql", "postgresql+psycopg")


def open_sql_store(
    url: str, *, blobs: str | None = None, keys: Path | None = None, create: bool = True
) -> SqlStore:
    """The log behind a URL, such as sqlite:///aims/evidence.db or postgresql://host/name.

    blobs : folder or fsspec URL for blobs; $AIMS_BLOBS, else `blobs` beside an SQLite file.
    keys : folder of the log's key; $AIMS_LOG_KEYS, else `keys` beside an SQLite file.
    create : make the log, its folder and its key if there is none yet.
    Raises InputError, StoreUnavailableError, StoreVersionError.
    """
    from aims_mlops.store.blobs.guarantees import open_blobs, read_requirements
    from aims_mlops.store.database.database import Database
    from aims_mlops.store.database.upgrade import check_version, upgrade, version_of
    from aims_mlops.store.log.signing import LogKeys
    from aims_mlops.store.log.sql import SqlStore

    create = create and not creating_is_off()
    database = Database(url, create=create)
    if database.path is not None:
        exists = database.path.exists()
        if not exists and not create:
            raise StoreUnavailableError(
                f"there is no evidence store at {database.path}", next_step=_instead_of_creating()
            )
        if not exists:
            try:
                _make_own_folder(database.path.parent)
            except OSError as error:
                raise StoreUnavailableError(
                    f"the folder {database.path.parent} cannot be made",
                    got=error.strerror or str(error),
                ) from error
    key_folder = Path(_place(keys, KEYS_VARIABLE, database.path, "keys")).absolute()
    blob_place = _place(blobs, BLOBS_VARIABLE, database.path, "blobs")
    required = read_requirements(os.environ.get(REQUIRE_VARIABLE, ""))
    named = os.environ.get(SIGNER_VARIABLE)
    log_keys = LogKeys(key_folder, open_signer(named) if named else None)
    try:
        with database.reading() as connection:
            version = version_of(connection)
        if not check_version(database, version):
            if not create:
                raise StoreUnavailableError(
                    f"there is no evidence log in {database.url}",
                    next_step=_instead_of_creating(),
                )
            upgrade(database, log_keys.first().public)
        store = SqlStore(database, open_blobs(blob_place, required=required), log_keys)
        store.is_new = version is None
        return store
    except BaseException:
        database.close()
        raise


def creating_is_off() -> bool:
    """Whether AIMS_CREATE_STORE keeps this process from making a log and a key."""
    return os.environ.get(CREATE_VARIABLE, "").strip().lower() in ("off", "0", "false", "no")


def _instead_of_creating() -> str:
    if not creating_is_off():
        return "aims init"
    return (
        "start in the project's folder or set AIMS_PROJECT to it; a new log is made only without "
        f"{CREATE_VARIABLE}=off"
    )


def _make_own_folder(folder: Path) -> None:
    """The folder of a new log; git keeps out of one of ours, for it holds the log's key."""
    from aims_mlops.store.disk.atomic_write import make_folder, write_file

    ours = folder.name == ".aims" or not folder.exists()
    make_folder(folder)
    if ours:
        write_file(folder / ".gitignore", b"*\n", replace=False)


def open_signer(url: str) -> Signer:
    """A key in a key management service, through a plugin; raises InputError."""
    from aims_mlops.evidence.transparency.public_keys import check_public_key
    from aims_mlops.plugins import hooks

    signer: Signer | None = hooks().open_signer(url=url)
    if signer is None:
        raise InputError(
            "no plugin opens this signing key",
            got=url.partition("://")[0][:40] + "://",
            next_step="aims plugins",
        )
    check_public_key(signer.public)
    return signer


def _place(given: str | Path | None, variable: str, database: Path | None, name: str) -> str:
    if given is not None:
        return str(given)
    if os.environ.get(variable):
        return os.environ[variable]
    if database is not None:
        return str(database.parent / name)
    raise InputError(
        f"a store on a server needs a place for its {name}",
        next_step=f"set {variable}, or pass {name}=",
    )
