"""Asking whether a model may be used, as serving code and the command line do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import aims_mlops as aims
from aims_mlops.errors import ModelRefusedError
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Subject
from aims_mlops.gates.check_model import check_model, look_at_model
from aims_mlops.measures.fingerprint.files import fingerprint_files


def _command(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "aims_mlops", "check-model", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def _documented(heading):
    """The fields that docs/cli.md tells under a heading."""
    page = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()
    section = page.split(f"### `{heading}`", 1)[1].split("\n### ", 1)[0]
    return set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE))


@pytest.fixture
def folder(world, good):
    """A model's folder with an allowed decision about its content."""
    path = world.root / "model"
    path.mkdir()
    (path / "weights.bin").write_bytes(b"weights")
    (path / "MLmodel").write_text("flavors: {}\n")
    found = fingerprint_files(path)
    model = ModelReference(uri=str(path), sha256=found.sha256, files=found.files)
    run = "a" * 32
    of_run = Subject.of_name(f"run:{run}")
    world.record("run", [of_run], {"activity": "training", "status": "finished"}, run=run)
    data = [Subject("dataset:d", "d" * 64)]
    world.record("dataset", data, {"name": "d", "sha256": "d" * 64}, run=run)
    body = {"name": "m", "sha256": model.sha256,
            "datasets": [{"name": "d", "role": "train", "sha256": "d" * 64}]}  # fmt: skip
    world.record("model", [model.subject, of_run], body, run=run)
    world.measure(model, good, run=run)
    world.submit(model)
    world.approve(model)
    assert world.gate(model).allowed
    return path


def test_allowed_folder_passes_and_names_its_decision(folder):
    check = aims.check_model(folder, target="production")
    assert check.allowed
    assert check.standing.record.evidence.kind == "decision"


@pytest.mark.parametrize("how", ["changed", "added", "renamed", "removed"])
def test_tampered_folder_is_refused(folder, how):
    weights = folder / "weights.bin"
    if how == "changed":
        weights.write_bytes(b"weightS")
    elif how == "added":
        (folder / "code.py").write_text("import os\n")
    elif how == "renamed":
        weights.rename(folder / "weights2.bin")
    else:
        weights.unlink()
    with pytest.raises(ModelRefusedError) as refused:
        check_model(folder)
    assert refused.value.check.verdict == "refused"
    assert "decision.exists" in str(refused.value)


def test_link_in_the_folder_is_refused(folder, tmp_path):
    (tmp_path / "elsewhere.bin").write_bytes(b"weights")
    (folder / "weights.bin").unlink()
    (folder / "weights.bin").symlink_to(tmp_path / "elsewhere.bin")
    with pytest.raises(ModelRefusedError) as refused:
        check_model(folder)
    assert refused.value.check.verdict == "undecided"


def test_note_that_mlflow_adds_on_download_changes_nothing(folder):
    (folder / "registered_model_meta").write_text("model_name: m\n")
    assert check_model(folder).allowed


@pytest.mark.parametrize("model", ["nowhere", "ftp://x/y", "sha256:12", ""])
def test_model_that_is_not_there_is_refused_without_a_crash(world, model):
    check = look_at_model(model, target="production")
    assert (check.verdict, check.exit_code) == ("undecided", 2)
    assert check.reasons[0].next_step


def test_store_that_is_away_is_refused(folder, monkeypatch):
    monkeypatch.setenv("AIMS_STORE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AIMS_TOKEN", "none")
    with pytest.raises(ModelRefusedError) as refused:
        check_model(folder)
    assert refused.value.check.verdict == "undecided"


def test_project_without_targets_is_refused(folder, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(ModelRefusedError, match="no policy decides"):
        check_model(folder)


def test_command_answers_with_exit_codes_and_reasons(folder, world):
    code, said = _command(str(folder), "--for", "production")
    assert (code, "✓ allowed" in said) == (0, True)
    code, said = _command(str(folder), "--for", "champion", "--json")
    body = json.loads(said)
    assert (code, body["allowed"], body["target"]) == (0, True, "production")
    assert set(body) == _documented("aims check-model MODEL --for TARGET --json")
    (folder / "weights.bin").write_bytes(b"others")
    code, said = _command(str(folder), "--for", "production")
    assert (code, "decision.exists" in said, "aims gate" in said) == (1, True, True)
    assert _command("nowhere", "--for", "production")[0] == 2
