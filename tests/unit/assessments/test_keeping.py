"""A retrained model under a tolerance: what keeps the assessment, and what re-opens it."""

import functools
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aims_mlops.assessments.carry_over import ApprovalContext, keep_assessment
from aims_mlops.cli.assess import group as assess
from aims_mlops.dossier.query import gather, with_assessed
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Subject
from aims_mlops.gates.decision_validity import valid_decision
from aims_mlops.gates.replay import repeat
from aims_mlops.policy.policy import policy_from_content

TOLERANCE = "tolerance: {figures_within: 0.02, dataset_content: any}"
COLUMNS = [{"name": "income", "type": "double"}, {"name": "repaid", "type": "int64"}]
ENVIRONMENT = {"python": "3.12.1", "platform": "linux", "packages": {"a": "1"}}


def figure(value, measure="recall_score", group=None):
    return {"measure": measure, "group": group, "value": value, "low": value, "high": value, "n": 9}


def tolerate(world, tolerance=TOLERANCE):
    path = world.root / "policies/production.yaml"
    text = path.read_text().replace("{required: true}", f"{{required: true, {tolerance}}}")
    path.write_text(text)


def trained(world, name, *, figures=None, data=None, model=None, environment=None):
    """A recorded run with everything that a tolerance compares."""
    sha = world.sha
    run = sha(f"run {name}")[:32]
    about = {"run": run, "actor": "ana"}
    of_run = Subject.of_name(f"run:{run}")
    reference = ModelReference(uri=f"sha256:{sha(name)}", sha256=sha(name))
    rows = {"name": "d", "sha256": sha(f"data {name}"), "source": "branches", "columns": COLUMNS}
    rows = {**rows, **(data or {})}
    world.record("run", [of_run], {"activity": "training", "status": "finished"}, **about)
    world.record("environment", [of_run], {**ENVIRONMENT, **(environment or {})}, **about)
    world.record("dataset", [Subject("dataset:d", rows["sha256"])], rows, **about)
    body = {"name": "m", "sha256": reference.sha256, "class": "Tree", "framework": "trees 1.0"}
    body |= {"signature": {"inputs": ["income"]}, "parameters_of_model": {"depth": 3}}
    body |= {
        "datasets": [{"name": "d", "role": "train", "sha256": rows["sha256"]}],
        **(model or {}),
    }
    world.record("model", [reference.subject, of_run], body, **about)
    world.measure(reference, figures or [figure(0.8), figure(0.7, group={"sex": "F"})], run=run)
    return reference


@pytest.fixture
def assessed(world):
    """The approved model before, under a policy with a tolerance."""
    tolerate(world)
    model = trained(world, "before")
    world.submit(model)
    world.approve(model)
    assert world.gate(model).allowed
    return model


CANONICAL = {"canonical": {"scheme": "aims-model-v1", "sha256": "c" * 64, "changed": ["MLmodel"]}}
OTHER_CONTENT = {"canonical": {**CANONICAL["canonical"], "sha256": "d" * 64}}
OTHER_SCHEME = {"canonical": {**CANONICAL["canonical"], "scheme": "aims-model-v9"}}
OTHER_PACKAGES = {"packages": {"a": "2"}}


def submitted(decision):
    return next(r for r in decision.reasons if r.rule == "assessment.submitted")


def test_retrained_model_within_tolerance_keeps_the_assessment_and_needs_its_own_approval(
    world, assessed
):
    model = trained(world, "again", figures=[figure(0.79), figure(0.72, group={"sex": "F"})])
    decision = world.gate(model)
    assert [reason.rule for reason in decision.refusals] == ["approvals.count"]
    world.approve(model)
    decision = world.gate(model)
    assert decision.allowed
    assert f"the impact assessment of model {assessed.sha256[:12]}…" in " ".join(decision.notes)
    body = world.store.get(decision.record).evidence.body
    kept = next(iter(world.store.find(kind="impact-assessment")))
    assert body["bound"]["assessment"] == kept.evidence.body["document_sha256"]


@pytest.fixture
def with_content(world):
    """The approved model before, whose canonical digest is on record."""
    tolerate(world)
    model = trained(world, "before", model=CANONICAL)
    world.submit(model)
    world.approve(model)
    return model


def test_identical_retraining_is_recognised_recorded_and_told(world, with_content):
    model = trained(world, "again", model=CANONICAL, environment=OTHER_PACKAGES)
    words = "an identical retraining, the same content: aims-model-v1 cccccccccccc…"
    decision = world.gate(model)
    assert [reason.rule for reason in decision.refusals] == ["approvals.count"]
    shown = CliRunner().invoke(assess, ["approve", "--model", model.uri, "--as", "bo", "--yes"])
    assert words in shown.output
    assert words in CliRunner().invoke(assess, ["show", "--model", model.uri]).output
    decision = world.gate(model)
    assert decision.allowed
    record = world.store.get(decision.record)
    assert words in " ".join(record.evidence.body["notes"])
    assert repeat(world.store, record).to_body() == dict(record.evidence.body)


@pytest.mark.parametrize("claimed", [{}, {"canonical": None}, OTHER_CONTENT, OTHER_SCHEME])
def test_retraining_with_other_or_unknown_content_is_not_called_identical(
    world, with_content, claimed
):
    same = trained(world, "same packages", model=claimed)
    world.approve(same)
    decision = world.gate(same)
    assert decision.allowed
    assert not any("identical" in note for note in decision.notes)
    model = trained(world, "other packages", model=claimed, environment=OTHER_PACKAGES)
    assert "1 packages of the run differ" in submitted(world.gate(model)).observed


def test_second_record_that_claims_the_approved_content_makes_no_identical_retraining(
    world, with_content
):
    model = trained(world, "again", model=OTHER_CONTENT, environment=OTHER_PACKAGES)
    body = {"name": "m", "sha256": model.sha256, "class": "Tree", "framework": "trees 1.0"}
    body |= {"signature": {"inputs": ["income"]}, "parameters_of_model": {"depth": 3}, **CANONICAL}
    world.record("model", [model.subject], body, actor="ana")
    assert "1 packages of the run differ" in submitted(world.gate(model)).observed


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"figures": [figure(0.83), figure(0.7, group={"sex": "F"})]}, "0.8 -> 0.83, beyond ±0.02"),
        ({"figures": [figure(0.8)]}, "recall_score, sex=F is not measured any more"),
        ({"data": {"licence": "CC0"}}, "dataset d has another licence"),
        ({"model": {"class": "Forest"}}, "another class"),
        ({"model": {"parameters_of_model": {"depth": 9}}}, "another parameters of model"),
    ],
)
def test_identical_content_excuses_no_figure_data_set_or_kind_of_model(
    world, with_content, change, words
):
    change = {**change, "model": {**CANONICAL, **change.get("model", {})}}
    assert words in submitted(world.gate(trained(world, "again", **change))).observed


def test_without_a_tolerance_an_identical_retraining_is_bound_to_its_own_digest(world):
    model = trained(world, "before", model=CANONICAL)
    world.submit(model)
    world.approve(model)
    decision = world.gate(trained(world, "again", model=CANONICAL))
    assert submitted(decision).observed == "none about this model"
    assert not any("identical" in note for note in decision.notes)


def test_without_a_tolerance_every_retrained_model_is_assessed_anew(world):
    model = trained(world, "before")
    world.submit(model)
    world.approve(model)
    decision = world.gate(trained(world, "again"))
    assert submitted(decision).observed == "none about this model"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"figures": [figure(0.83), figure(0.7, group={"sex": "F"})]}, "0.8 -> 0.83, beyond ±0.02"),
        ({"figures": [figure(0.77), figure(0.7, group={"sex": "F"})]}, "0.8 -> 0.77, beyond ±0.02"),
        ({"figures": [figure(0.8)]}, "recall_score, sex=F is not measured any more"),
        ({"figures": [figure(0.8), figure(0.7, group={"sex": "X"})]}, "sex=X was not assessed"),
        ({"figures": [figure(None), figure(0.7, group={"sex": "F"})]}, "0.8 -> unknown"),
        ({"data": {"source": "the web"}}, "dataset d has another source"),
        ({"data": {"licence": "CC0"}}, "dataset d has another licence"),
        ({"data": {"columns": COLUMNS[:1]}}, "dataset d has another schema: -repaid"),
        ({"data": {"columns": None}}, "the schema of dataset d is not on record"),
        ({"data": {"name": "e"}}, "dataset e is new"),
        ({"model": {"class": "Forest"}}, "another class"),
        ({"model": {"framework": "trees 2.0"}}, "another framework"),
        ({"model": {"signature": {"inputs": ["zip"]}}}, "another signature"),
        ({"model": {"parameters_of_model": {"depth": 9}}}, "another parameters of model"),
        ({"environment": {"python": "3.13.0"}}, "another python in the run"),
        ({"environment": {"packages": {"a": "2"}}}, "1 packages of the run differ"),
    ],
)
def test_change_beyond_the_tolerance_re_opens_with_the_reason_in_words(
    world, assessed, change, words
):
    model = trained(world, "again", **change)
    decision = world.gate(model)
    reason = submitted(decision)
    assert reason.outcome == "missing"
    assert "the one before is re-opened: " in reason.observed
    assert words in reason.observed
    submit = f"aims assess submit --model {model.uri}"
    assert reason.next_step == f"aims assess new loans, fill it in, then {submit}"
    shown = CliRunner().invoke(assess, ["show", "--model", model.uri]).output
    assert "✗ re-opened: " in shown
    assert words in shown


@pytest.mark.parametrize(
    ("tolerance", "change"),
    [
        ("figures_within: 0.02, dataset_content: any, parameters: any",
         {"model": {"parameters_of_model": {"depth": 9}}}),
        ("figures_within: 0.02, dataset_content: any, environment: any",
         {"environment": {"python": "3.13.0", "packages": {}}}),
        ("figures_within: 0, dataset_content: any, measures: {recall_score: 0.1}",
         {"figures": [figure(0.9), figure(0.6, group={"sex": "F"})]}),
    ],
)  # fmt: skip
def test_what_the_policy_leaves_open_re_opens_nothing(world, tolerance, change):
    tolerate(world, f"tolerance: {{{tolerance}}}")
    model = trained(world, "before")
    world.submit(model)
    world.approve(model)
    decision = world.gate(trained(world, "again", **change))
    assert submitted(decision).outcome == "pass"


def test_data_set_with_other_content_re_opens_unless_the_policy_says_any(world):
    tolerate(world, "tolerance: {figures_within: 0.02}")
    model = trained(world, "before")
    world.submit(model)
    world.approve(model)
    found = submitted(world.gate(trained(world, "again")))
    assert "dataset d has other content" in found.observed


def test_many_small_steps_are_held_against_the_model_that_was_assessed(world, assessed):
    for step, value in enumerate((0.815, 0.83)):
        model = trained(world, f"{step}", figures=[figure(value), figure(0.7, group={"sex": "F"})])
        world.approve(model) if step == 0 else None
        found = submitted(world.gate(model))
        assert found.outcome == ("pass", "missing")[step]


def test_bad_evaluation_of_the_retrained_model_is_not_hidden_by_a_better_one(world, assessed):
    model = trained(world, "again", figures=[figure(0.9), figure(0.7, group={"sex": "F"})])
    world.measure(model, [figure(0.8), figure(0.7, group={"sex": "F"})])
    assert "0.8 -> 0.9" in submitted(world.gate(model)).observed


def take_back(world, model):
    world.approve(model, verdict="revoke", reason="the figures were wrong")


def reject(world, model):
    world.approve(model, "cy", verdict="reject", reason="unfair")


def have_an_incident(world, model):
    world.record("incident", [Subject.of_name("system:loans")], {"title": "wrong refusals"})


def edit_the_assessment(world, model):
    text = (world.root / "assessment.yaml").read_text()
    world.write("assessment.yaml", text.replace("a score", "a harmless score"))
    world.submit(model)


def change_the_policy(world, model):
    path = world.root / "policies/production.yaml"
    path.write_text(path.read_text().replace("0.02", "0.9"))


def evaluate_it_again(world, model):
    world.measure(model, [figure(0.2)])


def state_another_use(world, model):
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace("clerks look at the score", "no clerk looks at it"))


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (take_back, "is not approved by now: 0 of 1 approvals count"),
        (reject, "is not approved by now: rejected by cy: unfair"),
        (have_an_incident, "is not approved by now: an incident of the system was recorded since"),
        (edit_the_assessment, "not approved by now: another assessment of it was submitted since"),
        (change_the_policy, "is not approved by now: it is bound to another policy"),
        (evaluate_it_again, "a new performance record since then"),
        (state_another_use, "aims.yaml states another intended use"),
    ],
)
def test_assessment_of_the_model_before_that_no_longer_stands_is_not_kept(
    world, assessed, event, words
):
    model = trained(world, "again")
    assert submitted(world.gate(model)).outcome == "pass"
    event(world, assessed)
    assert words in submitted(world.gate(model)).observed


def test_role_or_number_of_approvals_of_the_model_before_that_do_not_suffice(world):
    tolerate(world)
    path = world.root / "policies/production.yaml"
    path.write_text(
        path.read_text().replace(
            "roles: [risk-owner]", "roles: [risk-owner, security], each_role: true"
        )
    )
    before = trained(world, "before")
    world.submit(before)
    world.approve(before, "bo")
    model = trained(world, "again")
    words = "1 of 1 approvals count, not one of each role: risk-owner, security"
    assert words in submitted(world.gate(model)).observed
    world.approve(before, "cy")
    assert submitted(world.gate(model)).outcome == "pass"


def test_own_assessment_of_the_retrained_model_takes_the_place_of_the_kept_one(world, assessed):
    model = trained(world, "again")
    edit_the_assessment(world, model)
    world.approve(model)
    decision = world.gate(model)
    assert decision.allowed
    assert not any("is kept" in note for note in decision.notes)


def test_approval_given_over_a_kept_assessment_dies_with_it(world, assessed):
    model = trained(world, "again")
    world.approve(model)
    assert world.gate(model).allowed
    take_back(world, assessed)
    decision = world.gate(model)
    assert {r.rule for r in decision.refusals} == {"assessment.submitted", "approvals.count"}
    assert "bound to another assessment" in decision.uncounted[-1][1]


def test_kept_assessment_is_not_younger_than_the_day_it_was_submitted(world, assessed):
    model = trained(world, "again")
    later = datetime.now(UTC) + timedelta(days=366)
    assert submitted(world.decide(model, moment=later)).outcome != "pass"


def test_decision_over_a_kept_assessment_stands_and_repeats_until_it_is_taken_back(world, assessed):
    model = trained(world, "again")
    world.approve(model)
    decision = world.gate(model)
    record = world.store.get(decision.record)
    assert repeat(world.store, record).to_body() == dict(record.evidence.body)

    def stands():
        return valid_decision(
            world.store, model, "production", project=world.project, now=datetime.now(UTC)
        )

    assert stands().stands
    other = trained(world, "third")
    edit_the_assessment(world, other)
    evaluate_it_again(world, assessed)
    assert stands().stands  # what is assessed later is about another model
    take_back(world, assessed)
    assert {r.rule for r in stands().reasons} == {
        "assessment.not-superseded",
        "assessment.submitted",
    }
    assert repeat(world.store, record).allowed


def test_approver_is_shown_of_which_model_the_assessment_is(world, assessed):
    model = trained(world, "again")
    result = CliRunner().invoke(assess, ["approve", "--model", model.uri, "--as", "bo", "--yes"])
    assert f"It is about model {assessed.sha256}; the policy's tolerance keeps it" in result.output
    assert result.exit_code == 0, result.output
    assert world.gate(model).allowed


MANY = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def retrained(world, assessed):
    """Retrained models within the tolerance and beyond it, with all records about each."""
    within = trained(world, "within")
    world.approve(within)
    beyond = trained(world, "beyond", figures=[figure(0.9), figure(0.7, group={"sex": "F"})])
    cases = [(m, tuple(world.records(m))) for m in (within, beyond)]
    world.decide = functools.partial(world.decide, policy=world.policy)
    return world, cases


@MANY
@given(data=st.data())
def test_taking_a_record_of_either_model_away_never_makes_a_model_keep_an_assessment(
    retrained, data
):
    world, cases = retrained
    model, records = data.draw(st.sampled_from(cases))
    gone = data.draw(st.sets(st.sampled_from([r.id for r in records]), min_size=1))
    moment = datetime.now(UTC)
    whole = world.decide(model, records, moment=moment)
    fewer = world.decide(model, [r for r in records if r.id not in gone], moment=moment)
    assert whole.allowed or not fewer.allowed
    assert submitted(whole).outcome == "pass" or submitted(fewer).outcome != "pass"


def test_nothing_is_kept_where_nobody_has_to_approve_or_the_record_is_about_something_else(
    world, assessed
):
    model = trained(world, "again")
    found = gather(world.store, model.sha256, "loans")
    dossier = with_assessed(world.store, found, world.policy)
    around = ApprovalContext(
        target="production",
        people=world.project.humans,
        single_user=False,
        system=world.project.systems[0],
        now=datetime.now(UTC),
    )
    assert keep_assessment(dossier, world.policy, around).dossier.kept is not None
    content = {**world.policy.content(), "approvals": None}
    kept = keep_assessment(dossier, policy_from_content(content), around)
    (words,) = kept.why_not
    assert kept.dossier.kept is None
    assert words.endswith("is not approved by now: the policy asks for no approvals")
    stranger = keep_assessment(dossier, world.policy, around, of="f" * 64)
    (words,) = stranger.why_not
    assert words == "that of model ffffffffffff… is not approved by now: nobody approved it"
