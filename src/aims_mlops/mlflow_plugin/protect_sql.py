"""Triggers below the registry's tables: a row that promotes needs a grant, which it uses up.

One table holds the rules, taken from aims.yaml when the triggers are installed; one holds grants,
which only the gate writes. Patterns become LIKE patterns; names are compared in lower case.
"""

from __future__ import annotations

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
    changed : columns of an UPDATE that the condition looks at.
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


def _is(kind: str, value: str) -> str:
    return (
        f"EXISTS (SELECT 1 FROM {RULES} r WHERE r.kind = '{kind}' "  # noqa: S608  only constants
        f"AND lower({value}) LIKE r.pattern ESCAPE '!')"
    )


_GOVERNED = f"({_is('model', 'NEW.name')} OR {_is('name', 'NEW.name')})"
_PAIR = "(NEW.key || '=' || coalesce(NEW.value, ''))"
_TAG = f"({_is('tag', 'NEW.key')} OR {_is('tag', _PAIR)})"

WATCHES = (
    Watch("alias", "registered_model_aliases", "alias",
          f"{_GOVERNED} AND NOT {_is('free', 'NEW.alias')}",
          "lower(NEW.alias)", "CAST(NEW.version AS VARCHAR(20))", ("name", "alias", "version"),
          "this alias promotes a model"),
    Watch("stage", "model_versions", "stage",
          f"{_GOVERNED} AND {_is('stage', 'NEW.current_stage')}",
          "lower(NEW.current_stage)", "CAST(NEW.version AS VARCHAR(20))",
          ("name", "current_stage"), "this stage promotes a model"),
    Watch("live", "model_versions", "version", _is("name", "NEW.name"),
          "lower(NEW.name)", "''", ("name", "source", "storage_location", "version"),
          "every version of this name is promoted"),
    Watch("tag", "model_version_tags", "tag", f"{_GOVERNED} AND {_TAG}",
          "lower(NEW.key)", "CAST(NEW.version AS VARCHAR(20))", ("name", "key", "value", "version"),
          "this tag promotes a model"),
    Watch("reserved", "model_version_tags", "none", "lower(NEW.key) LIKE 'aims.%'",
          "''", "''", ("key", "value"), "this tag is reserved", grantable=False),
    Watch("model_tag", "registered_model_tags", "none",
          f"(lower(NEW.key) LIKE 'aims.%' OR ({_GOVERNED} AND {_TAG}))",
          "''", "''", ("key", "value"), "this tag promotes a model or is reserved",
          grantable=False),
)  # fmt: skip


def _granted(watch: Watch) -> str:
    return (
        f"kind = '{watch.kind}' AND workspace = NEW.workspace AND name = NEW.name "
        f"AND key = {watch.key} AND version = {watch.version}"
    )


def sqlite_statements() -> dict[str, str]:
    """Trigger name -> CREATE statement."""
    found: dict[str, str] = {}
    for watch in WATCHES:
        for action in ("INSERT", "UPDATE"):
            of = f" OF {', '.join(watch.changed)}" if action == "UPDATE" else ""
            differs = " OR ".join(f"OLD.{c} IS NOT NEW.{c}" for c in watch.changed)
            when = f"{watch.when} AND ({differs})" if action == "UPDATE" else watch.when
            none = f"NOT EXISTS (SELECT 1 FROM {GRANTS} WHERE {_granted(watch)})"  # noqa: S608
            barred = f"{when} AND {none}" if watch.grantable else when
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


def postgresql_statements() -> dict[str, tuple[str, str]]:
    """Trigger name -> (function, trigger). The function runs as its owner, not as the writer."""
    found: dict[str, tuple[str, str]] = {}
    for watch in WATCHES:
        differs = " OR ".join(f"OLD.{c} IS DISTINCT FROM NEW.{c}" for c in watch.changed)
        name = f"aims_{watch.name}"
        # A gate that breaks off leaves its grant lying; it runs out.
        fresh = f"given > CURRENT_TIMESTAMP - INTERVAL '{GRANT_SECONDS} seconds'"
        used = f"DELETE FROM {GRANTS} WHERE {_granted(watch)} AND {fresh}"  # noqa: S608
        take = f"{used}; IF FOUND THEN RETURN NEW; END IF; "
        function = (
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql "
            "SECURITY DEFINER SET search_path FROM CURRENT AS $aims$ BEGIN "
            f"IF TG_OP = 'UPDATE' THEN IF NOT ({differs}) THEN RETURN NEW; END IF; END IF; "
            f"IF NOT ({watch.when}) THEN RETURN NEW; END IF; {take if watch.grantable else ''}"
            f"RAISE EXCEPTION 'aims: {watch.words}, and no decision allows it' "
            "USING ERRCODE = 'insufficient_privilege'; END $aims$"
        )
        trigger = (
            f"CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {watch.table} "
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
