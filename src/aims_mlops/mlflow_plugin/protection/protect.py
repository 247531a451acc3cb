"""Installing, checking and removing the triggers below a registry's tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import InputError
from aims_mlops.inventory.project import Project
from aims_mlops.mlflow_plugin.protection.trigger_sql import (
    COLUMNS,
    GRANTS,
    RULES,
    TABLES,
    WATCHES,
    Watch,
    postgresql_statements,
    rules_of,
    sqlite_statements,
    watches,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

_ROLE = re.compile(r"[a-z_][a-z0-9_]{0,62}\Z")


@dataclass(frozen=True, slots=True)
class Protection:
    """What is in a registry's database: `missing` and `changed` name triggers, tables or rules."""

    database: str
    missing: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether every trigger is in place and unchanged."""
        return not (self.missing or self.changed)


def install(url: str, project: Project, *, gate_role: str | None = None) -> Protection:
    """Put tables, rules and triggers in place, anew if they are there; all of it or none.

    gate_role : a PostgreSQL role that alone may write grants, besides the owner of the tables.
    Raises InputError for a database that is no MLflow registry.
    """
    with _begin(url) as connection:
        _assert_registry(connection, url)
        _drop(connection)
        for statement in TABLES:
            connection.exec_driver_sql(statement)
        _write_rules(connection, project)
        tables = _tables(connection)
        if connection.dialect.name == "sqlite":
            for statement in sqlite_statements(tables).values():
                connection.exec_driver_sql(statement)
        else:
            for function, trigger in postgresql_statements(tables).values():
                connection.exec_driver_sql(function.replace("%", "%%"))
                connection.exec_driver_sql(trigger)
            connection.exec_driver_sql(f"REVOKE ALL ON {GRANTS}, {RULES} FROM PUBLIC")
            # MLflow's own role has to see that they are those of aims.yaml: `GET /aims/health`.
            connection.exec_driver_sql(f"GRANT SELECT ON {RULES} TO PUBLIC")
            if gate_role is not None:
                if not _ROLE.match(gate_role):
                    raise InputError("not the name of a role", got=repr(gate_role)[:80])
                connection.exec_driver_sql(
                    f'GRANT INSERT, DELETE, SELECT ON {GRANTS} TO "{gate_role}"'
                )
    return check(url, project)


def remove(url: str) -> None:
    """Take everything away again."""
    with _begin(url) as connection:
        _drop(connection)


def check(url: str, project: Project) -> Protection:
    """Compare what is in the database with what should be there."""
    with _begin(url) as connection:
        return checked(connection, project)


def checked(connection: Any, project: Project) -> Protection:
    """The same over a connection that is open."""
    import sqlalchemy as sa

    shown = connection.engine.url.render_as_string(hide_password=True)
    present = _triggers(connection)
    wanted = _wanted(connection)
    missing = [name for name in wanted if name not in present]
    changed = [name for name in wanted if name in present and present[name] != wanted[name]]
    if not sa.inspect(connection).has_table(RULES):
        missing.append(RULES)
    else:
        rows = connection.execute(sa.text(f"SELECT kind, pattern FROM {RULES}"))  # noqa: S608
        if sorted((row.kind, row.pattern) for row in rows) != sorted(rules_of(project)):
            changed.append("rules: aims.yaml says something else now")
    return Protection(shown, tuple(missing), tuple(changed))


def is_protected(connection: Any) -> bool:
    """Whether every trigger is in place."""
    return set(_triggers(connection)).issuperset(_wanted(connection))


def needs_grants(connection: Any) -> bool:
    """Whether a write needs a grant, also by triggers of an older version of this package."""
    return GRANTS in _tables(connection)


def grant(connection: Any, kind: str, workspace: str, name: str, key: str, version: str) -> None:
    """Let one row pass the triggers; the row uses the grant up."""
    import sqlalchemy as sa

    connection.execute(
        sa.text(
            f"INSERT INTO {GRANTS} ({', '.join(COLUMNS)}) "  # noqa: S608  only constants
            "VALUES (:kind, :workspace, :name, :key, :version)"
        ),
        dict(zip(COLUMNS, (kind, workspace, name, key, version), strict=True)),
    )


def withdraw(connection: Any, kind: str, workspace: str, name: str, key: str, version: str) -> None:
    """Take a grant back that no row used up, such as of a row that was as asked already."""
    import sqlalchemy as sa

    same = " AND ".join(f"{column} = :{column}" for column in COLUMNS)
    connection.execute(
        sa.text(f"DELETE FROM {GRANTS} WHERE {same}"),  # noqa: S608  only constants
        dict(zip(COLUMNS, (kind, workspace, name, key, version), strict=True)),
    )


def _begin(url: str) -> Any:
    import sqlalchemy as sa

    from aims_mlops.evidence.urls import without_credentials

    real = url.removeprefix("aims://")
    if real.startswith("postgresql://"):
        real = real.replace("postgresql://", "postgresql+psycopg://", 1)
    if not real.startswith(("sqlite:", "postgresql+")):
        raise InputError(
            "triggers cannot be put there",
            got=without_credentials(real)[:200],
            expected="sqlite:///… or postgresql://…",
        )
    return sa.create_engine(real, poolclass=sa.NullPool).begin()


def _assert_registry(connection: Connection, url: str) -> None:
    if missing := {watch.table for watch in watches(())} - _tables(connection):
        raise InputError(
            "this database is not a registry of MLflow",
            got="no table " + ", ".join(sorted(missing)),
            next_step="start MLflow on it once, or run: mlflow db upgrade",
        )


def _write_rules(connection: Connection, project: Project) -> None:
    import sqlalchemy as sa

    statement = sa.text(f"INSERT INTO {RULES} (kind, pattern) VALUES (:kind, :pattern)")  # noqa: S608
    for kind, pattern in rules_of(project):
        connection.execute(statement, {"kind": kind, "pattern": pattern})


def _tables(connection: Any) -> set[str]:
    import sqlalchemy as sa

    return set(sa.inspect(connection).get_table_names())


def _wanted(connection: Any) -> dict[str, str]:
    """Trigger name -> what `_triggers` says of it when it is as it should be."""
    tables = _tables(connection)
    if connection.dialect.name == "sqlite":
        return sqlite_statements(tables)
    functions = postgresql_statements(tables)
    return {f"aims_{watch.name}": _enabled(watch, functions) for watch in watches(tables)}


def _enabled(watch: Watch, functions: dict[str, tuple[str, str]]) -> str:
    """A trigger of PostgreSQL before each row of these writes, with no condition of its own."""
    actions = sum(_BITS[action] for action in watch.conditions("<>"))
    columns = len(watch.columns)
    body = functions[f"aims_{watch.name}"][0].split("$aims$")[1]
    return f"O {_BITS['ROW'] | _BITS['BEFORE'] | actions} {columns} True {watch.table}: {body}"


_BITS = {"ROW": 1, "BEFORE": 2, "INSERT": 4, "DELETE": 8, "UPDATE": 16}  # of pg_trigger.tgtype


def _triggers(connection: Any) -> dict[str, str]:
    """Trigger name -> its SQL on SQLite; on PostgreSQL whether, where and what it does."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'aims!_%' "
            "ESCAPE '!'"
        )
        return {row[0]: row[1] for row in rows}
    rows = connection.exec_driver_sql(
        "SELECT t.tgname, t.tgenabled::text, t.tgtype, array_length(t.tgattr::int2[], 1), "
        "t.tgqual IS NULL, c.relname, p.prosrc FROM pg_trigger t "
        "JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid "
        "WHERE NOT t.tgisinternal AND left(t.tgname, 5) = 'aims_'"
    )
    return {
        name: f"{enabled.replace('A', 'O')} {kind} {columns or 0} {always} {table}: {source}"
        for name, enabled, kind, columns, always, table, source in rows
    }


def _drop(connection: Connection) -> None:
    is_sqlite = connection.dialect.name == "sqlite"
    every = {watch.table for watch in WATCHES}
    for name in sqlite_statements(every) if is_sqlite else ():
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
    for name in () if is_sqlite else postgresql_statements(every):
        connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {name}() CASCADE")
    for table in (GRANTS, RULES):
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")
