"""The same rules over the rows that a registry store writes, whatever method writes them.

A new method of MLflow, or one that the gate in front does not know, still writes its rows through
a SQLAlchemy session of the store. Before each flush every row that would promote must have a permit
of the gate; bulk statements on these tables have none and are refused. Raw SQL on the engine is not
seen here: `aims mlflow protect` puts triggers below.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aims_mlops.mlflow_plugin.protection.grants import GIVEN, Grants
from aims_mlops.mlflow_plugin.protection.permits import is_permitted, permits
from aims_mlops.mlflow_plugin.protection.protect import is_protected, needs_grants
from aims_mlops.mlflow_plugin.registry.promotion_rules import Guard, is_reserved
from aims_mlops.mlflow_plugin.registry.refusals import broken, forbidden

_NEXT = "go through the gate: aims promote MODEL --alias NAME, or set it through the gated server"


def stand_behind(store: Any, guard: Guard) -> None:
    """Watch every session that the store opens for writing.

    Where `aims mlflow protect` has put triggers below, each row that the gate allowed gets the
    grant that they ask for.
    """
    with store.engine.connect() as connection:
        store.aims_triggers = is_protected(connection)
        grants = Grants() if needs_grants(connection) else None
    open_session = store.ManagedSessionMaker

    @contextmanager
    def watched(read_only: bool = True) -> Iterator[Any]:
        with open_session(read_only=read_only) as session:
            _watch(session, guard, grants)
            yield session

    store.ManagedSessionMaker = watched


def _watch(session: Any, guard: Guard, grants: Grants | None) -> None:
    from sqlalchemy import event

    def before_flush(session: Any, _context: object, _instances: object) -> None:
        try:
            for row in (*session.new, *session.dirty):
                _check(session, row, guard)
                if grants is not None:
                    grants.give(session, row)
        except Exception as error:
            raise _as_refusal(error) from error

    def before_statement(state: Any) -> None:
        # The rows of a flush come with no mapper of a bulk statement, so only bulk ones are here.
        if state.is_insert or state.is_update:
            mapper = state.bind_mapper
            table = mapper.class_.__tablename__ if mapper is not None else None
            if table in _TABLES:
                raise forbidden(
                    f"A bulk statement on {table}",
                    "it changes rows that can promote a model without saying which",
                    _NEXT,
                    rule="registry.bulk-statement",
                )

    event.listen(session, "before_flush", before_flush)
    if grants is not None:
        # A role of its own would wait for the row's transaction, which holds the used grant.
        ended = "after_commit" if grants.outside else "after_flush"
        event.listen(session, ended, lambda session, *_: grants.take_back(session))
        event.listen(session, "after_soft_rollback", lambda session, _: _forget(session, grants))
    event.listen(session, "do_orm_execute", before_statement)


def _forget(session: Any, grants: Grants) -> None:
    """After a failed write: what a role of its own gave does not go back by itself."""
    if grants.outside:
        grants.take_back(session)
    else:
        session.info.pop(GIVEN, None)


_TABLES = frozenset(
    (
        "registered_models",
        "registered_model_aliases",
        "registered_model_tags",
        "model_versions",
        "model_version_tags",
    )
)


def _as_refusal(error: Exception) -> Exception:
    from mlflow.exceptions import MlflowException

    return error if isinstance(error, MlflowException) else broken("A registry write", error)


def _check(session: Any, row: Any, guard: Guard) -> None:
    table = getattr(row, "__tablename__", None)
    if table not in _TABLES or not (row in session.new or session.is_modified(row)):
        return
    why = {
        "registered_models": _of_model,
        "registered_model_aliases": _of_alias,
        "registered_model_tags": _of_model_tag,
        "model_versions": _of_version,
        "model_version_tags": _of_version_tag,
    }[table](row, guard)
    if why is not None:
        raise forbidden(f"Writing to {table}", why, _NEXT, rule="registry.backstop")


def _of_alias(row: Any, guard: Guard) -> str | None:
    target = guard.alias_target(row.name, row.alias)
    if target is None or is_permitted("alias", row.name, row.alias, row.version):
        return None
    renamed = _renamed(row)
    if renamed:
        return None
    return f"alias {row.alias!r} of {row.name!r} promotes to {target}, and no decision allows it"


def _of_version(row: Any, guard: Guard) -> str | None:
    if _changed(row, "name") and not _is_new(row) and not _renamed(row):
        return _renaming(row, guard)
    target = guard.stage_target(row.name, row.current_stage)
    if (
        target is not None
        and _changed(row, "current_stage")
        and not is_permitted("stage", row.name, row.current_stage, row.version)
    ):
        return f"stage {row.current_stage!r} promotes to {target}, and no decision allows it"
    target = guard.name_target(row.name)
    if target is None:
        return None
    if _is_new(row) and not is_permitted("version", row.name, row.name, row.version):
        return f"every version of {row.name!r} is promoted to {target}; no decision allows this one"
    moved = ("source", "storage_location", "run_id")
    if not _is_new(row) and any(_changed(row, column) for column in moved):
        return f"version {row.version} of {row.name!r} was decided on with other files"
    return None


def _of_model(row: Any, guard: Guard) -> str | None:
    if _is_new(row):
        if guard.name_target(row.name) and not is_permitted("model", row.name, "", ""):
            return f"{row.name!r} is a production name"
        return None
    return _renaming(row, guard) if _changed(row, "name") and not _renamed(row) else None


def _of_model_tag(row: Any, guard: Guard) -> str | None:
    if is_reserved(row.key):
        return f"the tag {row.key!r} is reserved for aims-mlops"
    target = guard.tag_target(row.name, row.key, row.value)
    return None if target is None else f"the tag {row.key!r} promotes to {target}"


def _of_version_tag(row: Any, guard: Guard) -> str | None:
    if _renamed(row):
        return None
    if is_reserved(row.key):
        return f"the tag {row.key!r} is reserved for aims-mlops"
    target = guard.tag_target(row.name, row.key, row.value)
    if target is None or is_permitted("tag", row.name, row.key, row.version):
        return None
    return f"the tag {row.key!r} promotes to {target}, and no decision allows it"


def _renaming(row: Any, guard: Guard) -> str | None:
    before = _before(row, "name")
    if guard.governs(row.name) or (before is not None and guard.governs(before)):
        return f"renaming {before!r} to {row.name!r} was not looked at by the gate"
    return None


def _renamed(row: Any) -> bool:
    """Whether the row only follows a rename that the gate let pass."""
    if _is_new(row):
        return False
    return any(kind == "rename" and new == row.name.casefold() for kind, _, new, _ in permits())


def _is_new(row: Any) -> bool:
    from sqlalchemy import inspect

    return not inspect(row).persistent


def _changed(row: Any, column: str) -> bool:
    from sqlalchemy import inspect

    return bool(inspect(row).attrs[column].history.has_changes())


def _before(row: Any, column: str) -> str | None:
    from sqlalchemy import inspect

    deleted = inspect(row).attrs[column].history.deleted
    return str(deleted[0]) if deleted else None
