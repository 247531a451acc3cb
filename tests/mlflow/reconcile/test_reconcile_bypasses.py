"""Promotions that went around the gate: found, told, recorded once, taken away."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from aims_mlops.evidence.schemas import schema_of

_COUNT = iter(range(10_000))


@pytest.fixture
def name() -> str:
    return f"loans-reconciled-{next(_COUNT)}"


@pytest.fixture(scope="module")
def ungated(gated: Any, start_server: Callable[..., Any]) -> Any:
    """A server without the gate on the gated server's database."""
    return start_server(registry=f"sqlite:///{gated.folder}/mlflow.db", gated=False)


def sql(server: Any, statement: str, *values: object) -> None:
    """What anybody with the database's file can do."""
    with closing(sqlite3.connect(server.folder / "mlflow.db")) as database:
        database.execute(statement, values)
        database.commit()


def raw_alias(server: Any, name: str, alias: str, version: int) -> None:
    sql(
        server,
        "INSERT OR REPLACE INTO registered_model_aliases (workspace, alias, version, name) "
        "VALUES ('default', ?, ?, ?)",
        alias,
        version,
        name,
    )


def weights_path(server: Any, name: str, version: str) -> Path:
    """Where the artifact store keeps the file, past every server."""
    answer = server.done("GET", f"model-versions/get?name={name}&version={version}")
    source = answer["model_version"]["source"].removeprefix("mlflow-artifacts:/")
    return Path(server.folder) / "artifacts" / source / "weights.txt"


def nonconformities(organisation: Any, one: Any) -> list[Any]:
    found = organisation.world.store.find(kind="nonconformity")
    return [record for record in found if record.id == one.nonconformity]


def count(organisation: Any) -> int:
    return len(list(organisation.world.store.find(kind="nonconformity")))


def promoted(gated: Any, organisation: Any, name: str, content: str, folder: Path) -> None:
    """A version that the gate let through."""
    organisation.ready(content, folder)
    version = gated.register(name, content)
    status, answer = gated.alias(name, version)
    assert status == 200, answer


def test_promotion_through_the_gate_is_no_difference(
    gated: Any, organisation: Any, reconcile: Any, name: str, tmp_path: Path
) -> None:
    promoted(gated, organisation, name, f"allowed {name}", tmp_path)
    assert reconcile(name) == []


def test_free_alias_is_no_difference(
    gated: Any, organisation: Any, reconcile: Any, name: str
) -> None:
    gated.register(name, f"free {name}")
    assert gated.alias(name, 1, "candidate")[0] == 200
    assert reconcile(name) == []


def test_alias_by_raw_sql_is_found_recorded_once_and_demoted(
    gated: Any, organisation: Any, reconcile: Any, name: str
) -> None:
    gated.register(name, f"unknown {name}")
    raw_alias(gated, name, "production", 1)
    (first,) = reconcile(name)
    assert first.difference.what == "unknown-promotion"
    assert any("past the gate" in fact for fact in first.difference.how)
    before = count(organisation)
    (again,) = reconcile(name)
    assert again.nonconformity == first.nonconformity
    assert count(organisation) == before
    (record,) = nonconformities(organisation, first)
    assert record.evidence.body["what"] == "unknown-promotion"
    assert gated.aliases(name) == {"production": "1"}
    (gone,) = reconcile(name, demote=True)
    assert gone.demoted is not None
    assert gated.aliases(name) == {}
    assert reconcile(name) == []


def test_alias_moved_by_raw_sql_tells_where_the_log_has_it(
    gated: Any, organisation: Any, reconcile: Any, name: str, tmp_path: Path
) -> None:
    promoted(gated, organisation, name, f"good {name}", tmp_path)
    gated.register(name, f"evil {name}")
    raw_alias(gated, name, "production", 2)
    (found,) = reconcile(name)
    assert found.difference.what == "unknown-promotion"
    assert found.difference.held.version == "2"
    assert any("set to version 1" in fact for fact in found.difference.how)


def test_roll_back_by_raw_sql_to_an_allowed_version_is_minor_and_not_demoted(
    gated: Any, organisation: Any, reconcile: Any, name: str, tmp_path: Path
) -> None:
    promoted(gated, organisation, name, f"older {name}", tmp_path)
    promoted(gated, organisation, name, f"newer {name}", tmp_path)
    raw_alias(gated, name, "production", 1)
    (found,) = reconcile(name, demote=True)
    assert (found.difference.what, found.difference.severity) == ("unrecorded-promotion", "minor")
    assert gated.aliases(name) == {"production": "1"}


def test_refused_version_that_was_set_past_the_gate_tells_the_refusal(
    gated: Any, organisation: Any, reconcile: Any, name: str
) -> None:
    gated.register(name, f"refused {name}")
    assert gated.alias(name, 1)[0] == 403
    raw_alias(gated, name, "champion", 1)
    (found,) = reconcile(name)
    assert any("last word on this content: refused" in fact for fact in found.difference.how)


def test_alias_through_an_ungated_server_on_the_database_is_found_and_demoted(
    gated: Any, ungated: Any, organisation: Any, reconcile: Any, name: str
) -> None:
    gated.register(name, f"ungated {name}")
    assert gated.alias(name, 1)[0] == 403
    assert ungated.alias(name, 1)[0] == 200
    assert gated.aliases(name) == {"production": "1"}
    (found,) = reconcile(name, demote=True)
    assert (found.difference.what, found.difference.severity) == ("unknown-promotion", "major")
    assert gated.aliases(name) == {}


def test_overwritten_artifact_of_a_promoted_version_is_found_and_demoted(
    gated: Any, organisation: Any, reconcile: Any, name: str, tmp_path: Path
) -> None:
    promoted(gated, organisation, name, f"intact {name}", tmp_path)
    weights_path(gated, name, "1").write_bytes(b"overwritten afterwards")
    (found,) = reconcile(name, demote=True)
    assert found.difference.what == "changed-content"
    assert any("when it was promoted" in fact for fact in found.difference.how)
    assert found.demoted is not None
    assert gated.aliases(name) == {}


def test_deleted_files_of_a_promoted_version_are_found(
    gated: Any, organisation: Any, reconcile: Any, name: str, tmp_path: Path
) -> None:
    promoted(gated, organisation, name, f"lost {name}", tmp_path)
    weights_path(gated, name, "1").unlink()
    (found,) = reconcile(name)
    assert found.difference.what == "unreadable-content"


def test_revoked_approval_behind_a_promoted_version_is_found(
    gated: Any, organisation: Any, reconcile: Any, name: str, tmp_path: Path
) -> None:
    content = f"revoked {name}"
    promoted(gated, organisation, name, content, tmp_path)
    model = organisation.reference(content, tmp_path)
    organisation.world.approve(model, verdict="revoke", reason="a complaint")
    (found,) = reconcile(name)
    assert found.difference.what == "decision-fallen"
    assert any("approvals.count" in fact for fact in found.difference.how)


def test_stage_and_tags_by_raw_sql_are_found(
    gated: Any, organisation: Any, reconcile: Any, name: str
) -> None:
    gated.register(name, f"staged {name}")
    sql(gated, "UPDATE model_versions SET current_stage = 'Production' WHERE name = ?", name)
    for key, value in (("env", "prod"), ("aims.decision", "forged")):
        sql(
            gated,
            "INSERT INTO model_version_tags (workspace, name, version, key, value) "
            "VALUES ('default', ?, 1, ?, ?)",
            name,
            key,
            value,
        )
    found = reconcile(name)
    assert {one.difference.held.route for one in found} == {"stage", "tag", "reserved-tag"}
    reconcile(name, demote=True)
    left = {one.difference.held.route for one in reconcile(name)}
    assert left == {"reserved-tag"}  # forged words stay for somebody to look at


def test_alias_removed_past_the_gate_is_noted_once_as_minor(
    gated: Any, organisation: Any, reconcile: Any, name: str, tmp_path: Path
) -> None:
    promoted(gated, organisation, name, f"vanished {name}", tmp_path)
    sql(gated, "DELETE FROM registered_model_aliases WHERE name = ?", name)
    (found,) = reconcile(name)
    assert (found.difference.what, found.difference.severity) == ("removed-elsewhere", "minor")
    assert reconcile(name) == []  # the log now says what the registry says
    for record in organisation.world.store.find(kind="promotion"):
        schema = schema_of(record.evidence.kind, record.evidence.version)
        Draft202012Validator(schema or False).validate(dict(record.evidence.body))


def test_version_renamed_into_a_production_name_by_raw_sql_is_left_to_people(
    gated: Any, organisation: Any, reconcile: Any, name: str
) -> None:
    live = f"prod.{name}"
    gated.register(name, f"live {name}")
    for table in ("registered_models", "model_versions"):
        sql(gated, f"UPDATE {table} SET name = ? WHERE name = ?", live, name)
    (found,) = reconcile(live, demote=True)
    assert (found.difference.what, found.difference.held.route) == ("unknown-promotion", "version")
    assert found.demoted is None
    assert "left to people" in str(found.not_demoted)


def test_version_deleted_and_created_again_is_told_from_the_promoted_one(
    gated: Any, organisation: Any, reconcile: Any, name: str, tmp_path: Path
) -> None:
    promoted(gated, organisation, name, f"first life {name}", tmp_path)
    assert gated.api("DELETE", "registered-models/delete", {"name": name})[0] == 200
    gated.register(name, f"second life {name}")
    raw_alias(gated, name, "production", 1)
    (found,) = reconcile(name)
    assert found.difference.what == "recreated-version"


def test_command_gives_a_scheduler_its_exit_code(
    gated: Any, organisation: Any, reconcile: Any, name: str
) -> None:
    gated.register(name, f"command {name}")
    raw_alias(gated, name, "production", 1)
    command = [sys.executable, "-m", "aims_mlops", "reconcile", "--json"]
    where = {"MLFLOW_TRACKING_URI": gated.url}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | where
    )
    body = json.loads(done.stdout)
    assert done.returncode == 1
    assert name in {one["name"] for one in body["differences"]}
    nobody = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"},
    )
    assert nobody.returncode == 2
    assert "does not answer" in nobody.stderr
