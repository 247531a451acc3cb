"""What holds for every export: same bytes from the same position, wherever; told what is wrong."""

from __future__ import annotations

import hashlib
import json

import pytest
from click.testing import CliRunner

from aims_mlops.cli.exports import command
from aims_mlops.errors import InputError, ModelNotFoundError
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.records import Evidence
from aims_mlops.exports.basis.model_view import RECORDS_OF_A_KIND, model_view
from aims_mlops.exports.export import FORMATS, export

NOTHING = "oscal-poam"  # the recorded model's system has no nonconformity
EACH = [
    (entry.name, version)
    for entry in FORMATS.values()
    for version in entry.versions
    if entry.name != NOTHING
]


def subject_of(recorded, name):
    return "loans" if FORMATS[name].about == "system" else recorded.model


def test_two_machines_worth_of_hash_seeds_and_locales_write_the_same_bytes(recorded, store):
    """Each process has its own seed, locale and zone of time; every export's bytes are equal."""
    wanted = {
        f"{name} {version} {file}": hashlib.sha256(
            export(store, name, subject_of(recorded, name), version=version, file=file).content
        ).hexdigest()
        for name, version in EACH
        for file in FORMATS[name].files
        if file != "pdf" or name == "new-york-notice"  # one is slow, and all are made one way
    }
    for environment in (
        {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "Asia/Tokyo"},
        {"PYTHONHASHSEED": "4242", "LC_ALL": "C.UTF-8", "TZ": "America/New_York"},
    ):
        assert recorded.digests(**environment) == wanted


def test_command_writes_what_python_writes(recorded, store):
    done = recorded.aims("export", "annex-iv", recorded.model, "--as", "docx")
    assert done.returncode == 0, done.stderr
    assert done.stdout == export(store, "annex-iv", recorded.model, file="docx").content


@pytest.mark.parametrize(("name", "version"), EACH)
def test_each_export_names_log_and_checkpoint(recorded, store, name, version):
    made = export(store, name, subject_of(recorded, name), version=version)
    status = store.status()
    assert made.log_id == status.log_id
    assert made.size == status.size
    assert status.log_id in made.content.decode()
    assert status.root in made.content.decode()


def test_list_names_every_format_with_its_versions(recorded):
    done = CliRunner().invoke(command, ["--list", "--json"])
    assert {row["format"]: row["versions"] for row in json.loads(done.output)} == {
        entry.name: list(entry.versions) for entry in FORMATS.values()
    }


def test_file_that_is_written_is_told(recorded, tmp_path):
    done = recorded.aims(
        "export", "cyclonedx", recorded.model, "--out", str(tmp_path / "b"), "--json"
    )
    said = json.loads(done.stdout)
    assert said["bytes"] == (tmp_path / "b").stat().st_size
    assert said["version"] == "1.7"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cyclonedy", "x"], "cyclonedx?"),
        (["cyclonedx", "0" * 64], "found no"),
        (["cyclonedx", "{model}", "--version", "1.5"], "1.7 or 1.6"),
    ],
)
def test_what_cannot_be_exported_is_told(recorded, store, arguments, words):
    name, subject, *rest = [a.format(model=recorded.model) for a in arguments]
    with pytest.raises((InputError, ModelNotFoundError)) as caught:
        export(store, name, subject, version=rest[1] if rest else None)
    assert words in str(caught.value) or isinstance(caught.value, ModelNotFoundError)


def test_of_many_records_the_newest_are_looked_at_and_the_others_counted(world):
    """What is in memory does not grow with the log, and the export says what it left out."""
    model = world.train()
    more = RECORDS_OF_A_KIND + 7
    batch = [
        Evidence(kind="inference-log", subjects=(model.subject,), body={"event": "written", "n": n},
                 actor="ana", claimed_at=now(), system="loans")
        for n in range(more)
    ]  # fmt: skip
    for start in range(0, more, 500):
        world.store.append_many(batch[start : start + 500])
    view = model_view(world.store, model.sha256)
    assert view.left_out == {"inference-log": 7}
    assert sum(r.evidence.kind == "inference-log" for r in view.operation) == RECORDS_OF_A_KIND
    made = json.loads(export(world.store, "cyclonedx", model.sha256).content)
    said = {p["name"]: p["value"] for p in made["metadata"]["properties"]}
    assert said["aims:left-out:inference-log"] == "7"
