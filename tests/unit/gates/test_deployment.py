"""Deployments stand on a decision about exactly this content, or do not happen."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import aims_mlops as aims
from aims_mlops.errors import CaptureWarning, GovernanceError, InputError, ModelRefusedError
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Subject
from aims_mlops.gates.deployment import (
    decommission,
    deployments,
    find_deployment,
    record_deployment,
    roll_back,
)
from aims_mlops.measures.fingerprint.files import fingerprint_files


def _model(world, good, name):
    """A model's folder with an allowed decision about its content."""
    path = world.root / name
    path.mkdir()
    (path / "weights.bin").write_bytes(name.encode())
    found = fingerprint_files(path)
    model = ModelReference(uri=str(path), sha256=found.sha256, files=found.files)
    run = (name * 32)[:32]
    of_run = Subject.of_name(f"run:{run}")
    world.record("run", [of_run], {"activity": "training", "status": "finished"}, run=run)
    data = [Subject("dataset:d", "d" * 64)]
    world.record("dataset", data, {"name": "d", "sha256": "d" * 64}, run=run)
    datasets = [{"name": "d", "role": "train", "sha256": "d" * 64}]
    body = {"name": name, "sha256": model.sha256, "datasets": datasets}
    world.record("model", [model.subject, of_run], body, run=run)
    world.measure(model, good, run=run)
    world.submit(model)
    world.approve(model)
    assert world.gate(model).allowed
    return path


@pytest.fixture
def folder(world, good):
    return _model(world, good, "one")


def command(*arguments, expect=0):
    line = [sys.executable, "-m", "aims_mlops", "deployment", *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_deployment_names_content_decision_place_and_plan(world, folder):
    (world.root / "serving.yaml").write_text("replicas: 2\n")
    record = record_deployment(
        folder,
        target="production",
        where="cluster eu-1",
        configuration=world.root / "serving.yaml",
        rollback_plan="put version 3 back",
        project=world.project,
    )
    (found,) = deployments(world.store)
    decision = next(world.store.find(kind="decision"))
    assert found.id == record.id
    assert found.runs
    assert found.decision == decision.id
    assert found.model == fingerprint_files(folder).sha256
    assert found.configuration["name"] == "serving.yaml"
    assert "replicas" not in str(record.evidence.to_statement())
    assert found.rollback_plan == "put version 3 back"


def test_tampered_model_is_refused_and_nothing_is_recorded(world, folder):
    (folder / "weights.bin").write_bytes(b"poisoned")
    with pytest.raises(ModelRefusedError, match=r"decision\.exists"):
        record_deployment(folder, target="production", where="eu-1", project=world.project)
    assert not deployments(world.store)


def test_new_deployment_at_the_same_place_replaces_the_one_before(world, good, folder):
    for path in (folder, _model(world, good, "two")):
        record_deployment(path, target="production", where="eu-1", project=world.project)
    record_deployment(folder, target="production", where="us-1", project=world.project)
    assert [d.state for d in deployments(world.store)] == ["replaced", "deployed", "deployed"]


def test_roll_back_to_another_model_is_a_deployment_of_that_model(world, good, folder):
    record_deployment(_model(world, good, "two"), target="production", where="eu-1")
    (bad,) = deployments(world.store)
    roll_back(bad, reason="too many refusals", to=folder, project=world.project)
    was, now = deployments(world.store)
    assert was.state == "rolled-back"
    assert was.reason == "too many refusals"
    assert was.rolled_back_to == now.model == fingerprint_files(folder).sha256
    assert now.runs
    with pytest.raises(GovernanceError, match="no longer runs"):
        roll_back(was, reason="again", project=world.project)


def test_roll_back_to_what_is_not_allowed_changes_nothing(world, folder):
    record_deployment(folder, target="production", where="eu-1", project=world.project)
    (found,) = deployments(world.store)
    (world.root / "unknown").mkdir()
    (world.root / "unknown/weights.bin").write_bytes(b"?")
    with pytest.raises(ModelRefusedError):
        roll_back(found, reason="x", to=world.root / "unknown", project=world.project)
    assert find_deployment(world.store, found.id).runs


def test_decommissioned_deployment_no_longer_runs(world, folder):
    record_deployment(folder, target="production", where="eu-1", project=world.project)
    decommission(deployments(world.store)[0], reason="end of the product", project=world.project)
    assert deployments(world.store)[0].state == "decommissioned"


def test_decorated_function_runs_only_for_content_that_a_decision_allows(world, folder):
    ran = []

    @aims.deployment(target="production", where="eu-1", rollback_plan="put it back")
    def deploy(model, replicas=1):
        ran.append((model, replicas))
        return "up"

    assert deploy(folder, replicas=3) == "up"
    (folder / "weights.bin").write_bytes(b"poisoned")
    with pytest.raises(ModelRefusedError):
        deploy(model=folder)
    assert ran == [(folder, 3)]
    (found,) = deployments(world.store)
    assert found.runs


def test_async_function_and_its_own_error_come_through_unchanged(world, folder):
    @aims.deployment(target="production", where="eu-1")
    async def deploy(model):
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        asyncio.run(deploy(folder))
    (found,) = deployments(world.store)
    assert found.state == "failed"
    assert found.begun.evidence.body["error"] == "OSError"

    @aims.deployment(target="production", where="eu-2")
    async def deploy_well(model):
        return "up"

    assert asyncio.run(deploy_well(folder)) == "up"
    assert deployments(world.store)[-1].runs


def test_model_that_runs_but_is_not_on_record_is_said(world, folder, monkeypatch):
    @aims.deployment(target="production", where="eu-1")
    def deploy(model):
        monkeypatch.setenv("AIMS_STORE_URL", "postgresql://127.0.0.1:1/none")
        monkeypatch.setenv("AIMS_LOG_KEYS", str(world.root / "k"))
        monkeypatch.setenv("AIMS_BLOBS", str(world.root / "b"))
        return "up"

    with pytest.warns(CaptureWarning, match="is not on record") as told:
        assert deploy(folder) == "up"
    assert [warning.filename for warning in told] == [__file__]  # where it was deployed


def test_function_without_a_model_is_no_deployment():
    with pytest.raises(InputError, match="an argument named model"):

        @aims.deployment(target="production", where="eu-1")
        def deploy(name):
            return name


def test_command_records_lists_and_refuses(world, folder):
    assert "is deployed to eu-1" in command(
        "record", folder, "--for", "production", "--where", "eu-1"
    )
    listed = json.loads(command("list", "--json"))
    page = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()
    section = page.split("### `aims deployment list --json`", 1)[1].split("\n### ", 1)[0]
    rows = re.findall(r"^\| (`[^|]*)\|", section, re.MULTILINE)
    assert set(listed[0]) == {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert "eu-1" in command("list")
    id_ = listed[0]["id"][:12]
    command("decommission", id_, "--reason", "over")
    assert command("list") == "nothing is deployed\n"
    assert "decommissioned" in command("list", "--all")
    said = command("rollback", id_, "--reason", "x", expect=2)
    assert "no longer runs" in said
    (folder / "weights.bin").write_bytes(b"poisoned")
    refused = command("record", folder, "--for", "production", "--where", "eu-1", expect=1)
    assert "nothing was recorded" in refused


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"where": " "}, "a deployment says where"),
        ({"where": "eu-1", "system": "other"}, "another AI system"),
        (
            {"where": "eu-1", "configuration": Path("nowhere.yaml")},
            "nowhere.yaml cannot be read; got No such file or directory",
        ),
    ],
)
def test_deployment_that_says_too_little_is_refused(world, folder, more, words):
    with pytest.raises(InputError, match=words):
        record_deployment(folder, target="production", project=world.project, **more)
    assert not deployments(world.store)


def test_project_is_the_one_given_else_that_of_the_folder(
    world, good, folder, monkeypatch, tmp_path
):
    other = _model(world, good, "two")
    monkeypatch.chdir(tmp_path)  # where there is no aims.yaml, and so no policy
    how = {"target": "production", "where": "eu-1"}
    with pytest.raises(ModelRefusedError, match="no policy decides"):
        record_deployment(folder, **how)
    record_deployment(folder, **how, project=world.project)
    (found,) = deployments(world.store)
    ended = roll_back(found, reason="wrong", to=other, project=world.project)
    assert ended.evidence.body["rolled_back_to"] == fingerprint_files(other).sha256
    last = deployments(world.store)[-1]
    gone = decommission(last, reason="over", project=world.project)
    assert gone.evidence.body == {
        "event": "decommissioned",
        "deployment": last.id,
        "target": "production",
        "reason": "over",
    }
    monkeypatch.chdir(world.root)
    record_deployment(folder, **how)
    taken = roll_back(deployments(world.store)[-1], reason="wrong")
    assert (taken.evidence.body["event"], taken.evidence.body["rolled_back_to"]) == (
        "rolled-back",
        None,
    )
    record_deployment(folder, **how)
    decommission(deployments(world.store)[-1], reason="over")
    assert not any(deployment.runs for deployment in deployments(world.store))


def test_system_is_the_decisions_own_or_the_one_named_where_it_has_none(world, good):
    world.write("policies/production.yaml", "id: p\nrequires: [{id: a.b, kind: model}]\n")
    path = world.root / "free"
    path.mkdir()
    (path / "weights.bin").write_bytes(b"free")
    found = fingerprint_files(path)
    model = ModelReference(uri=str(path), sha256=found.sha256, files=found.files)
    world.record("model", [model.subject], {"sha256": model.sha256}, system=None)
    assert world.gate(model).allowed
    how = {"target": "production", "where": "eu-1", "project": world.project}
    assert record_deployment(path, **how).evidence.system is None
    assert record_deployment(path, system="toys", **how).evidence.system == "toys"


def test_system_that_is_not_the_decisions_is_refused(world, folder):
    how = {"target": "production", "where": "eu-1", "project": world.project}
    assert record_deployment(folder, system="loans", **how).evidence.system == "loans"
    assert record_deployment(folder, **how).evidence.system == "loans"
    with pytest.raises(InputError, match="about another AI system") as refused:
        record_deployment(folder, system="toys", **how)
    assert (refused.value.got, refused.value.expected) == ("toys", "loans")
