"""Coverage counts what people declared and others approved; never as a machine's evidence."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner

from aims_mlops.cli.main import app
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.controls import CONTROLS
from aims_mlops.evidence.store import signed
from aims_mlops.inventory.project import forget_stores
from aims_mlops.report.coverage.coverage import cover
from aims_mlops.report.coverage.declared import declarations
from aims_mlops.report.coverage.page import as_html, as_json, as_text
from support.registers import Organisation


@pytest.fixture
def firm(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    forget_stores()
    return Organisation(tmp_path).set_up()


def covered(firm, days=0, system=None):
    records = list(signed(firm.store).find())
    now = parse(records[-1].received_at) + timedelta(days=days)
    said = declarations(firm.register(), now, system=system)
    return cover(records, now, system=system, declared=said)


def row(firm, id_, **how):
    return next(r for r in covered(firm, **how).controls if r.control.id == id_)


def test_organisational_control_is_declared_only_once_another_person_approved(firm):
    firm.add("document", serves=["A.2.2"])
    draft = row(firm, "A.2.2")
    assert draft.state == "needs a person's record"
    assert draft.shortfalls[0].why == "nobody approved it"
    firm.approve("document/ai-policy", by="cy")
    found = row(firm, "A.2.2")
    assert found.state == "declared by a person"
    assert found.evidence == ()  # no record of a pipeline
    assert found.shortfalls == ()
    report = covered(firm)
    assert as_json(report)["states"]["declared by a person"] == 1
    (said,) = next(c for c in as_json(report)["controls"] if c["id"] == "A.2.2")["declared"]
    assert (said["id"], said["approved_by"], said["counts"]) == ("ai-policy", "cy", True)
    assert "Declared by a person for A.2.2: document ai-policy, approved by cy" in as_text(report)
    assert "Declared by a person: <bdi>document ai-policy" in as_html(report)


def test_lapsed_entry_makes_the_control_out_of_date_whatever_else_is_approved(firm):
    firm.add("document", serves=["A.2.2"], review="2027-12-01")
    firm.approve("document/ai-policy", by="cy")
    firm.add("resource", serves=["A.2.2"], review="2099-12-01")
    firm.approve("resource/RE-1", by="bo")
    assert row(firm, "A.2.2").state == "declared by a person"
    late = row(firm, "A.2.2", days=5 * 365)
    assert late.state == "out of date"
    assert [s.why for s in late.shortfalls] == ["past its review, or expired"]


def test_draft_of_the_next_version_neither_ends_nor_widens_what_is_approved(firm):
    firm.add("document", serves=["A.2.2"])
    firm.approve("document/ai-policy", by="cy")
    firm.change(
        "document/ai-policy",
        version="2",
        serves=["A.2.2", "A.2.3"],
        review="2099-01-01",
        link={"url": "https://wiki.example.org/2", "sha256": "cd" * 32},
    )
    assert row(firm, "A.2.2").state == "declared by a person"
    assert row(firm, "A.2.3").state == "needs a person's record"
    assert row(firm, "A.2.2", days=5 * 365).state == "out of date"  # version 1 says by when


def test_closed_entry_counts_no_longer(firm):
    firm.add("resource", serves=["A.2.2"])
    firm.approve("resource/RE-1", by="bo")
    assert row(firm, "A.2.2").state == "declared by a person"
    firm.close("resource/RE-1")
    assert row(firm, "A.2.2").state == "needs a person's record"


def test_entry_about_one_system_says_nothing_about_another(firm):
    firm.add("resource", serves=["A.2.2"])
    firm.approve("resource/RE-1", by="bo")
    assert row(firm, "A.2.2", system="loans").state == "declared by a person"
    assert row(firm, "A.2.2", system="support-bot").state == "needs a person's record"


def test_person_who_declares_every_control_makes_none_machine_evidenced(firm):
    firm.add("resource", serves=list(CONTROLS))
    firm.approve("resource/RE-1", by="bo")
    records = list(signed(firm.store).find())
    without = cover(records, parse(records[-1].received_at))
    for found, alone in zip(covered(firm).controls, without.controls, strict=True):
        if found.control.klass == "organisational":
            assert found.state == "declared by a person"
        else:
            assert found.state == alone.state, found.control.id
            assert found.evidence == alone.evidence
        assert (found.declared == ()) == (found.control.klass == "machine")


def test_commands_count_it_and_the_person_alone_is_not_named_as_owed(firm):
    firm.add("document", serves=["A.2.2"])
    firm.approve("document/ai-policy", by="cy")
    done = CliRunner().invoke(app, ["report", "coverage", "--json"])
    assert json.loads(done.stdout)["states"]["declared by a person"] == 1
    text = CliRunner().invoke(app, ["report", "coverage"]).stdout
    assert "1 declared by a person" in text
    owed = text.split("Records of people, outside this store:")[1]
    assert "A.2.2" not in owed
