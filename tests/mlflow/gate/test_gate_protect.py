"""Triggers below a registry: a client with the database's address is refused, too.

On SQLite and PostgreSQL, with real gated servers in front and everything else done in raw SQL or
by a store of MLflow's own that knows nothing of us.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

_COUNT = iter(range(10_000))


def aims(*arguments: str, expect: int = 0) -> str:
    command = [sys.executable, "-m", "aims_mlops", "mlflow", "protect", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def name() -> str:
    return f"loans-below-{next(_COUNT)}"


def sql(url: str, statement: str, **values: Any) -> list[Any]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        found = connection.execute(sa.text(statement), values)
        return list(found) if found.returns_rows else []


@pytest.fixture(scope="module")
def registered(protected: tuple[Any, str]) -> str:
    """A model of one version for writes that all have to fail; 'loans-live' is there as well."""
    server, _ = protected
    name = f"loans-below-{next(_COUNT)}"
    server.register(name, f"content {name}")
    server.api("POST", "registered-models/create", {"name": "loans-live"})
    return name


SET_ALIAS = (
    "INSERT INTO registered_model_aliases (workspace, name, alias, version) "
    "VALUES ('default', :name, :alias, 1)"
)
SET_TAG = (
    "INSERT INTO model_version_tags (workspace, name, version, key, value) "
    "VALUES ('default', :name, 1, :key, :value)"
)


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        (SET_ALIAS, {"alias": "production"}),
        (SET_ALIAS, {"alias": "PRODUCTION"}),
        (SET_ALIAS, {"alias": "nobody-declared-this"}),
        (
            "UPDATE model_versions SET current_stage = 'Production' WHERE name = :name",
            {},
        ),
        (SET_TAG, {"key": "env", "value": "prod"}),
        (SET_TAG, {"key": "ENV", "value": "Prod"}),
        (SET_TAG, {"key": "aims.decision", "value": "allowed"}),
        (
            (
                "INSERT INTO registered_model_tags (workspace, name, key, value) "
                "VALUES ('default', :name, 'env', 'prod')"
            ),
            {},
        ),
        ("UPDATE model_versions SET name = 'loans-live' WHERE name = :name", {}),
    ],
    ids=["alias", "other letters", "unknown alias", "stage", "tag", "tag in other letters",
         "reserved tag", "tag of the model", "into a production name"],
)  # fmt: skip
def test_raw_sql_that_promotes_is_refused(
    protected: Any, registered: str, statement: str, values: dict[str, str]
) -> None:
    _, url = protected
    rows = "SELECT * FROM model_versions WHERE name = :name"
    before = sql(url, rows, name=registered)
    with pytest.raises(sa.exc.DBAPIError, match=r"aims: .*no decision allows it"):
        sql(url, statement, name=registered, **values)
    assert sql(url, rows, name=registered) == before
    for table in ("registered_model_aliases", "model_version_tags", "registered_model_tags"):
        assert not sql(url, f"SELECT * FROM {table} WHERE name = :name", name=registered)


def test_free_alias_ordinary_tag_and_ungoverned_model_pass(protected: Any, name: str) -> None:
    server, url = protected
    server.register(name, f"content {name}")
    sql(url, SET_ALIAS, name=name, alias="candidate")
    sql(url, SET_TAG, name=name, key="colour", value="blue")
    other = f"weather-{name}"
    server.register(other, "content")
    sql(url, SET_ALIAS, name=other, alias="production")
    assert server.aliases(other) == {"production": "1"}


def test_ungated_store_of_mlflow_is_refused(protected: Any, name: str) -> None:
    server, url = protected
    server.register(name, f"content {name}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.exceptions import MlflowException
        from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

        store = SqlAlchemyStore(url)
    with pytest.raises((MlflowException, sa.exc.DBAPIError), match="no decision allows it"):
        store.set_registered_model_alias(name, "production", "1")
    store.engine.dispose()
    assert server.aliases(name) == {}


def test_gated_server_still_promotes_what_is_allowed_and_leaves_no_grant(
    protected: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    server, url = protected
    version = server.register(name, f"content {name}")
    refused, answer = server.alias(name, version)
    assert refused == 403
    assert answer["error_code"] == "PERMISSION_DENIED"
    model = organisation.ready(f"content {name}", tmp_path)
    for _ in range(2):  # the second time nothing changes, and no grant may be left over
        status, answer = server.alias(name, version)
        assert status == 200, answer
    assert sql(url, "SELECT * FROM aims_registry_grants") == []
    stage = {"name": name, "version": version, "stage": "Production",
             "archive_existing_versions": False}  # fmt: skip
    assert server.api("POST", "model-versions/transition-stage", stage)[0] == 200
    tag = {"name": name, "version": version, "key": "env", "value": "prod"}
    assert server.api("POST", "model-versions/set-tag", tag)[0] == 200
    assert sql(url, "SELECT * FROM aims_registry_grants") == []
    store = organisation.world.store
    outcome = next(store.find(kind="promotion", subject=model.sha256, newest_first=True))
    assert "triggers in its database" in outcome.evidence.body["enforced_by"]


def test_alias_taken_away_and_set_again_by_hand_is_refused(
    protected: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    server, url = protected
    version = server.register(name, f"content {name}")
    organisation.ready(f"content {name}", tmp_path)
    assert server.alias(name, version)[0] == 200
    sql(url, "DELETE FROM registered_model_aliases WHERE name = :name", name=name)
    with pytest.raises(sa.exc.DBAPIError, match="no decision allows it"):
        sql(url, SET_ALIAS, name=name, alias="production")


def test_role_of_the_application_can_neither_grant_nor_take_triggers_away(
    postgres: str, company: Any, session_organisation: Any, name: str, tmp_path: Path
) -> None:
    server, url = company, postgres  # SQLite has no roles
    server.register(name, f"content {name}")
    app, gate = f"app_{os.getpid()}", f"gate_{os.getpid()}"
    for role in (app, gate):
        sql(url, f"CREATE ROLE {role} LOGIN")
        sql(url, f"GRANT USAGE ON SCHEMA public TO {role}")
    sql(url, f"GRANT SELECT, INSERT, UPDATE, DELETE ON registered_model_aliases TO {app}")
    sql(url, f"GRANT SELECT ON model_versions, registered_models TO {app}")
    sql(url, f"GRANT SELECT, INSERT, DELETE ON aims_registry_grants TO {gate}")
    parsed = sa.make_url(url)

    def as_role(role: str) -> str:
        return parsed.set(username=role).render_as_string(hide_password=False)

    give = (
        "INSERT INTO aims_registry_grants (kind, workspace, name, key, version) "
        "VALUES ('alias', 'default', :name, 'production', '1')"
    )
    forbidden = [
        give,
        "DELETE FROM aims_registry_rules",
        "DROP TRIGGER aims_alias ON registered_model_aliases",
        "ALTER TABLE registered_model_aliases DISABLE TRIGGER aims_alias",
        "SET session_replication_role = replica",
        SET_ALIAS,
    ]
    for statement in forbidden:
        values = {"name": name, "alias": "production"}
        used = {k: v for k, v in values.items() if f":{k}" in statement}
        with pytest.raises(sa.exc.DBAPIError, match=r"permission denied|must be owner|no decision"):
            sql(as_role(app), statement, **used)
    assert server.aliases(name) == {}
    late = give.replace("version)", "version, given)").replace(
        "'1')", "'1', CURRENT_TIMESTAMP - INTERVAL '2 minutes')"
    )
    sql(as_role(gate), late, name=name)
    with pytest.raises(sa.exc.DBAPIError, match="no decision"):
        sql(as_role(app), SET_ALIAS, name=name, alias="production")
    sql(as_role(gate), "DELETE FROM aims_registry_grants")
    sql(as_role(gate), give, name=name)
    sql(as_role(app), SET_ALIAS, name=name, alias="production")
    assert server.aliases(name) == {"production": "1"}
    assert sql(url, "SELECT * FROM aims_registry_grants") == []


def test_check_names_what_is_missing_and_remove_takes_all_away(
    organisation: Any, base_database: Path, tmp_path: Path
) -> None:
    shutil.copy(base_database, tmp_path / "registry.db")
    url = f"sqlite:///{tmp_path}/registry.db"
    said = json.loads(aims(url, "--check", "--json", expect=1))
    assert said["holds"] is False
    assert "aims_alias_insert" in said["missing"]
    aims(url)
    assert json.loads(aims(url, "--check", "--json"))["holds"] is True
    sql(url, "DROP TRIGGER aims_alias_insert")
    sql(url, "DELETE FROM aims_registry_rules WHERE kind = 'stage'")
    said = aims(url, "--check", expect=1)
    assert "missing  aims_alias_insert" in said
    assert "aims.yaml says something else now" in said
    aims(url)
    aims(url, "--check")
    aims(url, "--remove")
    left = sql(url, "SELECT name FROM sqlite_master WHERE name LIKE 'aims%'")
    assert left == []


@pytest.mark.parametrize(
    ("url", "words"),
    [("mysql://host/db", "triggers cannot be put there"), ("sqlite:///empty.db", "not a registry")],
)
def test_database_that_is_no_registry_is_refused(organisation: Any, url: str, words: str) -> None:
    assert words in aims(url, expect=2)
