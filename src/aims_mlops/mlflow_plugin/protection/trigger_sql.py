"""Triggers below the registry's tables: a row that promotes needs a grant, which it uses up.

What a promotion leads to is guarded with it: number, address and run of the version, and, where its
files are found through a run or a logged model in the same database, these rows.

One table holds the rules, taken from aims.yaml when the triggers are installed; one holds grants,
which only the gate writes. Patterns become LIKE patterns; names are compared in lower case.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from aims_mlops.errors import InputError
from aims_mlops.inventory.project import Project

GRANTS = "aims_registry_grants"
RULES = "aims_registry_rules"
GRANT_SECONDS = 60  # how long a grant written by a role of its own may wait for its row
COLUMNS = ("kind", "workspace", "name", "key", "version")

TABLES = (
    (
        f"CREATE TABLE {GRANTS} (kind VARCHAR(10) NOT NULL, workspace VARCHAR(63) NOT NULL, "
        "name VARCHAR(256) NOT NULL, key VARCHAR(256) NOT NULL, version VARCHAR(20) NOT NULL, "
        "given TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP)"
    ),
    f"CREATE TABLE {RULES} (kind VARCHAR(10) NOT NULL, pattern VARCHAR(600) NOT NULL)",
)


@dataclass(frozen=True, slots=True)
class Watch:
    """One condition on one table: refuse the row unless a grant of this kind is there.

    key, version : SQL for the columns of the grant.  grantable : False if no grant can lift it.
    changed : columns of an UPDATE that the condition looks at.  on_update : the condition for an
    UPDATE, in place of `when` and that one of these columns differs; on_delete : for a DELETE,
    which else is open.  also : more columns that they look at.  needed : False for a table that may
    lie in another database.
    """

    name: str
    table: str
    kind: str
    when: str
    key: str
    version: str
    changed: tuple[str, ...]
    words: str
    grantable: bool = True
    on_update: str | None = None
    on_delete: str | None = None
    needed: bool = True
    also: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of an UPDATE that the trigger has to look at."""
        return (*self.changed, *self.also)

    def conditions(self, distinct: str) -> dict[str, str]:
        """INSERT, UPDATE and DELETE with the condition that bars each.

        distinct : the database's word for 'differs, null or not'.
        """
        differs = " OR ".join(f"OLD.{c} {distinct} NEW.{c}" for c in self.changed)
        when = f"({self.when}) AND ({differs})" if self.on_update is None else self.on_update
        found = {"INSERT": self.when, "UPDATE": when.replace("{differs}", f"({differs})")}
        if self.on_delete is not None:
            found["DELETE"] = self.on_delete
        return {action: condition for action, condition in found.items() if condition}


def _is(kind: str, value: str) -> str:
    return (
        f"EXISTS (SELECT 1 FROM {RULES} r WHERE r.kind = '{kind}' "  # noqa: S608  only constants
        f"AND lower({value}) LIKE r.pattern ESCAPE '!')"
    )


def _governed(row: str) -> str:
    return f"({_is('model', f'{row}.name')} OR {_is('name', f'{row}.name')})"


def _tag(row: str) -> str:
    pair = f"({row}.key || '=' || coalesce({row}.value, ''))"
    return f"({_is('tag', f'{row}.key')} OR {_is('tag', pair)})"


def _led_to(row: str) -> str:
    """Whether an alias or a tag in the registry promotes the version of this number."""
    aliases = _same("registered_model_aliases", "a", row, f"NOT {_is('free', 'a.alias')}")
    tags = _same("model_version_tags", "t", row, _tag("t"))
    return f"({_governed(row)} AND ({aliases} OR {tags}))"


def _same(table: str, short: str, row: str, condition: str) -> str:
    key = " AND ".join(f"{short}.{c} = {row}.{c}" for c in ("workspace", "name", "version"))
    return f"EXISTS (SELECT 1 FROM {table} {short} WHERE {key} AND {condition})"  # noqa: S608


def _promoted(row: str) -> str:
    by_stage = f"({_governed(row)} AND {_is('stage', f'{row}.current_stage')})"
    return f"({_led_to(row)} OR {by_stage} OR {_is('name', f'{row}.name')})"


def _kept_at(place: str) -> str:
    """Whether the files of a promoted version are found through this address."""
    held = "coalesce(nullif(v.storage_location, ''), v.source)"
    return (
        f"EXISTS (SELECT 1 FROM model_versions v WHERE {held} LIKE {place} "  # noqa: S608
        f"AND {_promoted('v')})"
    )


def _logged_in(row: str) -> str:
    """Whether this logged model is found at a promoted version's address, by id or by its run.

    A client that follows `runs:/<run>/<name>` takes the newest logged model of that name and run.
    """
    held = "coalesce(nullif(v.storage_location, ''), v.source)"
    place = f"('runs:/' || {row}.source_run_id || '/' || {row}.name)"
    by_id = _kept_at(f"'models:/' || {row}.model_id")
    return (
        f"({by_id} OR EXISTS (SELECT 1 FROM model_versions v WHERE ({held} = {place} "  # noqa: S608
        f"OR substr({held}, 1, length({place}) + 1) = {place} || '/') AND {_promoted('v')}))"
    )


_DELETED = "'Deleted_Internal'"  # the stage of a version that MLflow has deleted
_GOVERNED = _governed("NEW")
# What an alias, a stage or a tag leads to stays as it was decided on. MLflow deletes a version by
# such an UPDATE, which leads nowhere; nothing comes back from there under an alias.
_ELSEWHERE = (
    f"({_promoted('OLD')} OR {_promoted('NEW')}) AND {{differs}} "
    f"AND NOT (coalesce(NEW.current_stage, '') = {_DELETED} AND NEW.workspace = OLD.workspace "
    "AND NEW.name = OLD.name AND NEW.version = OLD.version "
    "AND coalesce(NEW.storage_location, '') = coalesce(OLD.storage_location, '')) "
    f"OR (OLD.current_stage = {_DELETED} AND coalesce(NEW.current_stage, '') <> {_DELETED} "
    f"AND {_promoted('NEW')})"
)

WATCHES = (
    Watch("alias", "registered_model_aliases", "alias",
          f"{_GOVERNED} AND NOT {_is('free', 'NEW.alias')}",
          "lower(NEW.alias)", "CAST(NEW.version AS VARCHAR(20))",
          ("workspace", "name", "alias", "version"), "this alias promotes a model"),
    Watch("stage", "model_versions", "stage",
          f"{_GOVERNED} AND {_is('stage', 'NEW.current_stage')}",
          "lower(NEW.current_stage)", "CAST(NEW.version AS VARCHAR(20))",
          ("workspace", "name", "current_stage"), "this stage promotes a model"),
    Watch("live", "model_versions", "version", _is("name", "NEW.name"),
          "lower(NEW.name)", "''",
          ("workspace", "name", "source", "storage_location", "version"),
          "every version of this name is promoted"),
    Watch("tag", "model_version_tags", "tag", f"{_GOVERNED} AND {_tag('NEW')}",
          "lower(NEW.key)", "CAST(NEW.version AS VARCHAR(20))",
          ("workspace", "name", "key", "value", "version"), "this tag promotes a model"),
    Watch("content", "model_versions", "none", _led_to("NEW"), "''", "''",
          ("workspace", "name", "version", "source", "storage_location", "run_id",
           "creation_time"),
          "a promotion leads to this version, which stays as it was decided on",
          grantable=False, on_update=_ELSEWHERE, also=("current_stage",)),
    Watch("reserved", "model_version_tags", "none", "lower(NEW.key) LIKE 'aims.%'",
          "''", "''", ("key", "value"), "this tag is reserved", grantable=False),
    Watch("model_tag", "registered_model_tags", "none",
          f"(lower(NEW.key) LIKE 'aims.%' OR ({_GOVERNED} AND {_tag('NEW')}))",
          "''", "''", ("workspace", "name", "key", "value"),
          "this tag promotes a model or is reserved", grantable=False),
    Watch("run", "runs", "none", "", "''", "''", ("run_uuid", "artifact_uri", "experiment_id"),
          "the files of a promoted version are found through this run", grantable=False,
          on_update="{differs} AND " + _kept_at("'runs:/' || OLD.run_uuid || '/%'"),
          on_delete=_kept_at("'runs:/' || OLD.run_uuid || '/%'"), needed=False),
    Watch("logged", "logged_models", "none", _logged_in("NEW"), "''", "''",
          ("model_id", "artifact_location", "name", "source_run_id", "experiment_id",
           "creation_timestamp_ms", "lifecycle_stage"),
          "the files of a promoted version are found through this model", grantable=False,
          on_update=f"{{differs}} AND ({_logged_in('OLD')} OR {_logged_in('NEW')})",
          on_delete=_logged_in("OLD"), needed=False),
)  # fmt: skip


def watches(tables: Collection[str]) -> tuple[Watch, ...]:
    """Those whose tables lie in a database with these tables, and those that it has to have."""
    return tuple(watch for watch in WATCHES if watch.needed or watch.table in tables)


def _granted(watch: Watch) -> str:
    return (
        f"kind = '{watch.kind}' AND workspace = NEW.workspace AND name = NEW.name "
        f"AND key = {watch.key} AND version = {watch.version}"
    )


def sqlite_statements(tables: Collection[str]) -> dict[str, str]:
    """Trigger name -> CREATE statement."""
    found: dict[str, str] = {}
    for watch in watches(tables):
        for action, when in watch.conditions("IS NOT").items():
            of = f" OF {', '.join(watch.columns)}" if action == "UPDATE" else ""
            none = f"NOT EXISTS (SELECT 1 FROM {GRANTS} WHERE {_granted(watch)})"  # noqa: S608
            barred = f"({when}) AND {none}" if watch.grantable else when
            name = f"aims_{watch.name}_{action.lower()}"
            found[name] = (
                f"CREATE TRIGGER {name} BEFORE {action}{of} ON {watch.table} WHEN {barred} "
                f"BEGIN SELECT RAISE(ABORT, 'aims: {watch.words}, and no decision allows it'); END"
            )
            if watch.grantable:
                used = f"DELETE FROM {GRANTS} WHERE {_granted(watch)}"  # noqa: S608  only constants
                found[f"{name}_used"] = (
                    f"CREATE TRIGGER {name}_used AFTER {action}{of} ON {watch.table} WHEN {when} "
                    f"BEGIN {used}; END"
                )
    return found


def postgresql_statements(tables: Collection[str]) -> dict[str, tuple[str, str]]:
    """Trigger name -> (function, trigger). The function runs as its owner, not as the writer."""
    found: dict[str, tuple[str, str]] = {}
    for watch in watches(tables):
        name = f"aims_{watch.name}"
        # A gate that breaks off leaves its grant lying; it runs out.
        fresh = f"given > CURRENT_TIMESTAMP - INTERVAL '{GRANT_SECONDS} seconds'"
        used = f"DELETE FROM {GRANTS} WHERE {_granted(watch)} AND {fresh}"  # noqa: S608
        take = f"{used}; IF FOUND THEN RETURN NEW; END IF; "
        conditions = watch.conditions("IS DISTINCT FROM")
        passes = "".join(
            f"IF TG_OP = '{action}' THEN IF NOT ({when}) THEN RETURN "
            f"{'OLD' if action == 'DELETE' else 'NEW'}; END IF; END IF; "
            for action, when in conditions.items()
        )
        function = (
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql "
            "SECURITY DEFINER SET search_path FROM CURRENT AS $aims$ BEGIN "
            f"{passes}{take if watch.grantable else ''}"
            f"RAISE EXCEPTION 'aims: {watch.words}, and no decision allows it' "
            "USING ERRCODE = 'insufficient_privilege'; END $aims$"
        )
        of = {"UPDATE": f"UPDATE OF {', '.join(watch.columns)}"}
        actions = [of.get(action, action) for action in conditions]
        trigger = (
            f"CREATE TRIGGER {name} BEFORE {' OR '.join(actions)} ON {watch.table} "
            f"FOR EACH ROW EXECUTE FUNCTION {name}()"
        )
        found[name] = (function, trigger)
    return found


def rules_of(project: Project) -> list[tuple[str, str]]:
    """The rules of aims.yaml as (kind, LIKE pattern in lower case)."""
    rules = project.settings.registry
    meant = {name.casefold() for name in project.settings.targets}
    meant |= {a.casefold() for t in project.settings.targets.values() for a in t.aliases}
    found = [("model", _like(pattern)) for pattern in rules.models]
    found += [("name", _like(pattern)) for pattern in rules.production_names]
    found += [
        ("free", _plain(alias)) for alias in rules.free_aliases if alias.casefold() not in meant
    ]
    found += [("stage", _plain(stage)) for stage in sorted({"production", *meant})]
    found += [("tag", _plain(tag)) for tag in rules.promoting_tags]
    return found


def _plain(text: str) -> str:
    out = text.lower()
    for special in "!%_":
        out = out.replace(special, f"!{special}")
    return out


def _like(pattern: str) -> str:
    if "[" in pattern:
        raise InputError(
            f"the pattern {pattern!r} cannot be a rule of a database trigger",
            expected="only * and ? as wildcards",
            next_step="write it without [ ] in aims.yaml",
        )
    return _plain(pattern).replace("*", "%").replace("?", "_")
