"""The grant that a row needs where triggers stand below the registry's tables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aims_mlops.mlflow_plugin.protection.permits import permits
from aims_mlops.mlflow_plugin.protection.protect import grant, withdraw

GRANTS_VARIABLE = "AIMS_GRANTS_URL"  # a connection of the role that may write grants


class Grants:
    """Writes grants: in the row's own transaction, or as a role of its own on PostgreSQL."""

    def __init__(self) -> None:
        self._engine: Any = None
        url = os.environ.get(GRANTS_VARIABLE)
        if url:
            import sqlalchemy as sa

            self._engine = sa.create_engine(
                url.replace("postgresql://", "postgresql+psycopg://", 1), pool_pre_ping=True
            )

    @property
    def outside(self) -> bool:
        """Whether grants are written in transactions of their own."""
        return self._engine is not None

    def give(self, session: Any, row: Any) -> None:
        """Give the grants for what this thread's permits say about the row."""
        for entry in self._entries(row):
            given = session.info.setdefault(GIVEN, [])
            given.append(entry)
            with self._connection(session) as connection:
                grant(connection, *entry)

    def take_back(self, session: Any) -> None:
        """Take back what was given and not used up.

        Called at the end of the flush; by a role of its own, at the end of the transaction.
        """
        for entry in session.info.pop(GIVEN, ()):
            with self._connection(session) as connection:
                withdraw(connection, *entry)

    def _entries(self, row: Any) -> Iterator[tuple[str, str, str, str, str]]:
        wanted = _KINDS.get(getattr(row, "__tablename__", ""), ())
        for kind, name, key, version in permits():
            if kind not in wanted or name != row.name:
                continue
            if kind == "version" or version == str(row.version):
                yield kind, row.workspace, name, key.lower(), version

    @contextmanager
    def _connection(self, session: Any) -> Iterator[Any]:
        if self._engine is None:
            yield session.connection()
            return
        with self._engine.begin() as connection:
            yield connection


GIVEN = "aims_grants"
_KINDS = {
    "registered_model_aliases": ("alias",),
    "model_versions": ("stage", "version"),
    "model_version_tags": ("tag",),
}
