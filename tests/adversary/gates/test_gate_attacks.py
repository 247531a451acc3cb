"""Ways to get a model past the gate. Each is refused, with the reason in the record."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aims_mlops.approvals.keys.personal_key import personal_key
from aims_mlops.approvals.keys.signature import sign_consent, verify_consent
from aims_mlops.errors import DocumentError, GovernanceError, VerificationError
from aims_mlops.evidence.records import Subject
from aims_mlops.store.disk.key_file import create_key


def refusals(decision):
    return {reason.rule: reason for reason in decision.refusals}


def why_uncounted(decision):
    return " | ".join(why for _, why in decision.uncounted)


def prepared(world, *, roles_of_ana="risk-owner"):
    """A submitted model; the developer ana holds the approving role as well."""
    text = (world.root / "aims.yaml").read_text()
    world.write(
        "aims.yaml", text.replace("roles: [developer], also", f"roles: [{roles_of_ana}], also")
    )
    model = world.train(actor="ana@example.org")
    world.submit(model, actor="alima")
    return model


def test_self_approval(world):
    model = prepared(world)
    world.approve(model, "ana")
    decision = world.gate(model)
    assert set(refusals(decision)) == {"approvals.count"}
    assert "ana is the author and submitter and trainer" in why_uncounted(decision)
    stored = world.store.get(decision.record).evidence.body
    assert "may not also approve" in stored["uncounted"][0]["why"]


@pytest.mark.parametrize(
    "alias", ["ana@example.org", "ALIMA", "ANA@Example.ORG", "ana+x@example.org"]
)
def test_self_approval_under_another_account_of_the_same_person(world, alias):
    model = prepared(world)
    world.approve(model, alias)
    assert "ana is the author" in why_uncounted(world.gate(model))


def test_self_approval_by_an_account_that_aims_yaml_does_not_know(world):
    model = prepared(world)
    with pytest.raises(GovernanceError, match=r"nobody that aims\.yaml names"):
        world.approve(model, "ana-second-account")


def test_self_approval_through_ones_service_account(world):
    model = prepared(world)
    text = (world.root / "aims.yaml").read_text()
    world.write(
        "aims.yaml", text.replace("{id: train-bot,", "{id: train-bot, roles: [risk-owner],")
    )
    personal_key("ana").path.with_name("train-bot.key").symlink_to(personal_key("ana").path)
    world.approve(model, "train-bot")
    assert "service account" in why_uncounted(world.gate(model)) or "ana is" in why_uncounted(
        world.gate(model)
    )


def test_training_by_ones_service_account_and_approving_in_person(world):
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace("roles: [developer], also", "roles: [risk-owner], also"))
    model = world.train(actor="train-bot")
    world.write(
        "assessment.yaml", (world.root / "assessment.yaml").read_text().replace("ana", "dee")
    )
    world.submit(model, actor="dee")
    world.approve(model, "ana")
    assert "ana is the trainer" in why_uncounted(world.gate(model))


def test_two_people_who_share_one_key_count_as_one_person(world, tmp_path):
    model = prepared(world)
    key = tmp_path / "keys" / "bo.key"
    world.approve(model, "ana")
    key.write_bytes((tmp_path / "keys" / "ana.key").read_bytes())
    key.chmod(0o600)
    world.approve(model, "bo")
    decision = world.gate(model)
    assert not decision.allowed
    assert "its key was first used by ana" in why_uncounted(decision)


def test_role_given_after_the_approval(world):
    model = world.train()
    world.submit(model)
    world.approve(model, "dee")
    text = (world.root / "aims.yaml").read_text()
    world.write(
        "aims.yaml", text.replace("{id: dee, roles: [developer]}", "{id: dee, roles: [risk-owner]}")
    )
    decision = world.gate(model, requester="cy")
    assert "dee held none of the roles risk-owner when approving" in why_uncounted(decision)


def test_role_taken_away_after_the_approval(world):
    model = world.ready()
    text = (world.root / "aims.yaml").read_text()
    world.write(
        "aims.yaml", text.replace("{id: bo, roles: [risk-owner]", "{id: bo, roles: [guest]")
    )
    assert "bo holds none of the roles" in why_uncounted(world.gate(model))


def test_whoever_asks_for_the_promotion_approves_it(world):
    model = world.ready()
    assert world.gate(model).allowed
    decision = world.gate(model, requester="BO@example.org")
    assert "bo is the requester" in why_uncounted(decision)
    assert not decision.allowed


def test_approval_of_another_model_digest_replayed(world):
    approved = world.ready("approved")
    wanted = world.train("wanted")
    world.submit(wanted)
    old = next(iter(world.store.find(kind="approval", subject=approved.sha256)))
    world.record("approval", [wanted.subject], dict(old.evidence.body), actor="bo")
    decision = world.gate(wanted)
    assert not decision.allowed
    forged = {**old.evidence.body, "model": wanted.sha256}
    world.record("approval", [wanted.subject], forged, actor="bo")
    assert "bound to another" in why_uncounted(world.gate(wanted))


def test_signature_reused_under_a_changed_body(world):
    model = world.train()
    world.submit(model)
    body = dict(world.approve(model, "dee").evidence.body)
    world.record(
        "approval", [model.subject], {**body, "approver": "cy", "roles": ["risk-owner"]}, actor="cy"
    )
    decision = world.gate(model, requester="ana")
    assert not decision.allowed
    assert "signature does not fit" in why_uncounted(decision)


def test_approval_written_in_anothers_name(world, tmp_path):
    model = world.train()
    world.submit(model)
    genuine = dict(world.approve(model, "dee").evidence.body)
    mallory = create_key(tmp_path / "mallory.key", passphrase="")
    body = {k: v for k, v in genuine.items() if k not in ("signature", "public_key")}
    forged = sign_consent({**body, "approver": "cy", "roles": ["risk-owner"]}, mallory)
    assert verify_consent(forged) == mallory.public.hex()
    world.record("approval", [model.subject], forged, actor="dee")
    assert "written by somebody other than the approver" in why_uncounted(
        world.gate(model, requester="ana")
    )


def test_approval_in_anothers_name_with_a_key_that_person_never_used(world, tmp_path):
    first = world.ready("first")
    world.approve(first, "cy")
    model = world.train("second")
    world.submit(model)
    genuine = dict(world.approve(model, "dee").evidence.body)
    mallory = create_key(tmp_path / "mallory.key", passphrase="")
    body = {k: v for k, v in genuine.items() if k not in ("signature", "public_key")}
    forged = sign_consent({**body, "approver": "cy", "roles": ["risk-owner"]}, mallory)
    world.record("approval", [model.subject], forged, actor="cy")
    assert "its key was never enrolled for cy" in why_uncounted(world.gate(model, requester="ana"))


def enrol(world, person, **validity):
    key = json.dumps({"public_key": world.keys[person], **validity})
    text = (world.root / "aims.yaml").read_text()
    world.write(
        "aims.yaml", text.replace(f"{{id: {person}, roles", f"{{id: {person}, keys: [{key}], roles")
    )


@pytest.mark.parametrize(
    ("validity", "words"),
    [
        ({"valid_until": "2020-01-01T00:00:00Z"}, "good only until 2020"),
        ({"valid_from": "2999-01-01T00:00:00Z"}, "good only from 2999"),
    ],
)
def test_expired_or_not_yet_valid_key(world, validity, words):
    model = world.ready()
    public = next(iter(world.store.find(kind="approval"))).evidence.body["public_key"]
    world.keys = {"bo": public}
    enrol(world, "bo", **validity)
    decision = world.gate(model)
    assert not decision.allowed
    assert words in why_uncounted(decision)


def test_key_that_is_not_the_enrolled_one(world):
    model = world.ready()
    other = Ed25519PrivateKey.generate().public_key()
    world.keys = {"bo": other.public_bytes_raw().hex()}
    enrol(world, "bo")
    assert "a key that bo has not enrolled" in why_uncounted(world.gate(model))


def test_assessment_edited_and_submitted_again_after_the_approval(world):
    model = world.ready()
    text = (world.root / "assessment.yaml").read_text()
    world.write("assessment.yaml", text.replace("a score", "a harmless score"))
    world.submit(model)
    decision = world.gate(model)
    assert "bound to another assessment" in why_uncounted(decision)
    assert not decision.allowed


def test_policy_swapped_between_approval_and_decision(world):
    model = world.ready()
    text = (world.root / "policies/production.yaml").read_text()
    world.write("policies/production.yaml", text.replace("min: 0.6", "min: 0.1"))
    decision = world.gate(model)
    assert "bound to another policy" in why_uncounted(decision)
    assert not decision.allowed


def test_evidence_added_after_the_approval(world, good):
    model = world.ready()
    world.measure(model, good)
    assert "bound to another evidence root" in why_uncounted(world.gate(model))


def test_approval_for_another_target(world):
    model = world.train()
    world.submit(model)
    world.approve(model, target="staging")
    assert "bound to another target" in why_uncounted(world.gate(model))


def test_old_approval(world):
    model = world.ready()
    decision = world.decide(model, moment=datetime.now(UTC) + timedelta(days=181))
    assert "181 days old; the policy allows 180" in why_uncounted(decision)


def test_one_person_approves_twice_where_two_are_needed(world):
    text = (world.root / "policies/production.yaml").read_text()
    world.write("policies/production.yaml", text.replace("count: 1", "count: 2"))
    model = world.ready()
    world.approve(model, "bo@example.org")
    decision = world.gate(model)
    assert not decision.allowed
    assert set(decision.consent) == {"bo"}
    world.approve(model, "cy")
    assert world.gate(model).allowed


def test_both_roles_claimed_by_one_person_where_each_needs_its_own(world):
    text = (world.root / "policies/production.yaml").read_text()
    world.write(
        "policies/production.yaml",
        text.replace("roles: [risk-owner],", "roles: [risk-owner, security], each_role: true,"),
    )
    model = world.ready()
    assert set(refusals(world.gate(model))) == {"approvals.role-security"}
    world.approve(model, "cy")
    assert world.gate(model).allowed


def test_approval_that_was_revoked(world):
    model = world.ready()
    world.approve(model, "bo", verdict="revoke", reason="I looked at the wrong figures")
    assert set(refusals(world.gate(model))) == {"approvals.count"}


def test_rejection_outvoted_by_another_persons_approval(world):
    model = world.ready()
    world.approve(model, "cy", verdict="reject", reason="no plan for appeals")
    decision = world.gate(model)
    assert refusals(decision)["approvals.no-rejection"].observed.endswith("no plan for appeals")
    world.approve(model, "cy")
    assert world.gate(model).allowed


def test_rejection_without_a_reason(world):
    model = world.train()
    world.submit(model)
    with pytest.raises(GovernanceError, match="needs a reason"):
        world.approve(model, "bo", verdict="reject", reason=" ")


def test_approval_before_there_is_anything_to_approve(world):
    with pytest.raises(GovernanceError, match="nothing to approve"):
        world.approve(world.train())


def test_assessment_about_another_system(world):
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace("people:", "  - {id: toys, risk_tier: minimal}\npeople:"))
    world.write(
        "assessment.yaml", (world.root / "assessment.yaml").read_text().replace("loans", "toys")
    )
    with pytest.raises(GovernanceError, match="about another AI system"):
        world.submit(world.train())


def test_model_renamed_into_a_system_with_a_lower_risk(world):
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace("people:", "  - {id: toys, risk_tier: minimal}\npeople:"))
    model = world.ready()
    decision = world.gate(replace(model, name="toys"))
    assert decision.exit_code == 2
    assert "more than one AI system" in decision.refusals[0].observed


def test_deleted_and_created_again_under_the_same_version_number(world):
    approved = world.ready("approved", registered="loans")
    imposter = replace(approved, sha256="0" * 64, version="1")
    assert "model.is-recorded" in refusals(world.gate(imposter))


def test_evidence_about_another_model_under_the_same_name(world, good):
    model = world.train(figures=None)
    world.record("performance", [Subject("model:one", "1" * 64)], {"figures": good})
    world.submit(model)
    world.approve(model)
    found = refusals(world.gate(model))
    assert found["evidence.performance"].outcome == "missing"


def test_hidden_reruns_show_in_the_decision(world, bad):
    for attempt in range(3):
        world.train(f"attempt {attempt}", figures=bad)
    decision = world.gate(world.ready("lucky"))
    assert decision.to_body()["attempts"] == 3


def test_records_withheld_from_a_repeated_decision(world, bad):
    from aims_mlops.dossier.dossier import evidence_root

    model = world.ready(figures=bad)
    records = world.records(model)
    digest = evidence_root(records)
    honest = [r for r in records if r.evidence.kind != "performance"]
    decision = world.decide(model, honest, evidence_digest=digest)
    assert refusals(decision)["evidence.is-complete"].outcome == "error"


def test_single_user_mode_is_refused_by_default_and_says_so(world):
    text = (world.root / "aims.yaml").read_text()
    world.write(
        "aims.yaml",
        "single_user: true\n"
        + text.replace("roles: [developer], also", "roles: [risk-owner], also"),
    )
    model = world.train()
    world.submit(model)
    world.approve(model, "ana")
    decision = world.gate(model, requester="ana")
    assert not decision.allowed
    assert "separation of duties is not enforced" in " ".join(decision.notes)
    text = (world.root / "policies/production.yaml").read_text()
    world.write(
        "policies/production.yaml", text.replace("count: 1,", "count: 1, single_user: allow,")
    )
    world.approve(model, "ana")
    allowed = world.gate(model, requester="ana")
    assert allowed.allowed
    assert "separation of duties is not enforced" in " ".join(allowed.notes)


def test_empty_policy_is_no_policy(world):
    model = world.ready()
    world.write("policies/production.yaml", "id: production\n")
    assert world.gate(model).exit_code == 2


def test_yaml_bomb_as_a_policy(world):
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nid: p\n"
    world.write("bomb.yaml", bomb)
    from aims_mlops.policy.loading import load_policy

    with pytest.raises(DocumentError, match="aliases are not allowed"):
        load_policy(world.root / "bomb.yaml")


def test_signature_of_something_else_is_never_consent(world):
    model = world.ready()
    body = dict(next(iter(world.store.find(kind="approval"))).evidence.body)
    assert verify_consent(body)
    for field in ("model", "policy", "assessment", "evidence_root", "shown_sha256", "verdict"):
        with pytest.raises(VerificationError):
            verify_consent({**body, field: "0" * 64})
    assert world.gate(model).allowed


def test_revoked_approval_replayed_word_for_word(world):
    model = world.ready()
    body = dict(next(iter(world.store.find(kind="approval"))).evidence.body)
    world.approve(model, "bo", verdict="revoke", reason="wrong figures")
    world.record("approval", [model.subject], body, actor="bo")
    decision = world.gate(model)
    assert not decision.allowed
    assert "repeats the signed words" in why_uncounted(decision)


def test_training_under_an_account_that_nobody_knows_and_approving_in_person(world):
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace("roles: [developer], also", "roles: [risk-owner], also"))
    model = world.train(actor="ana.private@example.net")
    text = (world.root / "assessment.yaml").read_text()
    world.write("assessment.yaml", text.replace("author: ana", "author: dee"))
    world.submit(model, actor="dee")
    world.approve(model, "ana")
    decision = world.gate(model)
    assert not decision.allowed
    assert "the trainer 'ana.private@example.net' is nobody" in why_uncounted(decision)


def test_asking_under_an_account_that_nobody_knows(world):
    model = world.ready()
    assert "'ci-runner', who asks, is nobody" in world.gate(model, requester="ci-runner").notes[0]
    text = (world.root / "policies/production.yaml").read_text()
    strict = text.replace("count: 1,", "count: 1, known_requester: true,")
    world.write("policies/production.yaml", strict)
    world.approve(model)
    assert world.gate(model).allowed
    decision = world.gate(model, requester="ci-runner")
    assert not decision.allowed
    assert "the requester 'ci-runner' is nobody" in why_uncounted(decision)


def test_assessment_whose_author_nobody_knows(world):
    text = (world.root / "assessment.yaml").read_text()
    world.write("assessment.yaml", text.replace("author: ana", "author: anna"))
    with pytest.raises(DocumentError, match="did you mean 'ana'"):
        world.submit(world.train())
