"""How Alembic meets the store: on the connection, and inside the transaction, that it is given."""

from __future__ import annotations

from alembic import context  # noqa: TID253  only Alembic loads this file

from aims_mlops.store.database.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="aims_version",
    transactional_ddl=False,  # the caller's transaction holds the whole upgrade
)
context.run_migrations()
