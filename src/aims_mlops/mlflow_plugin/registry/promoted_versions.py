"""The versions that a registry has as promoted, by the rules of aims.yaml, and where they lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aims_mlops.mlflow_plugin.registry.promotion_rules import Guard, Kind

_Found = tuple[Any, str, Kind, str]  # a version, target, what promotes it and under which key


@dataclass(frozen=True, slots=True)
class PromotedVersion:
    """A version that something in the registry promotes.

    kind, key : what promotes it, such as 'alias' and 'production'.  location : of its files, as the
    registry says.
    """

    name: str
    version: str
    target: str
    kind: Kind
    key: str
    location: str

    @property
    def by(self) -> str:
        """What promotes it, in words."""
        return f"the name {self.key!r}" if self.kind == "version" else f"{self.kind} {self.key!r}"


def promoted_versions(store: Any, guard: Guard) -> Iterator[PromotedVersion]:
    """Every promoted version of a gated store, of all workspaces where it is a database."""
    found = _in_database(store, guard) if hasattr(store, "engine") else _through(store, guard)
    return (version for version in map(_version, found) if version.location)


def promotions_of(store: Any, guard: Guard, name: str) -> list[PromotedVersion]:
    """What promotes versions of one registered model, by the methods of the store."""
    model = store.get_registered_model(name)
    return [_version(found) for found in _of_model(store, guard, model)]


def _version(found: _Found) -> PromotedVersion:
    row, target, kind, key = found
    location = getattr(row, "storage_location", None) or row.source
    return PromotedVersion(row.name, str(row.version), target, kind, key, str(location or ""))


def _in_database(store: Any, guard: Guard) -> Iterator[_Found]:
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
                yield version, target, "alias", row.alias
        stage: Any = SqlModelVersion.current_stage
        for version in session.query(SqlModelVersion).filter(stage.notin_(("None", "Archived"))):
            if (target := guard.stage_target(version.name, version.current_stage)) is not None:
                yield version, target, "stage", version.current_stage
        for version, row in joined(SqlModelVersionTag) if keys else ():
            if (target := guard.tag_target(row.name, row.key, row.value)) is not None:
                yield version, target, "tag", row.key
        names = session.query(SqlRegisteredModel.name) if rules.production_names else ()
        for name in {name for (name,) in names}:
            if (target := guard.name_target(name)) is not None:
                for version in session.query(SqlModelVersion).filter(SqlModelVersion.name == name):
                    yield version, target, "version", name


def _through(store: Any, guard: Guard) -> Iterator[_Found]:
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


def _of_model(store: Any, guard: Guard, model: Any) -> Iterator[_Found]:
    for alias, number in dict(model.aliases).items():
        if (target := guard.alias_target(model.name, alias)) is not None:
            yield store.get_model_version(model.name, str(number)), target, "alias", alias
    quoted = model.name.replace("'", "\\'")
    token = None
    while True:
        page = store.search_model_versions(f"name = '{quoted}'", max_results=1000, page_token=token)
        for version in page:
            if (target := guard.stage_target(model.name, version.current_stage)) is not None:
                yield version, target, "stage", version.current_stage
            for key, value in dict(version.tags).items():
                if (target := guard.tag_target(model.name, key, value)) is not None:
                    yield version, target, "tag", key
            if (target := guard.name_target(model.name)) is not None:
                yield version, target, "version", model.name
        token = page.token
        if not token:
            return
