"""An approval does not move when others work on the same data."""

from datetime import UTC, datetime

import pytest

from aims_mlops.approvals.keys.personal_key import personal_key
from aims_mlops.approvals.keys.signature import sign_consent
from aims_mlops.dossier.binding import Binding
from aims_mlops.dossier.query import gather
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Subject
from aims_mlops.gates.check_model import look_at_model
from aims_mlops.gates.decision.reason import Objection
from aims_mlops.gates.decision_validity import valid_decision

HOLD_OUT = "9" * 64


def train(world, name, *, quality=True):
    """A run that trains on data of its own and measures on the hold-out set of everybody."""
    run = world.sha(f"run {name}")[:32]
    own, sha256 = world.sha(f"data {name}"), world.sha(f"model {name}")
    model = ModelReference(uri=f"sha256:{sha256}", sha256=sha256, name="loans")
    of_run = Subject.of_name(f"run:{run}")
    world.record("run", [of_run], {"activity": "training", "status": "finished"}, run=run)
    sets = (("own", "train", own), ("hold-out", "test", HOLD_OUT))
    for kind, role, digest in sets:
        body = {"name": kind, "role": role, "sha256": digest, "rows": 100}
        world.record("dataset", [Subject(f"dataset:{kind}", digest)], body, run=run)
        if quality:
            body = {"dataset": kind, "success": True, "figures": []}
            world.record("data-quality", [Subject(f"dataset:{kind}", digest)], body, run=run)
    datasets = [{"name": n, "role": r, "sha256": d} for n, r, d in sets]
    body = {"name": name, "sha256": sha256, "datasets": datasets}
    world.record("model", [model.subject, of_run], body, run=run)
    interval = {"value": 0.8, "low": 0.76, "high": 0.84}
    counts = {"numerator": 400, "denominator": 500, "n": 500}
    figures = {"figures": [{"measure": "recall_score", "group": None, **interval, **counts}]}
    about = [model.subject, Subject("dataset:hold-out", HOLD_OUT)]
    world.record("performance", about, figures, run=run)
    return model


def ready(world, name):
    model = train(world, name)
    world.submit(model)
    world.approve(model)
    return model


def test_fifty_models_on_one_test_set_leave_approvals_before_and_after_as_they_are(world):
    before = ready(world, "before")
    batch = [train(world, f"batch {i}") for i in range(50)]
    after = batch[-1]
    world.submit(after)
    world.approve(after)
    assert [world.gate(m).verdict for m in (before, after)] == ["allowed", "allowed"]
    assert not world.gate(batch[0]).allowed
    train(world, "one more night")
    assert [world.gate(m).verdict for m in (before, after)] == ["allowed", "allowed"]
    shown = gather(world.store, before.sha256, "loans").shown
    runs = {r.evidence.run for r in shown if r.evidence.kind in ("dataset", "data-quality")}
    assert runs == {world.sha("run before")[:32]}


@pytest.mark.parametrize(
    "change", ["figures", "own data", "own run", "quality in its own run", "assessment", "policy"]
)
def test_what_changes_about_this_very_model_ends_its_approval(world, change):
    model = ready(world, "one")
    run = world.sha("run one")[:32]
    other = Subject("dataset:more", "8" * 64)
    if change == "figures":
        world.measure(model, [])
    elif change == "own data":
        world.record("dataset", [other], {"name": "more", "sha256": "8" * 64}, run=run)
    elif change == "own run":
        world.record("parameters", [Subject.of_name(f"run:{run}")], {"parameters": {}}, run=run)
    elif change == "quality in its own run":
        hold_out = Subject("dataset:hold-out", HOLD_OUT)
        world.record("data-quality", [hold_out], {"success": False, "figures": []}, run=run)
    elif change == "assessment":
        text = (world.root / "assessment.yaml").read_text().replace("version one", "version two")
        world.write("assessment.yaml", text)
        world.submit(model)
    else:
        text = (world.root / "policies/production.yaml").read_text()
        world.write("policies/production.yaml", text.replace("min: 0.6", "min: 0.61"))
    assert "bound to another" in world.gate(model).uncounted[0][1]


def test_preparation_by_another_run_is_shown_and_bound_where_it_came_before_the_model(world):
    hold_out = Subject("dataset:hold-out", HOLD_OUT)
    early = world.record("data-quality", [hold_out], {"success": True}, run="e" * 32)
    model = ready(world, "one")
    late = world.record("data-quality", [hold_out], {"success": True}, run="f" * 32)
    shown = {record.id for record in gather(world.store, model.sha256, "loans").shown}
    assert early.id in shown
    assert late.id not in shown
    assert world.gate(model).allowed


def test_description_by_another_run_changes_nothing_that_an_approver_reads(world):
    from aims_mlops.assessments.prefill import from_evidence

    model = ready(world, "one")
    dossier = gather(world.store, model.sha256, "loans")
    before = from_evidence(dossier)["data.description"]
    body = {"name": "bought data", "sha256": HOLD_OUT, "licence": "free for all", "rows": 1}
    world.record("dataset", [Subject("dataset:x", HOLD_OUT)], body, run="f" * 32)
    assert from_evidence(gather(world.store, model.sha256, "loans"))["data.description"] == before


# ---- what monitoring measures of a model


def watch(world, model, run="nightly/2026-11-30", *, kinds=("performance", "bias", "drift")):
    """A scheduled run as monitoring records it: what it measured, then the run itself."""
    for kind in kinds:
        world.record(kind, [model.subject], {"figures": []}, actor="aims-monitor", run=run)
    about = [Subject.of_name("monitor:nightly"), model.subject]
    world.record("monitoring-run", about, {"monitor": "nightly"}, actor="aims-monitor", run=run)


def test_monitoring_of_the_model_leaves_its_unused_approval_as_it_is(world):
    model = ready(world, "one")
    watch(world, model, "nightly/2026-11-29")
    watch(world, model)
    assert world.gate(model).allowed
    shown = gather(world.store, model.sha256, "loans").shown
    assert not {r.evidence.run for r in shown} & {"nightly/2026-11-29", "nightly/2026-11-30"}


def test_planted_monitoring_run_under_the_name_of_a_training_hides_none_of_its_figures(world):
    model = ready(world, "one")
    own = world.sha("run one")[:32]
    watch(world, model, own, kinds=())
    assert world.gate(model).allowed
    watch(world, model, own, kinds=("bias",))
    assert "bound to another" in world.gate(model).uncounted[0][1]


def approve_by_second_rule(world, model):
    dossier = gather(world.store, model.sha256, "loans")
    binding = Binding.of(dossier, target="production", policy=world.policy.digest, rule=2)
    body = {**binding.to_body(), "verdict": "approve", "approver": "bo", "roles": ["risk-owner"]}
    assert body["evidence_rule"] == 2
    signed = sign_consent(body, personal_key("bo").signer)
    return world.record("approval", [model.subject], signed, actor="bo")


def test_approval_by_the_second_rule_counts_until_something_of_the_model_changes(world):
    model = train(world, "one")
    watch(world, model, "nightly/2026-11-28")
    world.submit(model)
    approval = approve_by_second_rule(world, model)
    watch(world, model)
    decision = world.gate(model)
    assert decision.allowed
    assert f"approval {approval.id[:8]} names its evidence by rule 2" in str(decision.notes)
    world.measure(model, [])
    assert "(by rule 2; rule 3 counts now)" in world.gate(model).uncounted[0][1]


# ---- approvals from before the second rule of the evidence root


def approve_by_first_rule(world, model, *, root=None):
    """As the version before wrote it: no rule named, the root over whoever's records."""
    dossier = gather(world.store, model.sha256, "loans")
    binding = Binding.of(dossier, target="production", policy=world.policy.digest, rule=1)
    body = {**binding.to_body(), "verdict": "approve", "approver": "bo", "roles": ["risk-owner"]}
    assert "evidence_rule" not in body
    if root is not None:
        body["evidence_root"] = root
    signed = sign_consent(body, personal_key("bo").signer)
    return world.record("approval", [model.subject], signed, actor="bo")


def test_older_approval_counts_and_says_so_while_nothing_about_the_model_changed(world):
    model = train(world, "one")
    world.submit(model)
    approval = approve_by_first_rule(world, model)
    train(world, "another on the same test set")
    decision = world.gate(model)
    assert decision.allowed
    assert f"approval {approval.id[:8]} names its evidence by rule 1; it counts" in str(
        decision.notes
    )


def test_older_approval_no_longer_counts_after_a_new_evaluation_and_says_why(world):
    model = train(world, "one")
    world.submit(model)
    approve_by_first_rule(world, model)
    world.measure(model, [])
    decision = world.gate(model)
    assert not decision.allowed
    why = "it is bound to another evidence root (by rule 1; rule 3 counts now)"
    assert decision.uncounted[0][1] == why


def test_older_approval_of_another_state_of_the_log_does_not_count(world):
    model = train(world, "one")
    world.submit(model)
    approve_by_first_rule(world, model, root="0" * 64)
    assert not world.gate(model).allowed


@pytest.mark.parametrize("rule", [0, -1, 4, "2", True, None, 2.5])
def test_approval_by_a_rule_that_nobody_knows_does_not_count(world, rule):
    model = train(world, "one")
    world.submit(model)
    world.forge_approval(model, "bo", roles=["risk-owner"], evidence_rule=rule)
    decision = world.gate(model)
    assert not decision.allowed
    assert "evidence root" in decision.uncounted[0][1]


def test_decision_by_the_first_rule_is_repeated_by_it_and_stands(world, monkeypatch):
    """What an older version decided: its bound root names no rule."""
    from aims_mlops.gates import gate
    from aims_mlops.gates.decision import request as asked

    model = train(world, "one")
    world.submit(model)
    approve_by_first_rule(world, model)

    def by_first_rule(**said):
        return asked.PromotionRequest(**said, evidence_rule=1)

    with monkeypatch.context() as older:
        older.setattr(gate, "PromotionRequest", by_first_rule)
        decision = world.gate(model)
    assert decision.allowed
    assert "evidence_rule" not in decision.bound.to_body()
    train(world, "another on the same test set")
    now = datetime.now(UTC)
    assert valid_decision(world.store, model, "production", project=world.project, now=now).stands


# ---- roll-back


def promoted(world, model, outcome="set", **said):
    body = {"decision": "0" * 64, "alias": "champion", "target": "production", "name": "loans",
            "version": "1", "outcome": outcome, "model": model.sha256, **said}  # fmt: skip
    world.record("promotion", [model.subject], body)


def used_before(world):
    """A version that was promoted, whose approval counts no more for a new decision."""
    model = ready(world, "one")
    decision = world.gate(model)
    promoted(world, model)
    world.measure(model, [])  # after which a new decision needs a new approval
    return model, decision


def test_rollback_to_a_version_with_a_valid_decision_needs_no_new_one(world):
    model, first = used_before(world)
    assert look_at_model(model, target="production", project=world.project).allowed
    size = world.store.status().size
    written = []
    decision = world.gate(model, alias="champion", write=lambda: written.append("set"))
    assert (decision.allowed, decision.record, written) == (True, first.record, ["set"])
    assert [reason.rule for reason in decision.reasons] == ["decision.stands"]
    assert "a new one would be refused (approvals.count" in decision.notes[-1]
    assert world.store.status().size == size
    assert look_at_model(model, target="production", project=world.project).allowed


def test_question_without_a_promotion_is_decided_anew(world):
    model, _ = used_before(world)
    assert not world.gate(model).allowed


def test_version_that_was_never_promoted_is_no_rollback(world):
    model = ready(world, "one")
    assert world.gate(model).allowed
    world.measure(model, [])
    assert not world.gate(model, alias="champion").allowed


@pytest.mark.parametrize("said", [{"name": "other"}, {"target": "pilot"}, {"outcome": "failed"}])
def test_promotion_of_another_name_or_target_or_that_failed_is_no_rollback(world, said):
    model = ready(world, "one")
    assert world.gate(model).allowed
    promoted(world, model, **said)
    world.measure(model, [])
    assert not world.gate(model, alias="champion").allowed


@pytest.mark.parametrize("end", ["revoke", "demote", "incident", "policy"])
def test_rollback_to_a_version_whose_decision_ended_is_refused(world, end):
    model, _ = used_before(world)
    if end == "revoke":
        world.approve(model, verdict="revoke", reason="second thoughts")
    elif end == "demote":
        promoted(world, model, "removed")
    elif end == "incident":
        world.record("incident", [Subject.of_name("system:loans")], {"title": "harm"})
    else:
        text = (world.root / "policies/production.yaml").read_text()
        world.write("policies/production.yaml", text.replace("min: 0.6", "min: 0.61"))
    written = []
    assert not world.gate(model, alias="champion", write=lambda: written.append(1)).allowed
    assert written == []


def test_revocation_while_a_rollback_is_decided_keeps_it_from_being_written(world, monkeypatch):
    from aims_mlops.gates import gate

    model, _ = used_before(world)
    real = gate.back_to_valid

    def and_then_revoked(*arguments):
        found = real(*arguments)
        if found is not None:
            world.approve(model, verdict="revoke", reason="at the last moment")
        return found

    monkeypatch.setattr(gate, "back_to_valid", and_then_revoked)
    written = []
    decision = world.gate(model, alias="champion", write=lambda: written.append(1))
    assert (decision.verdict, written) == ("refused", [])


def test_plugin_that_objects_refuses_a_rollback_too(world, monkeypatch):
    from aims_mlops.gates import gate

    model, _ = used_before(world)
    objection = Objection(
        rule="frozen", observed="a freeze", limit="none", next_step="wait", plugin="house"
    )
    monkeypatch.setattr(gate, "_objections", lambda request: [objection])
    assert not world.gate(model, alias="champion").allowed


def test_write_that_fails_in_a_rollback_is_no_permission(world):
    model, _ = used_before(world)

    def fail():
        raise OSError("the registry is away")

    decision = world.gate(model, alias="champion", write=fail)
    assert decision.verdict == "undecided"
