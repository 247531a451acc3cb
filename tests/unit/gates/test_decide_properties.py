"""What holds of every decision, whatever the evidence."""

import builtins
import functools
import os
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aims_mlops.dossier.dossier import evidence_root
from aims_mlops.evidence.records import Subject
from aims_mlops.gates.decision.decide import decide
from aims_mlops.gates.replay import repeat

MANY = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def dossiers(world, bad):
    """(model, its records, the world): one allowed, one refused for a figure, one rejected."""
    text = (world.root / "policies/production.yaml").read_text()
    world.write(
        "policies/production.yaml",
        text + "waivers: {allowed: true, max_days: 30}\nbreak_glass: {allowed: true}\n",
    )
    allowed = world.ready("allowed")
    refused = world.ready("refused", figures=bad)
    rejected = world.ready("rejected")
    world.approve(rejected, "cy", verdict="reject", reason="unfair")
    world.decide = functools.partial(world.decide, policy=world.policy)
    return world, [(m, tuple(world.records(m))) for m in (allowed, refused, rejected)]


@MANY
@given(data=st.data())
def test_taking_evidence_away_never_turns_a_refusal_into_a_permission(dossiers, data):
    world, cases = dossiers
    model, records = data.draw(st.sampled_from(cases))
    kept = data.draw(st.lists(st.sampled_from(records), unique_by=lambda r: r.id))
    moment = datetime.now(UTC)
    whole = world.decide(model, records, moment=moment, evidence_digest=evidence_root(records))
    fewer = world.decide(model, kept, moment=moment, evidence_digest=evidence_root(records))
    assert whole.allowed or not fewer.allowed
    if len(kept) < len(records):
        assert not fewer.allowed


@MANY
@given(data=st.data())
def test_taking_support_away_refuses_even_where_nobody_counted_the_records(dossiers, data):
    """What speaks against a model cannot be missed by hiding what speaks for it."""
    world, cases = dossiers
    model, records = data.draw(st.sampled_from(cases))
    against = {r.id for r in records if r.evidence.kind == "rejection"}
    figures = {r.id for r in records if r.evidence.kind == "performance"}
    support = [r for r in records if r.id not in against | figures]
    kept = data.draw(st.lists(st.sampled_from(support), unique_by=lambda r: r.id))
    rest = [r for r in records if r.id in against | figures]
    moment = datetime.now(UTC)
    whole = world.decide(model, records, moment=moment)
    fewer = world.decide(model, [*kept, *rest], moment=moment)
    assert whole.allowed or not fewer.allowed


@MANY
@given(data=st.data())
def test_every_refusal_has_a_reason_and_a_next_step(dossiers, data):
    world, cases = dossiers
    model, records = data.draw(st.sampled_from(cases))
    kept = data.draw(st.lists(st.sampled_from(records), unique_by=lambda r: r.id))
    days = data.draw(st.integers(0, 2000))
    decision = world.decide(model, kept, moment=datetime.now(UTC) + timedelta(days=days))
    assert decision.allowed == (not decision.refusals)
    for reason in decision.refusals:
        assert reason.rule
        assert reason.observed
        assert reason.limit
        assert reason.next_step not in ("", "none")


@MANY
@given(data=st.data())
def test_order_and_repetition_of_records_change_nothing(dossiers, data):
    world, cases = dossiers
    model, records = data.draw(st.sampled_from(cases))
    kept = data.draw(st.lists(st.sampled_from(records), unique_by=lambda r: r.id))
    shuffled = data.draw(st.permutations([*kept, *kept[:2]]))
    moment = datetime.now(UTC)
    first = world.decide(model, kept, moment=moment)
    assert world.decide(model, shuffled, moment=moment).to_body() == first.to_body()


@MANY
@given(days=st.integers(0, 3000), more=st.integers(0, 3000))
def test_time_alone_never_turns_a_refusal_into_a_permission(dossiers, days, more):
    world, cases = dossiers
    now = datetime.now(UTC)
    for model, records in cases:
        sooner = world.decide(model, records, moment=now + timedelta(days=days))
        later = world.decide(model, records, moment=now + timedelta(days=days + more))
        assert sooner.allowed or not later.allowed


def reject(world, model):
    world.approve(model, "cy", verdict="reject", reason="changed my mind")


def evaluate(world, model):
    world.measure(model, [])


def have_an_incident(world, model):
    world.record("incident", [Subject.of_name("system:loans")], {"title": "wrong refusals"})


def assess_again(world, model):
    world.submit(model)


def lose_the_people(world, model):
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace("risk-owner", "guest"))


def change_the_policy(world, model):
    path = world.root / "policies/production.yaml"
    path.write_text(path.read_text() + "impact_scale: {likelihood: [a], severity: [b]}\n")


def train_another(world, model):
    world.train(f"model {world.store.status().size}")


EVENTS = (reject, evaluate, have_an_incident, assess_again, train_another)


@pytest.fixture
def decided(world, bad):
    """Decisions of every verdict, each with its record."""
    allowed = world.ready("allowed")
    refused = world.ready("refused", figures=bad)
    records = [world.store.get(world.gate(model).record) for model in (allowed, refused)]
    assert [r.evidence.body["verdict"] for r in records] == ["allowed", "refused"]
    lose_the_people(world, allowed)
    change_the_policy(world, allowed)
    return world, allowed, records


@settings(MANY, max_examples=12)
@given(events=st.lists(st.sampled_from(EVENTS), max_size=3))
def test_decision_made_again_years_later_from_the_log_is_the_same(decided, events):
    """Whatever was recorded since, and whoever aims.yaml names by now."""
    world, model, records = decided
    for event in events:
        event(world, model)
    for record in records:
        assert repeat(world.store, record).to_body() == dict(record.evidence.body)


@MANY
@given(data=st.data())
def test_decision_depends_on_nothing_but_what_it_is_given(dossiers, data):
    """No clock, no files, no environment: it comes out the same without any of them."""
    world, cases = dossiers
    model, records = data.draw(st.sampled_from(cases))
    moment = datetime.now(UTC) + timedelta(days=data.draw(st.integers(0, 400)))
    first = world.decide(model, records, moment=moment)
    with pytest.MonkeyPatch.context() as bare:
        for name in ("open", "input"):
            bare.setattr(builtins, name, _never)
        bare.setattr(os, "environ", {})
        bare.setattr(time, "time", _never)
        again = decide(first.request, world.decide.keywords["policy"], records, moment)
    assert again.to_body() == first.to_body()


def _never(*_, **__):
    raise AssertionError("a pure decision asks nobody")
