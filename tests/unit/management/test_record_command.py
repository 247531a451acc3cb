"""`aims record` as a person uses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from aims_mlops.cli.main import app
from aims_mlops.documents.yaml_events import parse_yaml
from aims_mlops.errors import AimsError
from aims_mlops.management.registers.grammar import fields_of
from aims_mlops.management.registers.spec import REGISTERS


@pytest.fixture
def run(organisation, monkeypatch):
    monkeypatch.chdir(organisation.root)
    monkeypatch.setenv("AIMS_ACTOR", "ana")

    def invoke(*arguments, **options):
        result = CliRunner().invoke(app, ["record", *arguments], **options)
        if isinstance(result.exception, AimsError):
            raise result.exception
        return result

    return invoke


@pytest.mark.parametrize("name", REGISTERS)
def test_template_is_yaml_with_every_field(run, name):
    text = run("add", "--template", name).stdout
    assert parse_yaml(text, path="t").data["register"] == name
    for field in fields_of(REGISTERS[name]):
        assert f"{field.name}:" in text
    everything = text.replace("# ", "", 0)
    commented = "\n".join(line.removeprefix("# ") for line in everything.splitlines())
    assert set(parse_yaml(commented, path="t").data) == {
        "register",
        *(field.name for field in fields_of(REGISTERS[name])),
    }


def test_entry_from_file_is_changed_signed_listed_and_shown(run, organisation):
    (organisation.root / "r.yaml").write_text(
        "register: risk\nid: R-1\ntitle: Wrongly refused\nowner: bo\nsource: postcode\n"
        "before: {likelihood: 4, impact: 5}\nsystems: [loans]\n"
    )
    assert "risk R-1 added" in run("add", "--from", "r.yaml").stdout
    run("change", "R-1", "--set", "after={likelihood: 2, impact: 5}", "--set", "due=2027-01-31")
    run("change", "R-1", "--set", "after.impact=4", "--set", "due=null", "--reason", "done")
    signed = run("approve", "risk/R-1", "--as", "bo", "--yes")
    assert "risk R-1 is accepted" in signed.stdout
    listed = json.loads(run("list", "risk", "--system", "loans", "--json").stdout)
    assert [(one["id"], one["state"], one["approved_by"]) for one in listed] == [
        ("R-1", "accepted", "bo")
    ]
    assert listed[0]["content"]["after"] == {"likelihood": 2, "impact": 4}
    assert "due" not in listed[0]["content"]
    shown = run("show", listed[0]["steps"][1][:10]).stdout
    assert "state  accepted" in shown
    assert "change  by ana: done" in shown
    run("close", "R-1", "--reason", "it cannot happen any more")
    assert "no entry" in run("list", "risk").stdout
    assert "closed" in run("list", "risk", "--all").stdout


def test_what_is_shown_at_signing_is_kept_as_it_was(run, organisation):
    (organisation.root / "p.md").write_text(
        "---\nregister: document\nid: ai-policy\ntitle: AI policy\ntype: ai-policy\n"
        'version: "1"\nauthor: ana\n---\nWe use AI to help clerks.\n'
    )
    run("add", "--from", "p.md")
    said = json.loads(run("approve", "ai-policy", "--as", "cy", "--yes", "--json").stdout)
    assert said["counts"]
    record = organisation.store.get(said["record"])
    shown = organisation.store.get_blob(record.evidence.body["shown_blob"]).decode()
    assert "We use AI to help clerks." in shown
    assert organisation.entry("ai-policy").digest in shown
    run("acknowledge", "ai-policy", "--as", "di", "--yes")
    assert "read by di" in run("show", "ai-policy").stdout


def test_terminal_asks_field_by_field(organisation, monkeypatch):
    """In a real terminal, answered as a person would."""
    monkeypatch.setenv("AIMS_ACTOR", "ana")
    terminal, inside = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "aims_mlops", "record", "add", "improvement"],
        cwd=organisation.root,
        stdin=inside,
        stdout=inside,
        stderr=inside,
    )
    os.close(inside)
    answers = b"I-9\nOne list\nkeep suppliers in one place\nana\n\n\n5.2, A.2.2\n2099-01-31\n"
    os.write(terminal, answers)
    shown = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(terminal)
    assert process.wait(timeout=120) == 0, shown.decode()
    entry = organisation.entry("I-9")
    assert (entry.title, entry.owner, entry.due) == ("One list", "ana", "2099-01-31")
    assert entry.body.serves == ["5.2", "A.2.2"]
    assert b"due (YYYY-MM-DD)" in shown


def test_nobody_is_asked_where_there_is_no_terminal(run):
    result = run("add", "risk", input="R-1\n")
    assert result.exit_code == 2
    assert "nobody can be asked here" in result.stderr


def test_field_that_the_register_does_not_have_is_refused_with_the_nearest(run, organisation):
    organisation.add("risk")
    with pytest.raises(AimsError, match="risk has no field 'tretment'; expected treatment"):
        run("change", "R-1", "--set", "tretment=avoid")
    with pytest.raises(AimsError, match="the id of an entry stays"):
        run("change", "R-1", "--set", "id=R-2")


def test_signature_that_will_not_count_is_said_so(run, organisation):
    organisation.add("risk")
    text = (organisation.root / "aims.yaml").read_text()
    changed = text.replace("{id: bo, roles", "{id: zoe, roles").replace("owner: bo", "owner: ana")
    organisation.add("improvement")
    (organisation.root / "aims.yaml").write_text(changed)
    from aims_mlops.approvals.enrol import enrol

    enrol(organisation.project, organisation.store, person="zoe")
    result = run("approve", "I-1", "--as", "zoe", "--yes")
    assert result.exit_code == 1
    assert "It does not count" in result.stdout
    assert "nobody has confirmed" in result.stdout
