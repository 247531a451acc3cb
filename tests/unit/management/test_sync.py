"""A folder of files as the source: what changed becomes records, what vanished is asked about."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from aims_mlops.cli.main import app

RISK = """\
id: {id}
title: Refused because of where somebody lives
owner: bo
source: the postcode stands for origin
before: {{likelihood: 4, impact: 5}}
"""
POLICY = """\
---
register: document
id: ai-policy
title: AI policy
type: ai-policy
version: "1"
author: ana
---
We use AI to help clerks.
"""


@pytest.fixture
def folder(organisation, monkeypatch):
    monkeypatch.chdir(organisation.root)
    monkeypatch.setenv("AIMS_ACTOR", "ana")
    (organisation.root / "aims" / "risks").mkdir(parents=True)
    (organisation.root / "aims" / "policy.md").write_text(POLICY)
    for id_ in ("R-1", "R-2"):
        (organisation.root / "aims" / "risks" / f"{id_}.yaml").write_text(RISK.format(id=id_))
    (organisation.root / "aims" / "README.md").write_text("# how we work\n")
    return organisation.root / "aims"


def sync(*options):
    result = CliRunner().invoke(app, ["record", "sync", "aims", "--json", *options])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return json.loads(result.stdout)


def steps(said):
    return [(one["step"], one["register"], one["id"]) for one in said["written"]]


def test_folder_becomes_entries_once(organisation, folder):
    said = sync()
    assert steps(said) == [
        ("add", "document", "ai-policy"),
        ("add", "risk", "R-1"),
        ("add", "risk", "R-2"),
    ]
    assert said["passed_over"] == ["aims/README.md"]
    origin = organisation.entry("R-1").latest.evidence.body["origin"]
    assert origin["file"] == "aims/risks/R-1.yaml"
    again = sync()
    assert (again["written"], again["same"]) == ([], 3)


def test_what_changed_since_is_the_only_thing_that_is_written(organisation, folder):
    sync()
    path = folder / "risks" / "R-2.yaml"
    path.write_text(path.read_text().replace("impact: 5", "impact: 3"))
    assert steps(sync()) == [("change", "risk", "R-2")]
    assert organisation.entry("R-2").body.before.impact == 3


def test_file_that_was_renamed_is_the_same_entry(organisation, folder):
    sync()
    (folder / "risks" / "R-2.yaml").rename(folder / "risks" / "postcode.yaml")
    said = sync()
    assert said["vanished"] == []
    assert len(organisation.entry("R-2").steps) <= 2


def test_deleted_file_is_asked_about_and_nothing_is_written_without_an_answer(organisation, folder):
    from aims_mlops.errors import InputError

    sync()
    (folder / "risks" / "R-1.yaml").unlink()
    path = folder / "risks" / "R-2.yaml"
    path.write_text(path.read_text().replace("impact: 5", "impact: 3"))
    with pytest.raises(InputError, match=r"files are gone .* got risk R-1"):
        sync()
    assert organisation.entry("R-2").body.before.impact == 5
    said = sync("--vanished", "close", "--reason", "it cannot happen any more")
    assert ("close", "risk", "R-1") in steps(said)
    assert organisation.entry("R-1").state == "closed"


def test_deleted_file_whose_entry_is_kept_is_not_asked_about_again(organisation, folder):
    sync()
    (folder / "risks" / "R-1.yaml").unlink()
    sync("--vanished", "keep")
    assert organisation.entry("R-1").state == "open"
    assert sync()["vanished"] == []


def test_entry_that_was_changed_by_hand_is_not_undone(organisation, folder):
    from aims_mlops.errors import DocumentError

    sync()
    organisation.change("R-1", title="by hand")
    assert sync()["changed_elsewhere"] == ["risk/R-1"]
    path = folder / "risks" / "R-1.yaml"
    path.write_text(path.read_text().replace("impact: 5", "impact: 3"))
    with pytest.raises(DocumentError, match="risk R-1 was changed elsewhere; got record"):
        sync()
    assert steps(sync("--overwrite")) == [("change", "risk", "R-1")]


def test_one_wrong_file_keeps_all_of_them_out(organisation, folder):
    from aims_mlops.errors import DocumentError

    (folder / "risks" / "R-3.yaml").write_text(RISK.format(id="R-3").replace("bo", "nobody"))
    with pytest.raises(DocumentError, match=r"R-3\.yaml:3: no such person"):
        sync()
    assert organisation.register().all() == ()


def test_two_files_with_one_id_are_refused(organisation, folder):
    from aims_mlops.errors import DocumentError

    (folder / "risks" / "copy.yaml").write_text(RISK.format(id="R-1"))
    with pytest.raises(DocumentError, match="risk R-1 is there twice"):
        sync()


def test_dry_run_writes_nothing(organisation, folder):
    assert len(sync("--dry-run")["written"]) == 3
    assert organisation.register().all() == ()
