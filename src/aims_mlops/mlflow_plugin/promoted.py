"""The versions that a registry has as promoted, by the rules of aims.yaml, and where they lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aims_mlops.mlflow_plugin.store_guard import Guard


@dataclass(frozen=True, slots=True)
class PromotedVersion:
    """A version that something in the registry promotes.

    by : in words, such as "alias 'production'".  location : of its files, as the registry says.
    """

    name: str
    version: str
    target: str
    by: str
    location: str


def promoted_versions(store: Any, guard: Guard) -> Iterator[PromotedVersion]:
    """Every promoted version of a gated store, of all workspaces where it is a database."""
    found = _in_database(store, guard) if hasattr(store, "engine") else _through(store, guard)
    for row, target, by in found:
        location = getattr(row, "storage_location", None) or row.source
        if location:
            yield PromotedVersion(row.name, str(row.version), target, by, str(location))


def _in_database(store: Any, guard: Guard) -> Iterator[tuple[Any, str, str]]:
    """By the tables, which takes a few small queries however many models there are."""
    from mlflow.store.model_registry.dbmodels.models import (
        SqlModelVersion,
        SqlModelVersionTag,
        SqlRegisteredModel,
        SqlRegisteredModelAlias,
    )

    rules = guard.project.settings.registry
    keys = {tag.partition("=")[0].casefold() for tag in rules.promoting_tags}
    with store.ManagedSessionMaker(read_only=True) as session:

        def joined(table: Any) -> Any:
            return session.query(SqlModelVersion, table).filter(
                SqlModelVersion.workspace == table.workspace,
                SqlModelVersion.name == table.name,
                SqlModelVersion.version == table.version,
            )

        for version, row in joined(SqlRegisteredModelAlias):
            if (target := guard.alias_target(row.name, row.alias)) is not None:
                yield version, target, f"alias {row.alias!r}"
        stage: Any = SqlModelVersion.current_stage
        for version in session.query(SqlModelVersion).filter(stage.notin_(("None", "Archived"))):
            if (target := guard.stage_target(version.name, version.current_stage)) is not None:
                yield version, target, f"stage {version.current_stage!r}"
        for version, row in joined(SqlModelVersionTag) if keys else ():
            if (target := guard.tag_target(row.name, row.key, row.value)) is not None:
                yield version, target, f"tag {row.key!r}"
        names = session.query(SqlRegisteredModel.name) if rules.production_names else ()
        for name in {name for (name,) in names}:
            if (target := guard.name_target(name)) is not None:
                for version in session.query(SqlModelVersion).filter(SqlModelVersion.name == name):
                    yield version, target, f"the name {name!r}"


def _through(store: Any, guard: Guard) -> Iterator[tuple[Any, str, str]]:
    """By the methods of a store that is no database: another server's, or files."""
    token = None
    while True:
        page = store.search_registered_models(max_results=1000, page_token=token)
        for model in page:
            if guard.governs(model.name):
                yield from _of_model(store, guard, model)
        token = page.token
        if not token:
            return


def _of_model(store: Any, guard: Guard, model: Any) -> Iterator[tuple[Any, str, str]]:
    for alias, number in dict(model.aliases).items():
        if (target := guard.alias_target(model.name, alias)) is not None:
            yield store.get_model_version(model.name, str(number)), target, f"alias {alias!r}"
    quoted = model.name.replace("'", "\\'")
    token = None
    while True:
        page = store.search_model_versions(f"name = '{quoted}'", max_results=1000, page_token=token)
        for version in page:
            if (target := guard.stage_target(model.name, version.current_stage)) is not None:
                yield version, target, f"stage {version.current_stage!r}"
            for key, value in dict(version.tags).items():
                if (target := guard.tag_target(model.name, key, value)) is not None:
                    yield version, target, f"tag {key!r}"
            if (target := guard.name_target(model.name)) is not None:
                yield version, target, f"the name {model.name!r}"
        token = page.token
        if not token:
            return
