"""Waivers, break-glass and delegation: what they allow, and every way to stretch them."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from aims_mlops.approvals.delegate import delegate
from aims_mlops.approvals.follow_ups import open_nonconformities
from aims_mlops.approvals.grant_waiver import waive
from aims_mlops.approvals.keys.signature import sign_consent
from aims_mlops.approvals.waiver import weigh_waivers
from aims_mlops.dossier.query import gather
from aims_mlops.errors import GovernanceError, InputError, SeparationOfDutiesError
from aims_mlops.evidence.clock import stamp
from aims_mlops.policy.key_rule import KeyRule
from aims_mlops.store.disk.key_file import create_key

RULE = "performance.recall"


def allow(world, text):
    path = world.root / "policies/production.yaml"
    path.write_text(path.read_text() + text)


@pytest.fixture
def waivers(world):
    allow(world, "waivers: {allowed: true, max_days: 10, roles: [risk-owner]}\n")


def grant(world, model, **changes):
    how = {
        "rule": RULE,
        "target": "production",
        "reason": "new clinic has few rows",
        "compensating_measure": "a nurse checks every case",
        "days": 10,
        "requester": "dee",
        "approver": "cy",
        **changes,
    }
    return waive(world.project, world.store, model, world.policy, **how)


def refused(decision):
    return {reason.rule for reason in decision.refusals}


def why_not(world, model, **changes):
    how = {"people": world.project.humans, "target": "production", "policy": world.policy.digest,
           "now": datetime.now(UTC), "key_rule": KeyRule(), **changes}  # fmt: skip
    dossier = gather(world.store, model.sha256, "loans")
    return [why for _, _, why in weigh_waivers(dossier, world.policy.waivers, **how)]


def test_waiver_sets_one_rule_aside_and_is_shown(world, waivers, bad):
    model = world.ready(figures=bad)
    assert refused(world.gate(model)) == {RULE}
    record = grant(world, model)
    decision = world.gate(model)
    assert decision.allowed
    assert decision.waivers == (record.id,)
    shown = [r for r in decision.reasons if r.rule == RULE]
    assert [r.outcome for r in shown] == ["fail"]
    assert world.store.get(decision.record).evidence.body["waivers"] == [record.id]


def test_waiver_reused_for_another_model(world, waivers, bad):
    first = world.ready("first", figures=bad)
    record = grant(world, first)
    second = world.ready("second", figures=bad)
    world.record("waiver", [second.subject], dict(record.evidence.body), actor="cy")
    assert refused(world.gate(second)) == {RULE}
    assert why_not(world, second) == ["it is for another model digest or target"]


def test_waiver_with_the_model_digest_exchanged(world, waivers, bad):
    first = world.ready("first", figures=bad)
    body = dict(grant(world, first).evidence.body)
    second = world.ready("second", figures=bad)
    world.record("waiver", [second.subject], {**body, "model": second.sha256}, actor="cy")
    assert refused(world.gate(second)) == {RULE}
    assert "signature" in why_not(world, second)[0]


def signed_by(tmp_path, name, record):
    """The body of a waiver or delegation, signed anew with somebody else's key."""
    key = create_key(tmp_path / f"{name}.key", passphrase="")
    unsigned = ("signature", "public_key")
    return sign_consent({k: v for k, v in record.evidence.body.items() if k not in unsigned}, key)


def test_waiver_written_in_anothers_name(world, waivers, bad, tmp_path):
    model = world.ready(figures=bad)
    world.approve(model, "cy")
    genuine = grant(world, model, days=1)
    forged = {**genuine.evidence.body, "expires_at": stamp(datetime.now(UTC) + timedelta(days=9))}
    world.record("waiver", [model.subject], forged, actor="cy")
    mallory = signed_by(tmp_path, "mallory", genuine)
    world.record("waiver", [model.subject], mallory, actor="dee")
    world.record("waiver", [model.subject], mallory, actor="cy")
    assert why_not(world, model) == [
        None,
        "the signature does not fit what it is said to sign",
        "its record was written by somebody other than the approver",
        "its key was never enrolled for cy: aims people enrol --as cy",
    ]


def test_waiver_signed_with_a_key_that_is_not_enrolled(world, bad):
    allow(world, "waivers: {allowed: true, max_days: 10}\n")
    path = world.root / "policies/production.yaml"
    path.write_text(path.read_text().replace("count: 1,", "count: 1, enrolled_keys_only: true,"))
    model = world.train(figures=bad)
    world.submit(model)
    grant(world, model)
    enrolled = {"key_rule": KeyRule(listed=True)}
    assert "asks for an enrolled key, and cy has none" in why_not(world, model, **enrolled)[0]
    assert RULE in refused(world.gate(model))


def test_waiver_signed_with_the_requesters_key(world, waivers, bad, tmp_path):
    model = world.ready(figures=bad)
    world.approve(model, "dee")
    keys = tmp_path / "keys"
    (keys / "cy.key").write_bytes((keys / "dee.key").read_bytes())
    (keys / "cy.key").chmod(0o600)
    grant(world, model)
    assert why_not(world, model) == ["its key was first used by dee"]


def test_expired_waiver_refuses_and_is_a_nonconformity_of_what_was_promoted(world, waivers, bad):
    model = world.ready(figures=bad)
    grant(world, model)
    assert world.gate(model).allowed
    later = datetime.now(UTC) + timedelta(days=10, minutes=1)
    assert refused(world.decide(model, moment=later)) == {RULE}
    dossier = gather(world.store, model.sha256, "loans")
    how = {"target": "production", "key_rule": KeyRule()}
    people = world.project.humans
    assert open_nonconformities(dossier, world.policy, people, now=datetime.now(UTC), **how) == []
    (found,) = open_nonconformities(dossier, world.policy, people, now=later, **how)
    assert found.what == "expired-waiver"
    assert "expired at" in found.observed


def test_waiver_for_longer_than_the_policy_allows(world, waivers, bad):
    model = world.ready(figures=bad)
    with pytest.raises(GovernanceError, match="at most 10 days"):
        grant(world, model, days=11)


def test_waiver_granted_to_oneself(world, waivers, bad):
    model = world.ready(figures=bad)
    with pytest.raises(SeparationOfDutiesError):
        grant(world, model, requester="CY")


def test_waiver_granted_by_the_trainer(world, waivers, bad):
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace("roles: [developer], also", "roles: [risk-owner], also"))
    model = world.ready(figures=bad)
    grant(world, model, approver="ana")
    assert refused(world.gate(model)) == {RULE}
    assert why_not(world, model) == ["ana asked for it or trained the model"]


def test_waiver_by_somebody_without_the_role(world, waivers, bad):
    model = world.ready(figures=bad)
    grant(world, model, approver="dee", requester="ana")
    assert why_not(world, model) == ["dee holds no role that may waive"]


def test_waiver_of_a_rule_that_the_policy_protects(world, bad):
    allow(world, "waivers: {allowed: true, max_days: 10, never: ['performance.*']}\n")
    model = world.ready(figures=bad)
    grant(world, model)
    assert refused(world.gate(model)) == {RULE}


def test_waiver_of_consent_or_of_nothing(world, waivers):
    model = world.ready()
    for rule in ("approvals.count", "assessment.submitted", "performance.recal"):
        with pytest.raises(InputError, match="no rule"):
            grant(world, model, rule=rule)


def test_waiver_where_the_policy_has_none(world, bad):
    with pytest.raises(GovernanceError, match="no waivers at all"):
        grant(world, world.ready(figures=bad))


def test_waiver_under_another_policy(world, waivers, bad):
    model = world.ready(figures=bad)
    grant(world, model)
    allow(world, "impact_scale: {likelihood: [a], severity: [b]}\n")
    assert why_not(world, model) == ["it was given under another policy"]


@pytest.fixture
def glass(world):
    allow(world, "break_glass: {allowed: true, roles: [security], second_person_within_hours: 5}\n")


def test_break_glass_goes_ahead_and_opens_a_nonconformity_until_another_person_approves(
    world, glass
):
    model = world.train()
    world.submit(model)
    decision = world.gate(model, requester="cy", break_glass="fraud wave tonight")
    assert decision.allowed
    assert decision.broke_glass
    (opened,) = world.store.find(kind="nonconformity", subject=model.sha256)
    assert opened.evidence.body["decision"] == decision.record

    def still_open(hours):
        dossier = gather(world.store, model.sha256, "loans")
        moment = datetime.now(UTC) + timedelta(hours=hours)
        return open_nonconformities(
            dossier,
            world.policy,
            world.project.humans,
            target="production",
            now=moment,
            key_rule=KeyRule(),
        )

    assert [(n.what, n.overdue) for n in still_open(0)] == [("break-glass", False)]
    assert [(n.what, n.overdue) for n in still_open(6)] == [("break-glass", True)]
    world.approve(model, "cy")
    again = world.gate(model)
    assert not again.allowed
    assert "cy is the requester" in again.uncounted[0][1]
    world.approve(model, "bo")
    assert world.gate(model).allowed
    assert still_open(6) == []


@pytest.mark.parametrize(
    ("requester", "reason", "words"),
    [("dee", "urgent", "dee holds none of the roles security"), ("cy", " ", "no reason")],
)
def test_break_glass_by_the_wrong_person_or_without_a_reason(
    world, glass, requester, reason, words
):
    model = world.train()
    world.submit(model)
    decision = world.gate(model, requester=requester, break_glass=reason)
    assert not decision.allowed
    observed = {r.rule: r.observed for r in decision.refusals}
    assert words in observed["break-glass.is-allowed"]


def test_break_glass_without_one_in_the_policy(world):
    model = world.train()
    world.submit(model)
    decision = world.gate(model, requester="cy", break_glass="urgent")
    assert "break-glass.is-allowed" in refused(decision)


def test_break_glass_past_a_failing_figure_or_a_rejection(world, glass, bad):
    failing = world.train("failing", figures=bad)
    world.submit(failing)
    assert refused(world.gate(failing, requester="cy", break_glass="urgent")) == {RULE}
    rejected = world.train("rejected")
    world.submit(rejected)
    world.approve(rejected, "bo", verdict="reject", reason="unfair")
    decision = world.gate(rejected, requester="cy", break_glass="urgent")
    assert refused(decision) == {"approvals.no-rejection"}


def hand(world, **changes):
    how = {"giver": "bo", "to": "dee", "roles": ["risk-owner"], "days": 3, "reason": "holiday"}
    return delegate(world.project, world.store, **{**how, **changes})


def test_delegated_role_approves_until_it_ends(world):
    model = world.train()
    world.submit(model)
    hand(world)
    world.approve(model, "dee")
    assert world.gate(model, requester="bo").allowed


def test_approval_before_the_delegation_or_after_it_was_taken_back(world):
    early = world.train("early")
    world.submit(early)
    world.approve(early, "dee")
    hand(world)
    assert not world.gate(early, requester="bo").allowed
    late = world.train("late")
    world.submit(late)
    hand(world, roles=[])
    world.approve(late, "dee")
    decision = world.gate(late, requester="bo")
    assert "dee holds none of the roles risk-owner" in decision.uncounted[0][1]


def test_delegation_of_a_role_one_does_not_hold(world):
    with pytest.raises(GovernanceError, match="does not give them"):
        hand(world, giver="dee", to="ana")


def test_delegation_handed_on(world):
    hand(world)
    with pytest.raises(GovernanceError, match="does not give them"):
        hand(world, giver="dee", to="ana")


def test_delegation_to_ones_own_service_account(world):
    with pytest.raises(SeparationOfDutiesError):
        hand(world, to="bo-bot")


def test_forged_delegation(world):
    genuine = hand(world)
    model = world.train()
    world.submit(model)
    hand(world, roles=[])
    body = json.loads(json.dumps(dict(genuine.evidence.body)))
    world.record("delegation", genuine.evidence.subjects, body, actor="bo", system=None)
    world.record("delegation", genuine.evidence.subjects, body, actor="dee", system=None)
    body["valid_until"] = "2999-01-01T00:00:00Z"
    world.record("delegation", genuine.evidence.subjects, body, actor="bo", system=None)
    world.approve(model, "dee")
    assert not world.gate(model, requester="bo").allowed


def test_delegation_in_anothers_name_with_a_key_of_ones_own(world, tmp_path):
    model = world.train()
    world.submit(model)
    genuine = hand(world)
    hand(world, roles=[])
    body = signed_by(tmp_path, "mallory", genuine)
    world.record("delegation", genuine.evidence.subjects, body, actor="bo", system=None)
    world.approve(model, "dee")
    decision = world.gate(model, requester="bo")
    assert "dee holds none of the roles risk-owner" in decision.uncounted[0][1]


def test_trainer_with_a_delegated_role(world):
    model = world.train(actor="dee")
    world.submit(model)
    hand(world)
    world.approve(model, "dee")
    decision = world.gate(model, requester="bo")
    assert "dee is the trainer" in decision.uncounted[0][1]
