"""Entries of registers: opened, changed, closed; what stands is folded from the records."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from aims_mlops.errors import DocumentError, EvidenceConflictError
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.management.registers.register import Register
from aims_mlops.management.registers.spec import REGISTERS
from support.registers import EXAMPLES, NOW


def test_every_register_takes_its_example_and_shows_it(organisation):
    for name in REGISTERS:
        organisation.add(name)
    register = organisation.register()
    for name, spec in REGISTERS.items():
        (entry,) = register.of_register(name)
        assert entry.id == EXAMPLES[name]["id"]
        assert entry.state == spec.first_state
        assert entry.record.evidence.kind == spec.kind
        said = entry.to_body(NOW)["content"]
        assert {key: said[key] for key in EXAMPLES[name]} == EXAMPLES[name]


def test_change_is_a_record_and_the_entry_as_it_was_stays(organisation):
    organisation.add("risk")
    organisation.change("R-1", reason="looked at again", title="Another title")
    entry = organisation.entry("risk/R-1")
    assert entry.title == "Another title"
    assert [step.evidence.body["step"] for step in entry.steps] == ["add", "change"]
    assert entry.steps[0].evidence.body["title"] == EXAMPLES["risk"]["title"]


def test_closed_entry_takes_no_change_until_it_is_reopened(organisation):
    organisation.add("improvement")
    organisation.close("I-1")
    assert organisation.entry("I-1").state == "closed"
    with pytest.raises(DocumentError, match="improvement I-1 is closed"):
        organisation.change("I-1", title="later")
    organisation.close("I-1", reopen=True)
    organisation.change("I-1", title="later")
    assert organisation.entry("I-1").state == "open"


def test_past_day_shows_what_the_log_had_received_by_then(organisation):
    organisation.add("risk", effective="2020-01-01")
    first = organisation.entry("R-1")
    organisation.change("R-1", title="Another title")
    before = organisation.entry("R-1", at=parse(first.changed_at))
    assert before.title == EXAMPLES["risk"]["title"]
    earlier = parse(first.opened_at) - timedelta(seconds=1)
    assert organisation.register(at=earlier).all() == ()


def test_entry_of_an_id_that_is_taken_is_refused(organisation):
    organisation.add("risk")
    with pytest.raises(DocumentError, match="there is a risk R-1 already"):
        organisation.add("risk")


def test_step_that_somebody_else_took_meanwhile_is_refused(organisation, monkeypatch):
    organisation.add("risk")
    stale = organisation.register()
    organisation.change("R-1", title="first")
    with monkeypatch.context() as patch:
        patch.setattr("aims_mlops.management.registers.enter.open_register", lambda *_: stale)
        with pytest.raises(EvidenceConflictError, match="nothing was stored"):
            organisation.change("R-1", title="second")
    assert organisation.entry("R-1").title == "first"


def test_step_of_an_entry_that_the_log_does_not_show_is_passed_over(organisation):
    organisation.add("risk")
    record = organisation.change("R-1", title="second")
    assert Register.of([record]).all() == ()


def test_second_entry_of_an_id_in_the_log_does_not_replace_the_first(organisation):
    first = organisation.add("risk")
    body = {**first.evidence.body, "title": "mine"}
    organisation.store.append(replace(first.evidence, body=body), key="forged")
    assert organisation.entry("risk/R-1").record_id == first.id


def test_later_step_that_says_another_id_does_not_rename_the_entry(organisation):
    first = organisation.add("risk")
    body = {**first.evidence.body, "id": "R-2", "risk": first.id, "step": "change"}
    organisation.store.append(replace(first.evidence, body=body), key="forged")
    assert organisation.register().entry("risk", "R-2") is None
    assert organisation.entry("R-1").record_id == first.id


def test_entries_of_a_system_that_was_renamed_go_with_it(organisation):
    organisation.add("risk")
    organisation.store.append(
        Evidence(
            kind="system-rename",
            subjects=(Subject.of_name("system:loans"),),
            body={"from": "loans", "to": "credit", "reason": "another name"},
            actor="ana",
            claimed_at="2026-12-01T09:00:00Z",
            system="credit",
        )
    )
    assert organisation.entry("R-1").systems == ("credit",)
