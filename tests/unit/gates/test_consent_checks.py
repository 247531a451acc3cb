"""Assessment and approvals held against the policy: days, words, next steps."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aims_mlops.approvals.consent import Involved
from aims_mlops.approvals.delegate import delegate
from aims_mlops.approvals.separation_of_duties import involved_in, last_incident
from aims_mlops.dossier.dossier import Dossier
from aims_mlops.evidence.clock import parse, stamp
from aims_mlops.evidence.records import Subject
from aims_mlops.gates.decision_validity import valid_decision


def edit(world, file, old, new):
    text = (world.root / file).read_text()
    assert old in text
    world.write(file, text.replace(old, new))


def reason(decision, rule):
    return next(r for r in decision.reasons if r.rule == rule)


def received(world, kind):
    return parse(next(iter(world.store.find(kind=kind))).received_at)


def test_assessment_is_fresh_to_the_very_day_of_the_limit(world):
    model = world.ready()
    end = received(world, "impact-assessment") + timedelta(days=365)
    found = reason(world.decide(model, moment=end), "assessment.submitted")
    assert (found.outcome, found.limit) == (
        "pass",
        "a submitted impact assessment, at most 365 days old",
    )
    assert found.observed.startswith("365 days old, record ")
    later = world.decide(model, moment=end + timedelta(seconds=1))
    assert reason(later, "assessment.submitted").outcome == "stale"


def test_approval_is_fresh_to_the_very_day_of_the_limit(world):
    model = world.ready()
    end = received(world, "approval") + timedelta(days=180)
    assert reason(world.decide(model, moment=end), "approvals.count").outcome == "pass"
    later = world.decide(model, moment=end + timedelta(seconds=1))
    assert reason(later, "approvals.count").outcome == "fail"


def submitted_by_hand(world, model, **changes):
    """An assessment's record with another body or system, written past our code."""
    record = world.submit(model)
    body = {**record.evidence.body, **changes.pop("body", {})}
    world.record("impact-assessment", record.evidence.subjects, body, **changes)


def test_assessment_of_another_system_written_past_our_code_fails(world):
    model = world.train()
    submitted_by_hand(world, model, system="toys")
    found = reason(world.decide(model), "assessment.submitted")
    assert (found.outcome, found.observed) == ("fail", "it is about the AI system 'toys'")


def test_intended_use_is_compared_only_where_the_assessment_states_one(world):
    model = world.train()
    submitted_by_hand(world, model, body={"intended_use": None})
    rules = [r.rule for r in world.decide(model).reasons]
    assert "assessment.submitted" in rules
    assert "assessment.intended-use" not in rules
    world.submit(model)
    found = reason(world.decide(model), "assessment.intended-use")
    assert (found.outcome, found.observed, found.next_step) == ("pass", "as assessed", "none")


def test_residual_impact_that_is_not_stated_refuses(world):
    edit(world, "policies/production.yaml", "{required: true}",
         "{required: true, residual_impact_max: 4}")  # fmt: skip
    model = world.train()
    for value, outcome, words in (
        (None, "fail", "not stated"),
        ("3", "fail", "3 at most"),
        (5, "fail", "5 at most"),
        (4, "pass", "4 at most"),
    ):
        submitted_by_hand(world, model, body={"residual_impact_max": value})
        found = reason(world.decide(model), "assessment.residual-impact")
        assert (found.outcome, found.observed) == (outcome, words)
        assert (found.next_step == "none") == (outcome == "pass")


def test_assessment_that_nobody_wrote_has_no_author(world):
    model = world.train()
    for author in ("", None, 7, ["ana"]):
        submitted_by_hand(world, model, body={"author": author})
        dossier = Dossier.of(model.sha256, "loans", world.records(model))
        assert involved_in(dossier, "dee") == Involved(
            author=frozenset(),
            submitter=frozenset({"ana"}),
            trainer=frozenset({"ana"}),
            requester=frozenset({"dee"}),
        )
    assert involved_in(dossier, "").requester == frozenset()
    nothing = Dossier.of(model.sha256, "loans", [])
    assert involved_in(nothing, "dee") == Involved(requester=frozenset({"dee"}))


def test_last_incident_is_the_last_that_was_opened(world):
    model = world.train()

    def last():
        return last_incident(Dossier.of(model.sha256, "loans", world.records(model)))

    subject = [Subject.of_name("system:loans")]
    assert last() == -1
    first = world.record("incident", subject, {"title": "without a step"})
    world.record("incident", subject, {"step": "close"})
    assert last() == first.sequence
    second = world.record("incident", subject, {"step": "open"})
    assert last() == second.sequence


def test_missing_approval_says_who_and_how(world):
    model = world.train()
    world.submit(model)
    found = reason(world.decide(model), "approvals.count")
    assert (found.outcome, found.observed) == ("missing", "0")
    assert found.limit == "1 by risk-owner, not by the author, submitter, trainer, requester"
    assert (
        found.next_step == f"aims assess approve --model {model.uri} --for production --as PERSON"
    )


def test_approval_that_does_not_count_is_told_where_approvals_lack_and_only_there(world):
    model = world.train()
    world.submit(model)
    record = world.approve(model, "dee")
    found = reason(world.decide(model), "approvals.count")
    assert found.outcome == "fail"
    assert found.observed.startswith(f"0; approval {record.id[:8]} does not count: dee holds none")
    world.approve(model, "bo")
    found = reason(world.decide(model), "approvals.count")
    assert (found.outcome, found.observed, found.next_step) == ("pass", "1 (bo)", "none")


def test_policy_without_roles_takes_any_other_person(world):
    edit(world, "policies/production.yaml", "count: 1, roles: [risk-owner]", "count: 1, not_by: []")
    model = world.train()
    world.submit(model)
    found = reason(world.decide(model), "approvals.count")
    assert found.limit == "1 by another person, not by the nobody"
    world.approve(model, "ana")
    assert world.decide(model).allowed


def test_role_that_nobody_has_is_to_be_given(world):
    edit(world, "policies/production.yaml", "roles: [risk-owner]", "roles: [ethics, law]")
    model = world.train()
    world.submit(model)
    found = reason(world.decide(model), "approvals.count")
    assert found.next_step == "give somebody under people in aims.yaml the role ethics or law"


@pytest.mark.parametrize("allow", [True, False])
def test_single_user_is_told_to_add_a_second_person_where_the_policy_refuses(world, allow):
    edit(world, "aims.yaml", "systems:\n", "single_user: true\nsystems:\n")
    if allow:
        edit(world, "policies/production.yaml", "count: 1,", "count: 1, single_user: allow,")
    model = world.train()
    world.submit(model)
    found = reason(world.decide(model), "approvals.count")
    second = "add a second person under people in aims.yaml, who then approves"
    assert (found.next_step == second) is not allow
    world.approve(model, "bo")
    assert reason(world.decide(model), "approvals.count").next_step == "none"


def test_each_role_says_who_holds_it_and_who_could(world):
    edit(world, "policies/production.yaml", "roles: [risk-owner]",
         "roles: [risk-owner, security, ethics], each_role: true")  # fmt: skip
    model = world.train()
    world.submit(model)
    world.approve(model, "bo")
    decision = world.decide(model)
    told = {
        role: (found.outcome, found.observed, found.next_step)
        for role in ("risk-owner", "security", "ethics")
        for found in [reason(decision, f"approvals.role-{role}")]
    }
    approve = f"aims assess approve --model {model.uri} --for production --as PERSON"
    assert told == {
        "risk-owner": ("pass", "bo", "none"),
        "security": ("missing", "none", f"one of cy runs {approve}"),
        "ethics": (
            "missing",
            "none",
            "give somebody under people in aims.yaml the role ethics",
        ),
    }


def test_role_by_delegation_counts_among_each_role(world):
    edit(world, "policies/production.yaml", "count: 1, roles: [risk-owner]",
         "count: 2, roles: [risk-owner, security], each_role: true")  # fmt: skip
    model = world.train()
    world.submit(model)
    delegate(world.project, world.store, giver="cy", to="dee", roles=["security"], days=3,
             reason="holiday")  # fmt: skip
    world.approve(model, "bo")
    assert not world.gate(model, requester="ana").allowed
    world.approve(model, "dee")
    assert world.gate(model, requester="ana").allowed


def test_returned_and_rejected_are_told_apart(world):
    model = world.train()
    world.submit(model)
    world.approve(model, "bo", verdict="return", reason="say more")
    world.approve(model, "cy", verdict="reject", reason="unfair")
    found = [r for r in world.decide(model).reasons if r.rule == "approvals.no-rejection"]
    assert [r.observed for r in found] == ["bo returned it: say more", "cy rejected it: unfair"]
    approve = f"aims assess approve --model {model.uri} --for production --as PERSON"
    assert found[0].next_step == f"settle it with bo, who can then approve: {approve}"


def test_version_created_again_since_the_approval_says_so(world):
    model = replace(world.ready(), name="loans", version="1", registry="sqlite:///a.db")
    approved = received(world, "approval")

    def created(moment):
        return replace(model, created_at=stamp(moment))

    assert world.gate(created(approved - timedelta(days=1))).allowed
    same = world.gate(created(approved))
    assert same.verdict == "allowed"
    later = world.gate(created(approved + timedelta(microseconds=1)))
    assert later.verdict == "refused"
    why = f"version 1 of 'loans' was created again at {stamp(approved + timedelta(microseconds=1))}"
    assert why in str([words for _, words in later.uncounted])


def test_version_created_again_since_the_submission_needs_a_new_one_where_nobody_approves(world):
    edit(world, "policies/production.yaml", "approvals:", "# approvals:")
    model = world.train()
    world.submit(model)
    submitted = received(world, "impact-assessment")
    version = replace(model, name="loans", version="1", registry="sqlite:///a.db")
    assert world.gate(replace(version, created_at=stamp(submitted - timedelta(days=1)))).allowed
    assert world.gate(replace(version, created_at=stamp(submitted))).allowed
    later = stamp(submitted + timedelta(microseconds=1))
    found = reason(world.gate(replace(version, created_at=later)), "assessment.submitted")
    words = f"it was submitted before version 1 of 'loans' was created again at {later}"
    assert (found.outcome, found.observed) == ("stale", words)


def test_assessment_whose_review_was_due_is_stale_also_for_a_decision_that_stood(world):
    due = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    path = world.root / "assessment.yaml"
    path.write_text(path.read_text() + f"review_by: {due}\n")
    model = world.ready()
    assert world.gate(model).allowed
    late = datetime.now(UTC) + timedelta(days=3)
    found = reason(world.decide(model, moment=late), "assessment.submitted")
    assert (found.outcome, found.observed) == ("stale", f"its review was due on {due}")
    how = {"project": world.project, "now": late}
    fallen = valid_decision(world.store, model, "production", **how)
    assert [r.rule for r in fallen.reasons] == ["assessment.submitted"]
