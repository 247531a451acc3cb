"""The tables of the log, for SQLite and PostgreSQL alike.

`head` is the one row that changes; everything else is only ever inserted, and triggers hold that.
Loading this module loads SQLAlchemy, so only a store that is being opened does.
"""

from __future__ import annotations

from sqlalchemy import (  # noqa: TID253  the adapter itself
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

FORMAT = "0001"  # the newest migration; a store of any other unknown one is refused

metadata = MetaData()

# INTEGER PRIMARY KEY is SQLite's row number, BIGINT is PostgreSQL's.
_Sequence = BigInteger().with_variant(Integer, "sqlite")

head = Table(
    "aims_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("log_id", String(32), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column(
        "frontier", LargeBinary, nullable=False
    ),  # roots of the complete subtrees, 32 bytes each
    Column("root", LargeBinary, nullable=False),
    Column("checkpoint", Text),
)

records = Table(
    "aims_records",
    metadata,
    Column("sequence", _Sequence, primary_key=True, autoincrement=False),
    Column("id", String(64), nullable=False),
    Column("key", String(200), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("system", Text),
    Column("run", Text),
    Column("received_at", String(27), nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("envelope", LargeBinary, nullable=False),
    Index("aims_records_id", "id", unique=True),
    Index("aims_records_key", "key", unique=True),
    Index("aims_records_kind", "kind", "sequence"),
    Index("aims_records_system", "system", "sequence"),
    Index("aims_records_run", "run", "sequence"),
)

subjects = Table(
    "aims_subjects",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("sha256", String(64), primary_key=True),
    Index("aims_subjects_sha256", "sha256", "sequence"),
    sqlite_with_rowid=False,
)

# One row for each complete run of 256 hashes of one level (0, 8, 16, ...), to read proofs from.
tiles = Table(
    "aims_tiles",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# A key signs the records from `valid_from` up to the next key's.
log_keys = Table(
    "aims_log_keys",
    metadata,
    Column("valid_from", BigInteger, primary_key=True, autoincrement=False),
    Column("key_id", String(64), nullable=False),
    Column("public", LargeBinary, nullable=False),
)

# What erasing destroys: salt and key of one encrypted blob, wrapped by the store's own key.
blob_keys = Table(
    "aims_blob_keys",
    metadata,
    Column("commitment", String(64), primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
)

INSERT_ONLY = (records, subjects, tiles, log_keys)
