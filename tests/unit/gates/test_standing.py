"""Which decision may still be acted on; every fall comes about in the log or in aims.yaml."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aims_mlops import plugins
from aims_mlops.approvals.grant_waiver import waive
from aims_mlops.errors import GateUndecidedError, StoreError
from aims_mlops.gates.decision_validity import valid_decision
from aims_mlops.plugins import hookimpl


def _look(world, model, *, days=0.0, target="production"):
    moment = datetime.now(UTC) + timedelta(days=days)
    return valid_decision(world.store, model, target, project=world.project, now=moment)


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


@pytest.fixture
def refused_before(world, good):
    """A model that was refused for want of evidence, and then allowed."""
    made = world.train(figures=None)
    assert world.gate(made).verdict == "refused"
    world.measure(made, good)
    world.submit(made)
    world.approve(made)
    assert world.gate(made).allowed
    return made


def test_decision_after_the_refusal_stands(world, refused_before):
    assert _look(world, refused_before).stands


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
    (found,) = (r for r in _look(world, model).reasons if r.rule == "assessment.not-superseded")
    assert found.observed == "another impact assessment was submitted since"


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
    with pytest.raises(GateUndecidedError, match="no policy decides") as undecided:
        _look(world, model, target="staging")
    assert undecided.value.got == "targets production"


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


def _again(world, body, about, **changes):
    """A decision's record once more, written past our code with other words."""
    return world.record("decision", [about.subject], {**body, **changes})


def test_body_says_which_decision_stands_or_why_none_does(world, model):
    found = _look(world, model)
    assert found.to_body() == {
        "model": model.sha256,
        "target": "production",
        "stands": True,
        "decision": found.record.id,
        "decided_at": found.record.received_at,
        "reasons": [],
    }
    other = world.train("two")
    body = _look(world, other).to_body()
    assert (body["stands"], body["decision"], body["decided_at"]) == (False, None, None)
    assert [reason["rule"] for reason in body["reasons"]] == ["decision.exists"]


def test_decision_about_another_target_or_model_is_none_about_this(world, model):
    body = dict(_look(world, model).record.evidence.body)
    other = world.train("two")
    _again(world, body, other)  # its body still says the first model
    assert _rules(_look(world, other)) == {"decision.exists"}
    _again(world, body, other, model=other.sha256, target="staging")
    assert _rules(_look(world, other)) == {"decision.exists"}


def test_decision_whose_record_is_not_whole_does_not_stand(world, model):
    body = dict(_look(world, model).record.evidence.body)
    asked = dict(body["request"])
    for changes, words in (
        ({"request": None}, "it cannot be made again"),
        ({"request": {**asked, "checkpoint": None}}, "its record is not whole"),
        ({"request": {k: v for k, v in asked.items() if k != "people_sha256"}}, "not whole"),
    ):
        _again(world, body, model, **changes)
        found = _look(world, model)
        (broken,) = (r for r in found.reasons if r.rule == "decision.is-repeatable")
        assert words in broken.observed
        if "people_sha256" in (changes["request"] or {}) or not changes["request"]:
            assert "approvals.count" in _rules(found)  # it does not say what it was bound to


def test_forged_decision_says_which_rules_or_words_differ(world, bad, model):
    weak = world.train("weak", figures=bad)
    refused = world.gate(weak).to_body()
    _again(world, refused, weak, verdict="allowed", allowed=True)
    (found,) = (r for r in _look(world, weak).reasons if r.rule == "decision.is-repeatable")
    assert "performance.recall" in found.observed
    body = dict(_look(world, model).record.evidence.body)
    _again(world, body, model, waivers=["f" * 64])
    (found,) = (r for r in _look(world, model).reasons if r.rule == "decision.is-repeatable")
    assert found.observed.endswith("it is another decision: waivers")


def test_refusal_under_another_policy_ends_nothing(world, model):
    strict = world.root / "strict.yaml"
    text = (world.root / "policies/production.yaml").read_text()
    strict.write_text(text.replace("min: 0.6", "min: 0.99"))
    assert world.gate(model, policy=strict).verdict == "refused"
    assert _look(world, model).stands


def test_refusal_whose_reasons_can_not_be_read_ends_nothing(world, model):
    body = dict(_look(world, model).record.evidence.body)
    for reasons in (None, "performance.recall", ["performance.recall"], [{"rule": "a.b"}]):
        _again(world, body, model, verdict="refused", allowed=False, reasons=reasons)
        assert _look(world, model).stands
    refusing = [{"rule": "performance.recall", "refuses": True}]
    _again(world, body, model, verdict="refused", allowed=False, reasons=refusing)
    (found,) = _look(world, model).reasons
    assert found.rule == "decision.not-refused-since"
    assert "performance.recall" in found.observed


def test_alias_of_another_target_taken_away_ends_nothing(world, model):
    body = {"target": "staging", "alias": "champion", "name": "loans", "outcome": "removed"}
    world.record("promotion", [model.subject], body)
    assert _look(world, model).stands
    _promotion(world, model, "failed")
    assert _look(world, model).stands


def test_alias_in_another_case_and_another_model_of_that_name_are_others(world, model):
    _promotion(world, model, "set", alias="Champion")
    _promotion(world, model, "removed", alias="champion")  # MLflow tells them apart
    assert _look(world, model).stands
    _promotion(world, model, "removed", alias="Champion")
    assert _rules(_look(world, model)) == {"decision.not-demoted"}
    _promotion(world, model, "set", name="other")
    assert _look(world, model).stands


def test_model_whose_system_is_gone_from_aims_yaml_does_not_stand(world, model):
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace("id: loans", "id: lendings"))
    assert "system.is-declared" in _rules(_look(world, model))


def test_policy_that_asks_nobody_needs_no_system(world):
    text = "id: production\nrequires: [{id: evidence.run, kind: run}]\n"
    world.write("policies/production.yaml", text)
    model = world.train(system=None)
    assert world.gate(model).allowed
    assert _look(world, model).stands
    world.write("policies/production.yaml", text + "assessment: {required: true}\n")
    assert not _look(world, model).stands


@pytest.mark.parametrize("asked", ["assessment: {required: true}", "approvals: {count: 1}"])
def test_policy_that_asks_people_needs_a_system(world, asked):
    world.write("policies/production.yaml", f"id: production\n{asked}\n")
    model = world.ready()
    assert world.gate(model).allowed
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace("id: loans", "id: lendings"))
    assert "system.is-declared" in _rules(_look(world, model))


def test_evidence_that_came_while_the_gate_decided_is_decided_about(world, bad):
    """Its record stands behind all that it is about: an older log can be no excuse for another."""
    model = world.ready()

    class Busy:
        @hookimpl
        def before_promotion_decided(self, request):
            world.measure(model, bad)
            return []

    plugins.manager().register(Busy(), "busy")
    try:
        assert not world.gate(model).allowed
    finally:
        plugins.manager().unregister(name="busy")
    assert not _look(world, model).stands
