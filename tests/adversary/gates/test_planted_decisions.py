"""Whoever may push evidence writes a decision that the gate never made; nothing runs by it."""

import re
from datetime import UTC, datetime, timedelta

from aims_mlops.evidence.records import Subject
from aims_mlops.gates.decision_validity import valid_decision
from aims_mlops.operations.nonconformity import open_nonconformity

GLASS = "\nbreak_glass: {allowed: true, roles: [security]}\n"


def plant(world, model, *, actor="dee", people=None, moment=None, size=None, **request):
    """The record of a decision that allows, right in every word that can be computed."""
    status = world.store.status()
    size = status.size if size is None else size
    people = people or world.project.humans
    world.store.put_blob(people.to_json(), media_type="application/json")
    records = [record for record in world.records(model) if record.sequence < size]
    decision = world.decide(
        model, records, moment=moment, checkpoint=f"{size} {status.root}", **request
    )
    body = decision.to_body()
    body["request"]["people_sha256"] = people.digest
    assert decision.allowed
    world.record("decision", [model.subject], body, actor=actor)


def rules(world, model):
    found = valid_decision(
        world.store, model, "production", project=world.project, now=datetime.now(UTC)
    )
    return {reason.rule for reason in found.reasons}


def test_decision_from_before_the_bad_figures_does_not_stand(world, bad):
    """Not even when they came a moment ago: the gate itself would have decided anew."""
    model = world.ready()
    size = world.store.status().size
    world.measure(model, bad)
    assert not world.gate(model, record=False).allowed
    plant(world, model, size=size)
    assert "decision.is-repeatable" in rules(world, model)


def test_decision_that_leaves_out_what_was_open_about_the_system_does_not_stand(world):
    with (world.root / "policies/production.yaml").open("a") as policy:
        policy.write("oversight: {nonconformities: major, in_use: allow}\n")
    model = world.ready()
    open_nonconformity(
        world.store,
        key="limit/loans",
        what="limit",
        detail="recall is too low",
        next_step="retrain",
        subjects=[Subject.of_name("monitor:loans/daily")],
        system="loans",
        severity="major",
        now=datetime.now(UTC),
    )
    assert not world.gate(model, record=False).allowed
    plant(world, model, oversight=())
    assert "decision.is-repeatable" in rules(world, model)


def test_decision_of_the_gate_stands_though_the_log_went_on(world):
    """The same questions asked of a true decision: nothing speaks against it."""
    with (world.root / "policies/production.yaml").open("a") as policy:
        policy.write("oversight: {nonconformities: major, in_use: allow}\n")
    model = world.ready()
    assert world.gate(model).allowed
    world.measure(world.train("another"), [], actor="dee")
    assert rules(world, model) == set()


def test_decision_dated_back_to_when_the_evidence_was_fresh_does_not_stand(world):
    model = world.ready()
    plant(world, model, moment=datetime.now(UTC) - timedelta(days=2))
    assert "decision.is-repeatable" in rules(world, model)


def test_decision_asked_for_in_anothers_name_does_not_stand(world):
    model = world.ready()
    plant(world, model, actor="ana")
    assert "decision.is-repeatable" in rules(world, model)


def test_glass_broken_in_the_name_of_somebody_who_may_does_not_stand(world):
    text = (world.root / "policies/production.yaml").read_text()
    world.write("policies/production.yaml", text + GLASS)
    model = world.train()
    assert not world.gate(model, break_glass="urgent").allowed  # dee may not
    assert not world.gate(model).allowed
    cy = world.gate(model, requester="cy", break_glass="urgent", record=False)
    assert cy.allowed
    world.store.put_blob(world.project.humans.to_json(), media_type="application/json")
    world.record("decision", [model.subject], cy.to_body(), actor="dee")
    assert "decision.is-repeatable" in rules(world, model)


def test_glass_broken_with_a_role_that_only_the_forger_gave_does_not_stand(world):
    text = (world.root / "policies/production.yaml").read_text()
    world.write("policies/production.yaml", text + GLASS)
    model = world.train()
    true = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", re.sub(r"id: dee, roles: \[", "id: dee, roles: [security, ", true))
    dee = world.gate(model, break_glass="urgent", record=False)
    assert dee.allowed
    world.store.put_blob(world.project.humans.to_json(), media_type="application/json")
    world.write("aims.yaml", true)
    world.record("decision", [model.subject], dee.to_body(), actor="dee")
    assert rules(world, model) & {"decision.is-repeatable", "break-glass.is-allowed"}
