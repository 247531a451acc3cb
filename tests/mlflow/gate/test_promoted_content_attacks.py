"""SQL with MLflow's own password that leaves an alias as it is and changes what it leads to.

On SQLite and PostgreSQL. Version 1 was promoted through the gate, version 2 was not. Each attack is
tried statement by statement; one has to be refused, and the alias leads to the same files after it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

_COLUMNS = (
    "workspace, name, version, creation_time, current_stage, source, storage_location, run_id"
)
_OF = "WHERE workspace = 'default' AND name = :name AND version"
_SWAP = [
    f"UPDATE model_versions SET version = 99 {_OF} = 1",
    f"UPDATE model_versions SET version = 1 {_OF} = 2",
]
_AGAIN = (
    f"INSERT INTO model_versions ({_COLUMNS}) SELECT workspace, name, 1, creation_time, "
    f"current_stage, source, storage_location, run_id FROM model_versions {_OF} = 2"
)

_LOGGED = (
    "INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, "
    "creation_timestamp_ms, last_updated_timestamp_ms, status, source_run_id) "
    "VALUES ({model}, 0, {name}, 'here', 1, 1, 2, {run})"
)
_DROP = "DROP TRIGGER aims_content ON model_versions"

ATTACKS: dict[str, list[str]] = {
    "another source": [f"UPDATE model_versions SET source = :evil {_OF} = 1"],
    "another storage location": [f"UPDATE model_versions SET storage_location = :evil {_OF} = 1"],
    "no storage location": [f"UPDATE model_versions SET storage_location = NULL {_OF} = 1"],
    "both for the whole table": [
        "UPDATE model_versions SET source = :evil, storage_location = :evil"
    ],
    "another run": [f"UPDATE model_versions SET run_id = 'r' {_OF} = 1"],
    "another time of creation": [f"UPDATE model_versions SET creation_time = 1 {_OF} = 1"],
    "renumbering": _SWAP,
    "renumbering by one": [f"UPDATE model_versions SET version = version + 10 {_OF} > 0",
                           f"UPDATE model_versions SET version = 1 {_OF} = 12"],
    "deletion and the same number again": [f"DELETE FROM model_versions {_OF} = 1", _AGAIN],
    "deletion and renumbering": [f"DELETE FROM model_versions {_OF} = 1", _SWAP[1]],
    "files while it counts as deleted": [
        (f"UPDATE model_versions SET current_stage = 'Deleted_Internal', storage_location = :evil "
        f"{_OF} = 1"),
        f"UPDATE model_versions SET current_stage = 'None' {_OF} = 1",
    ],
    "files in a deleted row, then back": [
        f"UPDATE model_versions SET current_stage = 'Deleted_Internal', source = :evil {_OF} = 1",
        f"UPDATE model_versions SET current_stage = 'None', storage_location = NULL {_OF} = 1",
    ],
    "the version into another workspace, another one in": [
        f"UPDATE model_versions SET workspace = 'w' {_OF} = 1",
        _SWAP[1],
    ],
    "the version away under another name, another one in": [
        f"UPDATE model_versions SET name = 'sandbox-elsewhere' {_OF} = 1",
        "UPDATE model_versions SET name = :name, version = 1 WHERE name = 'sandbox-evil'",
    ],
    "the model away, another one under its name": [
        "UPDATE registered_models SET name = 'sandbox-gone' WHERE name = :name",
        "UPDATE registered_models SET name = :name WHERE name = 'sandbox-evil'",
        "UPDATE model_versions SET name = 'sandbox-gone' WHERE name = :name",
        "UPDATE model_versions SET name = :name WHERE name = 'sandbox-evil'",
    ],
    "the alias of another workspace": [
        ("INSERT INTO registered_model_aliases (workspace, name, alias, version) VALUES "
        "('w', :name, 'production', 2)"),
        "UPDATE registered_model_aliases SET workspace = 'default' WHERE workspace = 'w'",
    ],
    "the alias to another version": [
        "UPDATE registered_model_aliases SET version = 2 WHERE name = :name"
    ],
}  # fmt: skip


@dataclass
class Promoted:
    server: Any
    url: str
    name: str

    @property
    def leads_to(self) -> str | None:
        """The address of the files behind the alias, as clients ask for it."""
        path = f"registered-models/alias?name={self.name}&alias=production"
        status, answer = self.server.api("GET", path)
        if status != 200:
            return None
        version = answer["model_version"]
        path = f"model-versions/get-download-uri?name={self.name}&version={version['version']}"
        return f"{version['version']} {self.server.done('GET', path)['artifact_uri']}"


def run(url: str, statements: list[str], values: dict[str, str]) -> None:
    """Each statement in a transaction of its own, as whoever has the password would."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    for statement in statements:
        used = {k: v for k, v in values.items() if f":{k}" in statement}
        with engine.begin() as connection:
            connection.execute(sa.text(statement), used)


@pytest.fixture(scope="module")
def number() -> Any:
    return iter(range(10_000))


@pytest.fixture
def promoted(protected: Any, organisation: Any, number: Any, tmp_path: Path) -> Promoted:
    server, url = protected
    name = f"loans-led-{os.getpid()}-{next(number)}"
    server.register(name, f"good {name}")
    server.register(name, f"evil {name}")
    organisation.ready(f"good {name}", tmp_path)
    if server.api("GET", "registered-models/get?name=sandbox-evil")[0] != 200:
        server.register("sandbox-evil", "evil")
    status, answer = server.alias(name, 1)
    assert status == 200, answer
    return Promoted(server, url, name)


@pytest.mark.parametrize("attack", ATTACKS)
def test_sql_that_redirects_a_promotion_is_refused(promoted: Promoted, attack: str) -> None:
    before = promoted.leads_to
    values = {"name": promoted.name, "evil": "file:///tmp/evil"}
    with pytest.raises(
        sa.exc.DBAPIError, match=r"aims: .*no decision allows it|foreign key|FOREIGN"
    ):
        run(promoted.url, ATTACKS[attack], values)
    assert promoted.leads_to in (before, None)


@pytest.mark.parametrize("place", ["runs:/{run}/model", "models:/{model}"])
def test_sql_on_the_run_behind_a_promotion_is_refused(
    promoted: Promoted, place: str, organisation: Any
) -> None:
    """Where the files are found through a run or a logged model, these rows are guarded, too."""
    url, name = promoted.url, promoted.name
    run_id, model_id = f"{abs(hash(name)):032x}"[:32], f"m-{abs(hash(name)):032x}"[:34]
    values = {"run": run_id, "model": model_id, "older": f"o{model_id}"[:34]}
    run(url, [
        "INSERT INTO runs (run_uuid, experiment_id, artifact_uri) VALUES (:run, 0, 'here')",
        _LOGGED.format(model=":model", name="'m'", run="'another'"),
        _LOGGED.format(model=":older", name="'model'", run=":run"),
        # a version that was registered over REST with such a source
        "UPDATE model_versions SET storage_location = :place WHERE name = :name AND version = 2",
    ], {**values, "name": name, "place": place.format(run=run_id, model=model_id)})  # fmt: skip
    attacks = {
        "runs:/{run}/model": [
            "UPDATE runs SET artifact_uri = 'elsewhere' WHERE run_uuid = :run",
            "DELETE FROM runs WHERE run_uuid = :run",
            "UPDATE runs SET experiment_id = 1 WHERE run_uuid = :run",
            # A client takes the newest logged model of that name and run.
            _LOGGED.format(model="'m-newer'", name="'model'", run=":run"),
            "UPDATE logged_models SET source_run_id = :run, name = 'model' WHERE model_id = :model",
            "UPDATE logged_models SET creation_timestamp_ms = 9 WHERE model_id = :older",
            "UPDATE logged_models SET lifecycle_stage = 'deleted' WHERE model_id = :older",
            "DELETE FROM logged_models WHERE model_id = :older",
        ],
        "models:/{model}": [
            "UPDATE logged_models SET artifact_location = 'elsewhere' WHERE model_id = :model",
            "DELETE FROM logged_models WHERE model_id = :model",
        ],
    }[place]
    # Nothing is guarded while nothing is promoted.
    run(url, [attacks[0].replace("elsewhere", "before")], values)
    give = (
        "INSERT INTO aims_registry_grants (kind, workspace, name, key, version) "
        "VALUES ('alias', 'default', :name, 'production', '2')"
    )
    alias = "UPDATE registered_model_aliases SET version = 2 WHERE name = :name"
    run(url, [give, alias], {"name": name})  # by the owner, who may
    for attack in attacks:
        with pytest.raises(sa.exc.DBAPIError, match="files of a promoted version are found"):
            run(url, [attack], values)
    run(url, [
        "UPDATE runs SET name = 'a new name' WHERE run_uuid = :run",
        "UPDATE logged_models SET status = 3 WHERE model_id = :older",
        _LOGGED.format(model="'n' || :model", name="'another'", run=":run"),
        _LOGGED.format(model="'r' || :model", name="'model'", run="'another'"),
    ], values)  # fmt: skip


@pytest.mark.parametrize(
    "address",
    ["RUNS:/r/m", "runs:///r/m", "runs://p/r/m", "runs:/r/m#x", "runs:/r/m?x", "runs:/r/m\ty",
     "models:///m-1", "models:/m-1\n"],
)  # fmt: skip
def test_address_with_a_second_spelling_is_not_digested(address: str) -> None:
    """The triggers compare an address as text; MLflow would follow these all the same."""
    from aims_mlops.errors import ModelNotFoundError
    from aims_mlops.mlflow_plugin.registry.version_content import _content

    with pytest.raises(ModelNotFoundError, match="not plainly written"):
        _content("models:/loans/1", address, None)


def test_mlflow_still_does_with_a_promoted_version_what_it_may(
    promoted: Promoted, organisation: Any, tmp_path: Path
) -> None:
    server, name = promoted.server, promoted.name
    version = {"name": name, "version": "1"}
    server.done("PATCH", "model-versions/update", {**version, "description": "words"})
    server.done("POST", "model-versions/set-tag", {**version, "key": "team", "value": "x"})
    server.done("POST", "registered-models/alias", {**version, "alias": "candidate"})
    stage = {**version, "stage": "Staging", "archive_existing_versions": False}
    server.done("POST", "model-versions/transition-stage", stage)
    server.done("DELETE", "model-versions/delete", version)
    assert promoted.leads_to is None
    organisation.ready(f"better {name}", tmp_path)
    third = server.register(name, f"better {name}")
    assert server.alias(name, third)[0] == 200
    server.done("DELETE", "registered-models/delete", {"name": name})
    assert server.register(name, f"better {name}") == "1"
    server.done("POST", "registered-models/rename", {"name": name, "new_name": f"{name}-new"})


def test_version_that_is_not_promoted_is_not_guarded(promoted: Promoted) -> None:
    values = {"name": promoted.name, "evil": "file:///tmp/elsewhere"}
    run(promoted.url, [f"UPDATE model_versions SET source = :evil {_OF} = 2"], values)
    run(
        promoted.url,
        ["UPDATE model_versions SET source = :evil WHERE name = 'sandbox-evil'"],
        values,
    )


def protect(url: str, *arguments: str) -> Any:
    command = [sys.executable, "-m", "aims_mlops", "mlflow", "protect", url, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "change",
    [
        _DROP,
        "ALTER TABLE model_versions DISABLE TRIGGER aims_content",
        "ALTER TABLE model_versions ENABLE REPLICA TRIGGER aims_content",
        ("CREATE OR REPLACE FUNCTION aims_content() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RETURN NEW; END $$"),
        (f"{_DROP}; CREATE TRIGGER aims_content BEFORE INSERT OR "
        "UPDATE ON model_versions FOR EACH ROW WHEN (false) EXECUTE FUNCTION aims_content()"),
        (f"{_DROP}; CREATE TRIGGER aims_content BEFORE INSERT OR "
        "UPDATE OF description ON model_versions FOR EACH ROW EXECUTE FUNCTION aims_content()"),
        (f"{_DROP}; CREATE TRIGGER aims_content AFTER INSERT OR "
        "UPDATE ON model_versions FOR EACH ROW EXECUTE FUNCTION aims_content()"),
        (f"{_DROP}; CREATE TRIGGER aims_content BEFORE INSERT "
        "ON runs FOR EACH ROW EXECUTE FUNCTION aims_content()"),
    ],
    ids=["dropped", "disabled", "for replicas", "emptied", "never", "for another column", "after",
         "on another table"],
)  # fmt: skip
def test_trigger_that_its_owner_weakened_is_noticed(
    company: Any, postgres: str, organisation: Any, change: str
) -> None:
    assert company.health(triggers="in place")[1]["triggers"] == "in place"
    run(postgres, change.split("; ") if change.startswith("DROP") else [change], {})
    try:
        done = protect(postgres, "--check", "--json")
        said = json.loads(done.stdout)
        assert done.returncode == 1
        assert "aims_content" in said["missing"] + said["changed"]
        kind = "missing" if said["missing"] else "changed"
        assert company.health(triggers=kind)[1]["triggers"] == kind
    finally:
        assert protect(postgres, "--gate-role", "company_gate").returncode == 0
    assert protect(postgres, "--check").returncode == 0
    assert company.health(triggers="in place")[1]["triggers"] == "in place"


def test_database_protected_by_an_older_version_says_what_is_missing_and_promotes(
    start_server: Callable[..., Any], organisation: Any, tmp_path: Path, base_database: Path
) -> None:
    """Triggers of an earlier version ask for grants; these are still given."""
    server = start_server(app=True)
    url = f"sqlite:///{server.folder}/mlflow.db"
    assert protect(url).returncode == 0
    for action in ("insert", "update"):
        run(url, [f"DROP TRIGGER aims_content_{action}"], {})
    said = json.loads(protect(url, "--check", "--json").stdout)
    assert said["missing"] == ["aims_content_insert", "aims_content_update"]
    assert server.health(triggers="missing")[1]["triggers"] == "missing"
    again = start_server(app=True, registry=url)
    name = f"loans-older-{os.getpid()}"
    organisation.ready(f"good {name}", tmp_path)
    again.register(name, f"good {name}")
    status, answer = again.alias(name, 1)
    assert status == 200, answer
