"""What the gate decides, on evidence that a real log holds."""

from datetime import UTC, datetime, timedelta

import pytest


def rules(decision):
    return {reason.rule: reason.outcome for reason in decision.refusals}


def test_everything_in_place_is_allowed(world):
    decision = world.decide(world.ready())
    assert decision.verdict == "allowed"
    assert decision.exit_code == 0
    assert decision.refusals == ()
    assert set(decision.consent) == {"bo"}
    assert all(r.outcome == "pass" for r in decision.reasons)


def test_unrecorded_model_is_refused_for_every_lack(world):
    world.train("other")
    model = world.models["other"]
    stranger = type(model)(uri="sha256:" + "0" * 64, sha256="0" * 64)
    found = rules(world.decide(stranger))
    assert found == {
        "model.is-recorded": "missing",
        "system.is-declared": "missing",
        "evidence.run": "missing",
        "evidence.dataset": "missing",
        "evidence.performance": "missing",
        "performance.recall": "insufficient",
        "assessment.submitted": "missing",
        "approvals.count": "missing",
    }


def test_every_refusal_says_what_was_observed_the_limit_and_what_to_do(world):
    model = world.train(figures=[{"measure": "recall_score", "group": None, "value": 0.1,
                                  "low": 0.05, "high": 0.2, "n": 90}])  # fmt: skip
    decision = world.decide(model)
    assert decision.verdict == "refused"
    assert decision.exit_code == 1
    assert rules(decision)["performance.recall"] == "fail"
    for reason in decision.refusals:
        assert reason.observed
        assert reason.limit
        assert reason.next_step not in ("", "none"), reason.rule


def test_failing_figure_is_not_hidden_by_a_second_friendlier_evaluation(world, bad, good):
    model = world.train(figures=bad)
    world.measure(model, good)
    world.submit(model)
    world.approve(model)
    assert rules(world.decide(model)) == {"performance.recall": "fail"}


def test_newest_evaluation_alone_counts_where_the_rule_says_so(world, bad, good):
    text = (world.root / "policies/production.yaml").read_text()
    world.write("policies/production.yaml", text.replace("min: 0.6,", "min: 0.6, use: newest,"))
    model = world.train(figures=bad)
    world.measure(model, good)
    world.submit(model)
    world.approve(model)
    assert world.decide(model).allowed


def test_stale_evidence_is_refused_by_the_clock_of_the_store(world):
    model = world.ready()
    later = datetime.now(UTC) + timedelta(days=31)
    assert rules(world.decide(model, moment=later)) == {"evidence.performance": "stale"}
    much_later = datetime.now(UTC) + timedelta(days=366)
    assert rules(world.decide(model, moment=much_later)) == {
        "evidence.performance": "stale",
        "assessment.submitted": "stale",
        "approvals.count": "fail",
    }


def test_one_data_set_without_evidence_refuses(world):
    text = (world.root / "policies/production.yaml").read_text()
    world.write(
        "policies/production.yaml",
        text.replace("rules:", "  - {id: evidence.quality, kind: data-quality}\nrules:"),
    )
    model = world.ready()
    decision = world.decide(model)
    assert rules(decision) == {"evidence.quality": "missing"}
    assert "0 of 1 datasets" in decision.refusals[0].observed


def test_rule_that_does_not_block_is_shown_and_does_not_refuse(world, bad):
    text = (world.root / "policies/production.yaml").read_text()
    world.write("policies/production.yaml", text.replace("min: 0.6,", "min: 0.6, blocking: false,"))
    decision = world.decide(world.ready(figures=bad))
    assert decision.allowed
    assert [r.outcome for r in decision.reasons if r.rule == "performance.recall"] == ["fail"]


@pytest.mark.parametrize(
    ("figures", "allowed"),
    [
        ([{"measure": "recall_score", "group": None, "value": 0.65, "low": 0.4, "high": 0.9,
           "n": 30}], True),
        ([{"measure": "precision_score", "group": None, "value": 0.9, "low": 0.8, "high": 0.95,
           "n": 300}], False),
    ],
)  # fmt: skip
def test_thin_data_is_let_pass_where_the_rule_says_so_but_a_missing_figure_never(
    world, figures, allowed
):
    text = (world.root / "policies/production.yaml").read_text()
    world.write(
        "policies/production.yaml", text.replace("min: 0.6,", "min: 0.6, insufficient: allow,")
    )
    assert world.decide(world.ready(figures=figures)).allowed is allowed


def test_policy_for_another_target_refuses(world):
    text = (world.root / "policies/production.yaml").read_text()
    world.write("policies/production.yaml", text + "targets: [{name: staging}]\n")
    assert rules(world.decide(world.ready())) == {"policy.is-for-target": "fail"}


def test_pinned_policy_must_be_older_in_the_log_than_the_model(world):
    from aims_mlops.dossier.declarations import declare_policy

    text = (world.root / "policies/production.yaml").read_text()
    world.write("policies/production.yaml", text + "pinned: true\n")
    early = world.ready("before the policy")
    declare_policy(world.store, world.policy, actor="ana")
    late = world.ready("after the policy")
    assert rules(world.decide(early)) == {"policy.is-pinned": "fail"}
    assert world.decide(late).allowed


def test_changed_intended_use_refuses_until_it_is_assessed_again(world):
    model = world.ready()
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace("clerks look at the score", "decides alone"))
    assert rules(world.decide(model)) == {"assessment.intended-use": "fail"}
    world.submit(model)
    world.approve(model)
    assert world.decide(model).allowed


def test_other_models_of_the_system_are_counted_as_attempts(world, bad):
    for name in ("first", "second"):
        world.train(name, figures=bad)
    decision = world.decide(world.ready("third"))
    assert decision.allowed
    assert decision.attempts == 2


def test_same_records_in_another_order_and_twice_give_the_same_decision(world):
    model = world.ready()
    records = list(world.records(model))
    moment = datetime.now(UTC)
    first = world.decide(model, records, moment=moment).to_body()
    again = world.decide(model, [*reversed(records), *records], moment=moment).to_body()
    assert first == again


def test_residual_impact_above_the_limit_refuses(world):
    text = (world.root / "policies/production.yaml").read_text()
    world.write(
        "policies/production.yaml",
        text.replace("{required: true}", "{required: true, residual_impact_max: 4}"),
    )
    impact = (
        "impacts:\n  - {id: h, on: individuals, kind: harm, description: wrong, likelihood: likely,"
        " severity: major, residual_likelihood: unlikely, residual_severity: SEVERITY}\n"
    )
    text = (world.root / "assessment.yaml").read_text()
    model = world.train()
    # unlikely is 2 of 5, moderate is 3 and minor is 2: 6 is above 4, and 4 is not.
    for severity, allowed in (("moderate", False), ("minor", True)):
        world.write("assessment.yaml", text + impact.replace("SEVERITY", severity))
        world.submit(model)
        world.approve(model)
        decision = world.decide(model)
        assert decision.allowed is allowed
        if not allowed:
            assert rules(decision) == {"assessment.residual-impact": "fail"}


def test_data_quality_without_success_refuses_where_the_policy_asks_for_it(world):
    from aims_mlops.evidence.records import Subject

    text = (world.root / "policies/production.yaml").read_text()
    row = "  - {id: evidence.quality, kind: data-quality, success: true}\n"
    world.write("policies/production.yaml", text.replace("rules:", row + "rules:"))
    model = world.train()
    (recorded,) = [r for r in world.records(model) if r.evidence.kind == "dataset"]
    (data,) = recorded.evidence.subjects
    for success in (False, True):
        world.record("data-quality", [Subject("dataset:d", data.sha256)], {"success": success})
        world.submit(model)
        world.approve(model)
        expected = {} if success else {"evidence.quality": "fail"}
        assert rules(world.decide(model)) == expected


def edit(world, file, old, new):
    text = (world.root / file).read_text()
    assert old in text
    world.write(file, text.replace(old, new))


def test_refusing_reasons_come_first_then_what_did_not_pass_then_by_name(world, bad):
    edit(world, "policies/production.yaml", "rules:",
         "  - {id: aa.drift, kind: drift, blocking: false}\n"
         "  - {id: bb.card, kind: model-card}\nrules:")  # fmt: skip
    decision = world.decide(world.ready(figures=bad))
    told = [(r.refuses, r.outcome == "pass", r.rule) for r in decision.reasons]
    assert told[:3] == [
        (True, False, "bb.card"),
        (True, False, "performance.recall"),
        (False, False, "aa.drift"),
    ]
    passed = [rule for _, good, rule in told if good]
    assert [rule for _, _, rule in told[3:]] == passed == sorted(passed)


@pytest.mark.parametrize(
    ("policy", "refuses"),
    [
        ("approvals: {count: 1}", True),
        ("assessment: {required: true}", True),
        ("requires: [{id: evidence.run, kind: run}]", False),
    ],
)
def test_model_of_no_system_is_refused_where_people_have_to_agree(world, policy, refuses):
    model = world.train(system=None)
    world.write("policies/production.yaml", f"id: production\n{policy}\n")
    decision = world.decide(model)
    found = next(r for r in decision.reasons if r.rule == "system.is-declared")
    assert (found.outcome, found.refuses) == ("missing", refuses)


def test_objection_without_a_next_step_gets_one(world):
    from aims_mlops.gates.decision.reason import Objection

    said = Objection(rule="a", observed="o", next_step="wait until May", plugin="freeze")
    silent = Objection(rule="b", observed="o", next_step="", plugin="freeze")
    decision = world.decide(world.ready(), objections=(said, silent))
    steps = {r.rule: r.next_step for r in decision.refusals}
    assert steps == {
        "plugin.freeze.a": "wait until May",
        "plugin.freeze.b": "ask whoever runs the plugin freeze",
    }


def test_notes_say_what_can_not_be_told_and_nothing_else(world):
    model = world.ready()
    assert world.decide(model).notes == ()
    (note,) = world.gate(model, requester="ci-runner").notes
    assert note.startswith("'ci-runner', who asks, is nobody that aims.yaml names: whether it is")
    assert world.gate(world.train("not approved"), requester="ci-runner").notes == ()
    edit(world, "aims.yaml", "systems:\n", "single_user: true\nsystems:\n")
    assert world.gate(model, requester="ci-runner").notes == (
        "single-user mode: separation of duties is not enforced in this project",
    )


def test_break_glass_is_noted_where_it_was_used_and_not_where_nothing_was_missing(world):
    path = world.root / "policies/production.yaml"
    path.write_text(path.read_text() + "break_glass: {allowed: true}\n")
    model = world.train()
    world.submit(model)
    used = world.gate(model, break_glass="fraud wave")
    (note,) = used.notes
    assert note.startswith("break-glass: fraud wave; a nonconformity is open until a second person")
    assert note.endswith("within 24 hours")
    assert (used.allowed, used.broke_glass) == (True, True)
    world.approve(model)
    unused = world.gate(model, requester="ana", break_glass="fraud wave")
    assert (unused.allowed, unused.broke_glass, unused.notes) == (True, False, ())


def test_break_glass_that_is_refused_sets_nothing_aside(world):
    model = world.train()
    world.submit(model)
    decision = world.gate(model, break_glass="fraud wave")
    assert (decision.broke_glass, decision.notes) == (False, ())


def test_pinned_policy_that_is_not_in_the_log_or_judges_no_model_refuses(world):
    path = world.root / "policies/production.yaml"
    path.write_text(path.read_text() + "pinned: true\n")
    model = world.train()
    assert rules(world.decide(model))["policy.is-pinned"] == "fail"
    from aims_mlops.dossier.declarations import declare_policy

    declare_policy(world.store, world.policy, actor="ana")
    stranger = type(model)(uri="sha256:" + "0" * 64, sha256="0" * 64)
    assert rules(world.decide(stranger))["policy.is-pinned"] == "fail"


def test_only_a_hundred_other_models_are_named_and_all_are_counted(log):
    from aims_mlops.evidence.model_reference import ModelReference
    from aims_mlops.gates.decision.decide import decide
    from aims_mlops.gates.decision.request import PromotionRequest
    from aims_mlops.inventory.declared.system import System
    from aims_mlops.policy.policy import policy_from_content

    for number in range(102):
        digest = f"{number:064x}"
        log.write("model", {"sha256": digest}, digest, system="loans")
    model = ModelReference(uri="m", sha256=f"{0:064x}")
    asked = PromotionRequest(
        model=model, target="production", requester="dee", system=System(id="loans")
    )
    policy = policy_from_content({"id": "p", "requires": [{"id": "a.b", "kind": "model"}]})
    decision = decide(asked, policy, log.records, log.then)
    assert (decision.attempts, len(decision.other_models)) == (101, 100)
    assert asked.single_user is False
