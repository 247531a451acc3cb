"""What a promotion through a gated server needs, and what takes it away again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from aims_mlops.evidence.records import Evidence
from aims_mlops.evidence.schemas import schema_of
from aims_mlops.mlflow_plugin.client.model_uris import stamp_of

_COUNT = iter(range(10_000))


def follows_its_schema(evidence: Evidence) -> None:
    schema = schema_of(evidence.kind, evidence.version)
    Draft202012Validator(schema or False).validate(dict(evidence.body))


@pytest.fixture
def name() -> str:
    return f"loans-case-{next(_COUNT)}"


def rules(answer: Any) -> set[str]:
    return {reason["rule"] for reason in answer["aims"]["reasons"]}


def test_everything_there_allows_and_records_decision_and_outcome(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    version = gated.register(name, f"content {name}")
    model = organisation.ready(f"content {name}", tmp_path)
    status, answer = gated.alias(name, version)
    assert status == 200, answer
    assert gated.aliases(name) == {"production": version}
    store = organisation.world.store
    decision = next(store.find(kind="decision", subject=model.sha256, newest_first=True))
    outcome = next(store.find(kind="promotion", subject=model.sha256, newest_first=True))
    assert decision.evidence.body["verdict"] == "allowed"
    assert outcome.evidence.body["decision"] == decision.id
    assert outcome.evidence.body["outcome"] == "set"
    assert outcome.evidence.body["version"] == version
    assert outcome.evidence.body["enforced_by"].startswith("the registry store of MLflow")


def test_stage_and_promoting_tag_pass_the_same_gate(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    version = gated.register(name, f"content {name}")
    organisation.ready(f"content {name}", tmp_path)
    stage = {"name": name, "version": version, "stage": "Production",
             "archive_existing_versions": False}  # fmt: skip
    assert gated.api("POST", "model-versions/transition-stage", stage)[0] == 200
    tag = {"name": name, "version": version, "key": "env", "value": "prod"}
    assert gated.api("POST", "model-versions/set-tag", tag)[0] == 200


def test_version_with_a_decision_can_be_copied_into_a_production_name(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    version = gated.register(name, f"content {name}")
    organisation.ready(f"content {name}", tmp_path)
    gated.api("POST", "registered-models/create", {"name": "loans-live"})
    body = {"name": "loans-live", "source": f"models:/{name}/{version}"}
    status, answer = gated.api("POST", "model-versions/create", body)
    assert status == 200, answer


def test_promoted_model_cannot_be_renamed_but_can_be_demoted(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    version = gated.register(name, f"content {name}")
    model = organisation.ready(f"content {name}", tmp_path)
    assert gated.alias(name, version)[0] == 200
    body = {"name": name, "new_name": f"{name}-b"}
    assert gated.api("POST", "registered-models/rename", body)[0] == 403
    gated.done("DELETE", "registered-models/alias", {"name": name, "alias": "production"})
    outcome = next(
        organisation.world.store.find(kind="promotion", subject=model.sha256, newest_first=True)
    )
    assert outcome.evidence.body["outcome"] == "removed"
    assert outcome.evidence.body["decision"] is None
    follows_its_schema(outcome.evidence)
    assert gated.api("POST", "registered-models/rename", body)[0] == 200


@pytest.mark.parametrize("route", ["stage", "tag"])
def test_version_that_leaves_its_stage_or_loses_its_tag_is_noted_as_taken_away(
    gated: Any, organisation: Any, name: str, tmp_path: Path, route: str
) -> None:
    from aims_mlops.operations.in_use import in_use

    version = gated.register(name, f"content {name}")
    model = organisation.ready(f"content {name}", tmp_path)
    one = {"name": name, "version": version}
    if route == "stage":
        stage = {"archive_existing_versions": False}
        path = "model-versions/transition-stage"
        assert gated.api("POST", path, {**one, "stage": "Production", **stage})[0] == 200
        leave = ("POST", path, {**one, "stage": "Archived", **stage})
    else:
        tag = {"key": "env", "value": "prod"}
        assert gated.api("POST", "model-versions/set-tag", {**one, **tag})[0] == 200
        leave = ("DELETE", "model-versions/delete-tag", {**one, "key": "env"})
    store = organisation.world.store

    def held() -> list[tuple[str, str]]:
        records = store.find(kind="promotion", subject=model.sha256)
        return [(use.place.route, use.model) for use in in_use(records)]

    assert held() == [(route, model.sha256)]
    assert gated.api(*leave)[0] == 200
    assert held() == []
    last = next(store.find(kind="promotion", subject=model.sha256, newest_first=True))
    assert (last.evidence.body["outcome"], last.evidence.system) == ("removed", "loans")
    follows_its_schema(last.evidence)


def test_missing_assessment_is_refused(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    version = gated.register(name, f"content {name}")
    organisation.train(f"content {name}", tmp_path)
    status, answer = gated.alias(name, version)
    assert status == 403
    assert rules(answer) == {"assessment.submitted", "approvals.count"}


def test_rejected_assessment_is_refused(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    version = gated.register(name, f"content {name}")
    model = organisation.train(f"content {name}", tmp_path)
    organisation.world.submit(model)
    organisation.world.approve(model, verdict="reject", reason="too risky")
    assert gated.alias(name, version)[0] == 403


def test_revoked_approval_is_refused(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    version = gated.register(name, f"content {name}")
    model = organisation.ready(f"content {name}", tmp_path)
    organisation.world.approve(model, verdict="revoke", reason="second thoughts")
    status, answer = gated.alias(name, version)
    assert status == 403
    assert "approvals.count" in rules(answer)


def test_assessment_of_another_version_is_refused(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    gated.register(name, f"content {name}")
    other = gated.register(name, f"other content {name}")
    organisation.ready(f"content {name}", tmp_path)
    organisation.train(f"other content {name}", tmp_path)
    status, answer = gated.alias(name, other)
    assert status == 403
    assert "assessment.submitted" in rules(answer)


def test_artifact_changed_after_approval_is_refused(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    version = gated.register(name, f"content {name}")
    organisation.ready(f"content {name}", tmp_path)
    found = gated.done("GET", f"model-versions/get?name={name}&version={version}")["model_version"]
    run = found["run_id"]
    path = f"/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/model/weights.txt"
    assert gated.call("PUT", path, b"tampered", raw=True)[0] == 200
    status, answer = gated.alias(name, version)
    assert status == 403
    assert "evidence.run" in rules(answer)


def test_new_figures_after_approval_are_refused(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    version = gated.register(name, f"content {name}")
    model = organisation.ready(f"content {name}", tmp_path)
    figures = [{**organisation_figure(organisation), "value": 0.9, "low": 0.88, "high": 0.92}]
    organisation.world.measure(model, figures)
    status, answer = gated.alias(name, version)
    assert status == 403
    assert "approvals.count" in rules(answer)


def organisation_figure(organisation: Any) -> Any:
    import sys

    return dict(sys.modules[type(organisation.world).__module__].GOOD[0])


def test_policy_changed_after_approval_is_refused(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    version = gated.register(name, f"content {name}")
    organisation.ready(f"content {name}", tmp_path)
    path = organisation.world.root / "policies/production.yaml"
    before = path.read_text()
    path.write_text(before + "# a new edition\n" + "title: changed\n")
    try:
        status, _ = gated.alias(name, version)
    finally:
        path.write_text(before)
    assert status == 403
    assert gated.alias(name, version)[0] == 200


def test_model_deleted_and_created_again_with_other_content_is_refused(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    version = gated.register(name, f"content {name}")
    organisation.ready(f"content {name}", tmp_path)
    assert gated.alias(name, version)[0] == 200
    gated.done("DELETE", "registered-models/delete", {"name": name})
    assert gated.register(name, f"smuggled {name}") == version
    status, _ = gated.alias(name, version)
    assert status == 403
    assert gated.aliases(name) == {}


def test_store_that_cannot_be_reached_is_403_and_changes_nothing(
    start_server: Callable[..., Any], organisation: Any, name: str
) -> None:
    server = start_server(environment={"AIMS_STORE_URL": "http://127.0.0.1:9"})
    version = server.register(name, f"content {name}")
    status, answer = server.alias(name, version)
    assert (status, answer["error_code"]) == (403, "PERMISSION_DENIED")
    assert answer["aims"]["verdict"] == "undecided"
    assert "Next: " in answer["message"]
    assert server.aliases(name) == {}


def test_broken_aims_yaml_is_403_and_says_where(
    start_server: Callable[..., Any], organisation: Any, name: str, tmp_path: Path
) -> None:
    root = tmp_path / "broken"
    shutil.copytree(organisation.world.root, root)
    server = start_server(environment={"AIMS_PROJECT": str(root)})
    version = server.register(name, f"content {name}")
    (root / "aims.yaml").write_text("systems: 3\n")
    status, answer = server.alias(name, version)
    assert (status, answer["error_code"]) == (403, "PERMISSION_DENIED")
    assert "aims.yaml" in answer["message"]


def register_again(gated: Any, name: str) -> str:
    gated.done("DELETE", "registered-models/delete", {"name": name})
    return str(gated.register(name, f"content {name}"))


def test_version_created_again_with_the_same_content_needs_a_new_approval(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    version = gated.register(name, f"content {name}")
    model = organisation.ready(f"content {name}", tmp_path)
    assert gated.alias(name, version)[0] == 200
    assert register_again(gated, name) == version
    store = organisation.world.store
    outcome = next(store.find(kind="promotion", subject=model.sha256, newest_first=True))
    assert (outcome.evidence.body["outcome"], outcome.evidence.body["alias"]) == (
        "removed",
        "production",
    )
    status, answer = gated.alias(name, version)
    assert status == 403
    assert "approvals.count" in rules(answer)
    assert f"version 1 of '{name}' was created again" in answer["message"]
    assert gated.aliases(name) == {}
    organisation.world.approve(model)
    assert gated.alias(name, version)[0] == 200


def test_approval_of_a_registered_version_is_not_one_of_its_successor(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    version = gated.register(name, f"content {name}")
    found = gated.done("GET", f"model-versions/get?name={name}&version={version}")["model_version"]
    bare = organisation.train(f"content {name}", tmp_path)
    organisation.world.submit(bare)
    created = stamp_of(int(found["creation_timestamp"]))
    organisation.world.approve(
        replace(bare, name=name, version=version, created_at=created, registry=gated.url)
    )
    register_again(gated, name)  # nobody ever asked the gate about the first one
    status, answer = gated.alias(name, version)
    assert status == 403
    assert "was created again" in answer["message"]


def test_content_approved_before_it_was_registered_is_allowed_under_any_name(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    organisation.ready(f"content {name}", tmp_path)
    version = gated.register(name, f"content {name}")
    assert gated.alias(name, version)[0] == 200
    version = gated.register(f"{name}-copy", f"content {name}")
    assert gated.alias(f"{name}-copy", version)[0] == 200
    version = gated.register(name, f"content {name}")
    assert version == "2"
    assert gated.alias(name, version)[0] == 200
