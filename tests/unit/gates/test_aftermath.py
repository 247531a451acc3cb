"""What stays open after a model was allowed: broken glass, waivers that ran out."""

from datetime import timedelta

import pytest

from aims_mlops.approvals.follow_ups import open_nonconformities
from aims_mlops.approvals.grant_waiver import waive
from aims_mlops.dossier.query import gather
from aims_mlops.evidence.clock import parse, stamp
from aims_mlops.policy.key_rule import KeyRule


def edit(world, old, new):
    path = world.root / "policies/production.yaml"
    path.write_text(path.read_text().replace(old, new))


def look(world, model, moment, target="production"):
    return open_nonconformities(
        gather(world.store, model.sha256, "loans"),
        world.policy,
        world.project.humans,
        target=target,
        now=moment,
        key_rule=KeyRule(),
    )


def decided(world):
    return parse(list(world.store.find(kind="decision"))[-1].received_at)


@pytest.fixture
def broken(world):
    """A model that cy let through past the approvals; the policy gives five hours."""
    edit(world, "approvals:", "break_glass: {allowed: true, second_person_within_hours: 5}\n"
         "approvals:")  # fmt: skip
    model = world.train()
    world.submit(model)
    decision = world.gate(model, requester="cy", break_glass="fraud wave")
    assert decision.broke_glass
    return model


def test_broken_glass_is_open_until_its_hour_and_overdue_after_it(world, broken):
    due = decided(world) + timedelta(hours=5)
    (found,) = look(world, broken, due)
    assert (found.what, found.overdue, found.due) == ("break-glass", False, stamp(due))
    assert (found.model, found.target) == (broken.sha256, "production")
    assert found.observed == "cy went ahead without consent: fraud wave"
    assert found.next_step.startswith("another person than cy runs: aims assess approve --model ")
    assert found.next_step.endswith(" --for production; then: aims gate MODEL --for production")
    (found,) = look(world, broken, due + timedelta(seconds=1))
    assert found.overdue is True


def test_broken_glass_is_closed_by_a_decision_that_needs_none(world, broken):
    world.approve(broken)
    assert look(world, broken, decided(world)) != []
    assert world.gate(broken, requester="ana").allowed
    assert look(world, broken, decided(world) + timedelta(days=9)) == []


def test_refusal_or_another_target_opens_and_closes_nothing(world, broken):
    assert look(world, broken, decided(world), target="staging") == []
    assert not world.gate(broken).allowed
    assert len(look(world, broken, decided(world))) == 1
    assert look(world, world.train("two"), decided(world)) == []


def test_decision_without_its_request_is_open_without_a_reason(world, broken):
    record = list(world.store.find(kind="decision"))[-1]
    body = {**record.evidence.body, "request": None}
    world.record("decision", [broken.subject], body, actor="bo")
    (found,) = look(world, broken, decided(world))
    assert found.observed == "bo went ahead without consent: no reason"


def test_waiver_is_open_once_it_ran_out_and_only_if_it_was_used(world, bad):
    edit(world, "approvals:", "waivers: {allowed: true, max_days: 10}\napprovals:")
    model = world.ready(figures=bad)
    how = {"rule": "performance.recall", "target": "production", "reason": "few rows"}
    how |= {"compensating_measure": "a nurse looks", "requester": "dee", "approver": "cy"}
    used = waive(world.project, world.store, model, world.policy, days=10, **how)
    assert world.gate(model).allowed
    end = parse(used.evidence.body["expires_at"])
    assert look(world, model, end - timedelta(seconds=1)) == []
    (found,) = look(world, model, end)
    assert (found.what, found.record, found.overdue, found.due) == (
        "expired-waiver",
        used.id,
        True,
        None,
    )
    assert found.observed.startswith(
        "the waiver of performance.recall no longer stands: it expired"
    )
    assert found.next_step == "make performance.recall pass, or demote the model"
    assert found.since == used.evidence.body["expires_at"]
    later = waive(world.project, world.store, model, world.policy, days=1, **how)
    assert [n.record for n in look(world, model, end)] == [used.id]
    assert later.id != used.id
