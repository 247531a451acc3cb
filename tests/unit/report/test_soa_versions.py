"""The Statement of Applicability as versions of a controlled document."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from aims_mlops.cli.main import app
from aims_mlops.inventory.project import forget_stores
from support.registers import Organisation

FIRST = """\
controls:
  A.2.2: {applicable: true, justification: we need one, implementation: the policy,
          responsible: top management, status: implemented}
  A.10.4: {applicable: false, justification: no customers}
"""
SECOND = FIRST.replace("applicable: false, justification: no customers", "applicable: true")
SOA = {
    "id": "soa",
    "title": "Statement of Applicability",
    "type": "statement-of-applicability",
    "serves": None,
    "link": None,
    "file": "applicability.yaml",
}


@pytest.fixture
def firm(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    forget_stores()
    return Organisation(tmp_path).set_up()


def run(*arguments, code=0):
    done = CliRunner().invoke(app, ["report", "soa", *arguments])
    assert done.exit_code == code, done.output + str(done.exception)
    return done.stdout + str(done.exception or "")


def said(*arguments):
    return json.loads(run("--json", *arguments))


def choice(found, id_):
    return next(one for one in found["controls"] if one["id"] == id_)


@pytest.fixture
def two_versions(firm):
    Path("applicability.yaml").write_text(FIRST)
    firm.add("document", **SOA)
    firm.approve("document/soa", by="bo")
    Path("applicability.yaml").write_text(SECOND)
    firm.change("document/soa", version="2", file="applicability.yaml")
    return firm


def test_newest_approved_version_is_used_and_the_draft_is_told(two_versions):
    found = said()
    assert found["approved"]["version"] == "1"
    assert found["approved"]["approved_by"] == "bo"
    assert choice(found, "A.10.4")["applicable"] is False
    assert found["draft_differs"] == ["A.10.4"]
    assert "applicability.yaml says something else: A.10.4" in run()
    run("--html", "soa.html")
    page = Path("soa.html").read_text()
    assert "A draft differs" in page
    assert "version 1, approved by bo" in page
    two_versions.approve("document/soa", by="bo")
    found = said()
    assert (found["approved"]["version"], found["draft_differs"]) == ("2", [])
    assert choice(found, "A.10.4")["applicable"] is True


def test_file_changed_after_approval_does_not_change_the_statement(two_versions):
    Path("applicability.yaml").write_text("controls: {A.2.2: {applicable: false}}\n")
    found = said()
    assert choice(found, "A.2.2")["applicable"] is True
    assert choice(found, "A.2.2")["status"] == "implemented"
    assert found["draft_differs"] == ["A.2.2", "A.10.4"]
    Path("applicability.yaml").write_text("controls: [")
    assert said()["approved"]["version"] == "1"


def test_named_file_is_used_as_it_is(two_versions):
    found = said("--choices", "applicability.yaml")
    assert found["approved"] is None
    assert choice(found, "A.10.4")["applicable"] is True


def test_without_an_approved_version_the_file_of_the_project_is_used(firm):
    Path("applicability.yaml").write_text(FIRST)
    firm.add("document", **SOA)
    found = said()
    assert (found["source"], found["approved"]) == ("applicability.yaml", None)


def test_differences_between_versions_are_shown(two_versions):
    text = run("--diff", "1", "2")
    assert "A.10.4 applicable: no → yes" in text
    assert "A.10.4 justification: no customers → (nothing)" in text
    assert "not approved" in text
    found = json.loads(run("--diff", "1", "2", "--json"))
    assert [(one["control"], one["field"]) for one in found["differences"]] == [
        ("A.10.4", "applicable"),
        ("A.10.4", "justification"),
    ]
    assert json.loads(run("--diff", "1", "1", "--json"))["differences"] == []


def test_unknown_version_is_told_with_those_there_are(two_versions):
    told = run("--diff", "1", "7", code=1)
    assert "no such version of the statement" in told
    assert "one of 1, 2" in told


def test_approved_file_that_does_not_read_is_told_with_its_line(firm):
    Path("applicability.yaml").write_text("controls:\n  A.99: {applicable: true}\n")
    firm.add("document", **SOA)
    firm.approve("document/soa", by="bo")
    told = run(code=1)
    assert "applicability.yaml (version 1)" in told
    assert "A.99" in told


def test_statement_kept_as_a_pdf_leaves_the_choices_to_the_file(firm):
    Path("soa.pdf").write_bytes(b"%PDF-1.4")
    Path("applicability.yaml").write_text(FIRST)
    firm.add("document", **{**SOA, "file": "soa.pdf"})
    firm.approve("document/soa", by="bo")
    assert said()["source"] == "applicability.yaml"


def test_status_of_people_stands_beside_the_evidence_and_changes_nothing(firm):
    Path("applicability.yaml").write_text(FIRST)
    found = choice(said(), "A.2.2")
    assert (found["status"], found["evidence"]) == ("implemented", "needs a person's record")
    assert (found["responsible"], found["implementation"]) == ("top management", "the policy")
    run("--csv", "soa.csv")
    head, first = Path("soa.csv").read_text().splitlines()[:2]
    assert head.endswith("how implemented,responsible,status,declared by persons")
    assert "top management,implemented" in first
