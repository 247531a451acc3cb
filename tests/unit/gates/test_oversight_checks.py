"""What is open about a system in operation, and what a policy lets it do to the next promotion."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aims_mlops.evidence.records import Subject
from aims_mlops.gates.decision_validity import valid_decision
from aims_mlops.gates.open_findings import open_about
from aims_mlops.gates.replay import repeat
from aims_mlops.inventory.declared.settings import Settings
from aims_mlops.operations.incident import open_incident
from aims_mlops.operations.nonconformity import open_nonconformity
from aims_mlops.operations.schedule.steps import begin_schedules, rename_system


def _policy(world, text):
    with (world.root / "policies/production.yaml").open("a") as policy:
        policy.write(text)


def _open(world, *, severity="major", what="limit", system="loans"):
    return open_nonconformity(
        world.store,
        key=f"{what}/{system}",
        what=what,
        detail="recall is too low",
        next_step="retrain",
        subjects=[Subject.of_name(f"monitor:{system}/daily")],
        system=system,
        severity=severity,
        now=datetime.now(UTC),
    )


def _reason(decision, rule):
    return next(reason for reason in decision.reasons if reason.rule == rule)


@pytest.mark.parametrize(
    ("asked", "severity", "refused"),
    [
        ("major", "major", True),
        ("major", "minor", False),
        ("minor", "minor", True),
        ("none", "major", False),
    ],
)
def test_open_nonconformity_refuses_from_the_asked_severity_on(world, asked, severity, refused):
    _policy(world, f"oversight: {{nonconformities: {asked}}}\n")
    model = world.ready()
    _open(world, severity=severity)
    decision = world.gate(model)
    assert decision.allowed is not refused
    if refused:
        reason = _reason(decision, "oversight.nonconformities")
        assert "1 open: limit" in reason.observed
        assert "aims nonconformity" in reason.next_step


def test_policy_that_does_not_ask_shows_what_is_open(world):
    model = world.ready()
    _open(world)
    decision = world.gate(model)
    assert decision.allowed
    assert any("1 open: limit" in note for note in decision.notes)


def test_nonconformity_of_another_system_does_not_count(world):
    _policy(world, "oversight: {nonconformities: minor}\n")
    model = world.ready()
    _open(world, system="pricing")
    assert world.gate(model).allowed


@pytest.mark.parametrize(
    "what", ["break-glass", "no-decision", "expired-waiver", "expired-assessment"]
)
def test_what_a_new_decision_cures_does_not_stand_in_its_way(world, what):
    _policy(world, "oversight: {nonconformities: minor}\n")
    model = world.ready()
    _open(world, what=what)
    assert world.gate(model).allowed


def _monitored(world):
    text = (world.root / "aims.yaml").read_text()
    line = '    models: ["loans*"]\n'
    assert line in text
    world.write(
        "aims.yaml", text.replace(line, line + "    monitoring: [{id: hourly, every: 1h}]\n")
    )
    body = {"event": "deployed", "target": "pilot", "where": "x", "model": "a" * 64}
    world.record("deployment", [Subject("model:m", "a" * 64)], body)
    begin_schedules(world.store, world.project, datetime.now(UTC))


@pytest.mark.parametrize(("asked", "refused"), [("refuse", True), ("allow", False)])
def test_missed_monitoring_run_refuses_where_the_policy_says_so(world, asked, refused):
    """The deployment is of now, so that the request is decided as if it were tomorrow."""
    _policy(world, f"oversight: {{missed_runs: {asked}}}\n")
    model = world.ready()
    _monitored(world)
    later = datetime.now(UTC) + timedelta(days=1)
    open_ = open_about(world.store, world.project, world.project.system("loans"), later)
    assert [finding["what"] for finding in open_] == ["missed-run"]
    decision = world.decide(model, oversight=open_)
    assert decision.allowed is not refused
    if refused:
        assert "1 open: missed-run" in _reason(decision, "oversight.monitoring-happened").observed


def test_request_that_does_not_say_what_is_open_is_refused_where_the_policy_asks(world):
    model = world.ready()
    assert world.decide(model, oversight=None).allowed
    _policy(world, "oversight: {nonconformities: major, missed_runs: refuse}\n")
    world.approve(model)
    decision = world.decide(model, oversight=None)
    assert {r.rule for r in decision.refusals} >= {
        "oversight.nonconformities",
        "oversight.monitoring-happened",
    }
    assert all(r.outcome == "error" for r in decision.refusals if r.rule.startswith("oversight."))


def test_refusal_is_repeated_from_the_log_after_the_nonconformity_is_closed(world):
    _policy(world, "oversight: {nonconformities: major}\n")
    model = world.ready()
    opened = _open(world)
    decision = world.gate(model)
    record = world.store.get(decision.record)
    world.record(
        "nonconformity",
        [Subject.of_name("x")],
        {"nonconformity": opened.id, "what": "limit", "state": "closed", "effect": "mended"},
    )
    assert world.gate(model).allowed
    assert not repeat(world.store, record).allowed


def _stands(world, model):
    return valid_decision(
        world.store, model, "production", project=world.project, now=datetime.now(UTC)
    )


@pytest.mark.parametrize(("asked", "stands"), [("refuse", False), ("allow", True)])
def test_what_is_in_use_no_longer_stands_where_the_policy_says_so(world, asked, stands):
    _policy(world, f"oversight: {{nonconformities: major, in_use: {asked}}}\n")
    model = world.ready()
    assert world.gate(model).allowed
    assert _stands(world, model).stands
    _open(world)
    found = _stands(world, model)
    assert found.stands is stands
    world.gate(model)  # a refusal for what is open ends nothing by itself
    assert _stands(world, model).stands is stands
    if not stands:
        assert [reason.rule for reason in found.reasons] == ["oversight.nonconformities"]


def _renamed(world):
    text = (world.root / "aims.yaml").read_text()
    assert "  - id: loans\n" in text
    world.write("aims.yaml", text.replace("  - id: loans\n", "  - id: credit\n"))


def _in_operation(world, model):
    body = {"target": "production", "name": "loans", "alias": "champion", "outcome": "set"}
    said = {"version": "1", "model": model.sha256}
    world.record("promotion", [Subject("model:m", model.sha256)], body | said)


def test_renaming_a_system_in_aims_yaml_turns_no_refusal_into_an_allowance(world):
    _policy(world, "oversight: {nonconformities: major, missed_runs: refuse}\n")
    model = world.ready()
    _in_operation(world, model)
    for number in range(10):
        _open(world, what=f"limit-{number}")
    assert not world.gate(model).allowed
    _renamed(world)
    decision = world.gate(model)
    assert not decision.allowed
    reason = _reason(decision, "oversight.systems-declared")
    assert "1 open: undeclared-system" in reason.observed
    assert "aims system rename" in reason.next_step


def test_renaming_by_a_record_carries_open_nonconformities_over(world):
    _policy(world, "oversight: {nonconformities: major}\n")
    model = world.ready()
    _in_operation(world, model)
    for number in range(10):
        _open(world, what=f"limit-{number}")
    _renamed(world)
    rename_system(
        world.store,
        world.project,
        "loans",
        "credit",
        actor="ana",
        now=datetime.now(UTC),
        reason="a better name",
    )
    decision = world.gate(model)
    assert "10 open" in _reason(decision, "oversight.nonconformities").observed
    assert [r.rule for r in decision.reasons if r.rule == "oversight.systems-declared"] == []


def test_system_that_is_left_out_of_aims_yaml_refuses_a_model_of_no_system(world):
    _policy(world, "oversight: {nonconformities: major}\n")
    model = world.ready()
    _in_operation(world, model)
    open_ = open_about(
        world.store, replace(world.project, settings=Settings()), None, datetime.now(UTC)
    )
    assert [(finding["what"], finding["id"]) for finding in open_] == [("undeclared-system", None)]
    decision = world.decide(model, oversight=open_)
    assert not decision.allowed


def test_incident_ends_the_valid_decision_where_the_policy_asks_for_no_consent(world):
    world.write("policies/production.yaml", "id: p\nrequires:\n  - {id: evidence.run, kind: run}\n")
    model = world.ready()
    assert world.gate(model).allowed
    now = datetime.now(UTC)
    asked = (world.store, model.sha256, "production")
    assert valid_decision(*asked, project=world.project, now=now).stands
    open_incident(
        world.store,
        world.project,
        system="loans",
        title="a whole branch was refused",
        severity="major",
        actor="ana",
        now=now,
    )
    found = valid_decision(*asked, project=world.project, now=datetime.now(UTC))
    assert [reason.rule for reason in found.reasons] == ["decision.no-incident-since"]
    assert world.gate(model).allowed
    assert valid_decision(*asked, project=world.project, now=datetime.now(UTC)).stands
