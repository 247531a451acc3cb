"""Which decision may still be acted on; every fall comes about in the log or in aims.yaml."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aims_mlops.assessments.granting import waive
from aims_mlops.errors import GateUndecidedError, StoreError
from aims_mlops.gates.standing import standing_decision


def _look(world, model, *, days=0.0, target="production"):
    moment = datetime.now(UTC) + timedelta(days=days)
    return standing_decision(world.store, model, target, project=world.project, now=moment)


def _rules(found):
    return {reason.rule for reason in found.reasons}


def _promotion(world, model, outcome, *, alias="champion", name="loans"):
    world.record(
        "promotion",
        [model.subject],
        {"target": "production", "alias": alias, "name": name, "version": "1", "outcome": outcome,
         "model": model.sha256},
    )  # fmt: skip


@pytest.fixture
def model(world):
    made = world.ready()
    assert world.gate(made).allowed
    return made


def test_allowed_content_stands_under_its_decision(world, model):
    found = _look(world, model)
    assert found.stands
    assert found.reasons == ()
    assert found.record.evidence.kind == "decision"


def test_alias_of_a_target_means_the_target(world, model):
    assert _look(world, model, target="Champion").stands


def test_bare_digest_finds_the_same_decision(world, model):
    assert _look(world, model.sha256).record.id == _look(world, model).record.id


def test_content_that_was_never_decided_about_does_not_stand(world, model):
    other = world.train("two")
    found = _look(world, other)
    assert not found.stands
    assert _rules(found) == {"decision.exists"}
    assert found.record is None


def test_only_refused_content_says_when_it_was_refused(world, bad):
    refused = world.train("weak", figures=bad)
    record = world.gate(refused).record
    found = _look(world, refused)
    assert _rules(found) == {"decision.exists"}
    assert record[:8] in found.reasons[0].observed


def test_revoked_approval_ends_the_decision(world, model):
    world.approve(model, verdict="revoke", reason="a customer complained")
    assert "approvals.count" in _rules(_look(world, model))


def test_approver_without_the_role_today_ends_the_decision(world, model):
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace("{id: bo, roles: [risk-owner]", "{id: bo, roles: [qa]"))
    assert "approvals.count" in _rules(_look(world, model))


def test_later_refusal_of_the_same_content_ends_the_decision(world, model, bad):
    world.measure(model, bad)
    assert not world.gate(model).allowed
    assert "decision.not-refused-since" in _rules(_look(world, model))


def test_question_by_the_approver_ends_nothing(world, model):
    asked = world.gate(model, requester="bo")
    assert asked.verdict == "refused"  # whoever asks may not be the approver
    assert _look(world, model).stands


def test_decision_after_the_refusal_stands(world, good):
    model = world.train(figures=None)
    assert world.gate(model).verdict == "refused"
    world.measure(model, good)
    world.submit(model)
    world.approve(model)
    assert world.gate(model).allowed
    assert _look(world, model).stands


def test_new_evidence_alone_ends_nothing(world, model, bad):
    world.measure(model, bad)
    assert _look(world, model).stands


def test_assessment_older_than_the_policy_allows_ends_the_decision(world, model):
    assert _look(world, model, days=360).stands
    assert _rules(_look(world, model, days=366)) == {"assessment.submitted"}


def test_newer_assessment_ends_the_decision(world, model):
    text = (world.root / "assessment.yaml").read_text()
    world.write("assessment.yaml", text.replace("version one", "version two"))
    world.submit(model)
    assert "assessment.not-superseded" in _rules(_look(world, model))


def test_changed_policy_ends_the_decision(world, model):
    text = (world.root / "policies/production.yaml").read_text()
    world.write("policies/production.yaml", text.replace("min: 0.6", "min: 0.7"))
    assert _rules(_look(world, model)) == {"policy.is-in-force"}


def test_decision_under_a_laxer_policy_never_stands(world, tmp_path):
    model = world.train()
    lax = tmp_path / "lax.yaml"
    lax.write_text("id: lax\nrequires:\n  - {id: evidence.run, kind: run}\n")
    assert world.gate(model, policy=lax).allowed
    assert _rules(_look(world, model)) == {"policy.is-in-force"}


def test_forged_decision_record_does_not_stand(world, model):
    other = world.train("two")
    body = dict(_look(world, model).record.evidence.body)
    world.record("decision", [other.subject], {**body, "model": other.sha256})
    found = _look(world, other)
    assert "decision.is-repeatable" in _rules(found)


def test_forged_decision_about_a_refused_model_does_not_stand(world, bad):
    weak = world.train("weak", figures=bad)
    body = world.gate(weak).to_body()
    forged = {**body, "verdict": "allowed", "allowed": True, "reasons": []}
    world.record("decision", [weak.subject], forged)
    assert {"decision.is-repeatable", "approvals.count"} <= _rules(_look(world, weak))


def test_promotion_taken_away_ends_the_decision(world, model):
    _promotion(world, model, "set")
    assert _look(world, model).stands
    _promotion(world, model, "removed")
    assert _rules(_look(world, model)) == {"decision.not-demoted"}


def test_promotion_that_another_alias_still_holds_is_not_taken_away(world, model):
    _promotion(world, model, "set")
    _promotion(world, model, "set", alias="production")
    _promotion(world, model, "removed")
    assert _look(world, model).stands


def test_decision_after_the_demotion_stands(world, model):
    _promotion(world, model, "set")
    _promotion(world, model, "removed")
    assert world.gate(model).allowed
    assert _look(world, model).stands


def test_other_data_behind_the_same_content_ends_the_decision(world, model):
    body = {"name": "one", "sha256": model.sha256,
            "datasets": [{"name": "e", "role": "train", "sha256": "e" * 64}]}  # fmt: skip
    world.record("model", [model.subject], body, run="f" * 32)
    assert "decision.same-data" in _rules(_look(world, model))


def test_model_of_another_system_by_then_ends_the_decision(world, model):
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace("intended_use: clerks look", "intended_use: robots look"))
    assert "assessment.intended-use" in _rules(_look(world, model))


def test_target_without_a_policy_could_not_be_decided(world, model):
    with pytest.raises(GateUndecidedError, match="no policy decides"):
        _look(world, model, target="staging")


def test_store_that_is_away_raises(world, model, monkeypatch):
    monkeypatch.setenv("AIMS_STORE_URL", "http://127.0.0.1:9")  # the discard port: nobody answers
    monkeypatch.setenv("AIMS_TOKEN", "none")
    with pytest.raises(StoreError):
        _look(world, model)


def _waived_policy(world):
    text = (world.root / "policies/production.yaml").read_text()
    return text + "waivers: {allowed: true, max_days: 30, roles: [security]}\n"


def test_expired_waiver_ends_the_decision(world, bad):
    world.write("policies/production.yaml", _waived_policy(world))
    model = world.train("weak", figures=bad)
    world.submit(model)
    world.approve(model)
    waive(
        world.project,
        world.store,
        model,
        world.policy,
        rule="performance.recall",
        target="production",
        reason="pilot",
        compensating_measure="every case is looked at",
        days=10,
        requester="dee",
        approver="cy",
    )
    assert world.gate(model).allowed
    assert _look(world, model, days=9).stands
    assert _rules(_look(world, model, days=11)) == {"waiver.stands"}


def test_broken_glass_nobody_looked_at_in_time_ends_the_decision(world):
    text = (world.root / "policies/production.yaml").read_text()
    glass = "break_glass: {allowed: true, roles: [developer], second_person_within_hours: 24}\n"
    world.write("policies/production.yaml", text + glass)
    model = world.train()
    world.submit(model)
    assert world.gate(model, break_glass="the old model is down").allowed
    assert _look(world, model, days=0.5).stands
    assert _rules(_look(world, model, days=2)) >= {"break-glass.in-time"}
