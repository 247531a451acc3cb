"""The log as first released: head, records, subjects, tiles, keys."""

from __future__ import annotations

import sqlalchemy as sa  # noqa: TID253  only Alembic loads this file
from alembic import op  # noqa: TID253

from aims_mlops.store.database.triggers import postgresql_triggers, sqlite_triggers

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table with its triggers."""
    sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "aims_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("log_id", sa.String(32), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("frontier", sa.LargeBinary, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("checkpoint", sa.Text),
    )
    op.create_table(
        "aims_records",
        sa.Column("sequence", sequence, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("system", sa.Text),
        sa.Column("run", sa.Text),
        sa.Column("received_at", sa.String(27), nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
    )
    op.create_index("aims_records_id", "aims_records", ["id"], unique=True)
    op.create_index("aims_records_key", "aims_records", ["key"], unique=True)
    for column in ("kind", "system", "run"):
        op.create_index(f"aims_records_{column}", "aims_records", [column, "sequence"])
    op.create_table(
        "aims_subjects",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("sha256", sa.String(64), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("aims_subjects_sha256", "aims_subjects", ["sha256", "sequence"])
    op.create_table(
        "aims_tiles",
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("hashes", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "aims_log_keys",
        sa.Column("valid_from", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("public", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "aims_blob_keys",
        sa.Column("commitment", sa.String(64), primary_key=True),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        statements = list(sqlite_triggers().values())
    else:
        statements = postgresql_triggers()
    for statement in statements:
        op.execute(sa.text(statement.replace(":", r"\:")))
