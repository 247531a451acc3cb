"""The gate, promotion and trials of policies at their edges."""

from datetime import timedelta

import pytest

from aims_mlops import plugins
from aims_mlops.errors import EvidenceFormatError, EvidenceNotFoundError, InputError
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.gates.backtest import try_policy
from aims_mlops.gates.check_model import look_at_model
from aims_mlops.gates.gate import gate
from aims_mlops.gates.promote import promote
from aims_mlops.gates.replay import recorded_policy, repeat
from aims_mlops.plugins import hookimpl
from aims_mlops.policy.policy import policy_from_content


def stored(world, decision):
    return world.store.get(decision.record).evidence


def test_asker_is_the_one_given_else_whoever_acts(world, monkeypatch):
    monkeypatch.setenv("AIMS_ACTOR", "cy")
    model = world.train()
    asked = gate(model, target="production", project=world.project)
    assert (asked.request.requester, stored(world, asked).actor) == ("cy", "cy")
    given = gate(model, target="production", project=world.project, requester="dee")
    assert (given.request.requester, stored(world, given).actor) == ("dee", "dee")


def test_project_is_the_one_given_else_that_of_the_folder(world, monkeypatch, tmp_path):
    model = world.train()
    assert gate(model, target="production").record is not None
    monkeypatch.chdir(tmp_path)
    assert gate(model, target="production").verdict == "undecided"
    assert gate(model, target="production", project=world.project).verdict == "refused"


def test_policy_may_be_given_as_a_policy_a_file_or_a_pack(world):
    model = world.train()
    own = policy_from_content({"id": "own", "requires": [{"id": "evidence.run", "kind": "run"}]})
    world.write("own.yaml", "id: file\nrequires: [{id: evidence.run, kind: run}]\n")
    for policy, name in ((own, "own"), (world.root / "own.yaml", "file"), ("baseline", "baseline")):
        decision = world.gate(model, policy=policy)
        assert decision.policy_id == name


def test_decision_says_what_enforces_it(world):
    model = world.train()
    assert world.gate(model).request.enforced_by == "nothing: a client's decision is guidance"
    enforced = world.gate(model, enforced_by="the registry")
    assert stored(world, enforced).body["enforced_by"] == "the registry"


def test_policy_and_system_are_declared_only_where_something_is_recorded(world):
    model = world.train(system=None)
    world.gate(model, record=False)
    assert not list(world.store.find(kind=("policy", "system", "decision")))
    world.gate(model)
    assert not list(world.store.find(kind="system"))
    assert stored(world, world.gate(model)).system is None
    world.gate(world.train("two"))
    (system,) = world.store.find(kind="system")
    assert system.evidence.body["id"] == "loans"


def test_undecided_is_recorded_about_what_is_known_of_the_model(world):
    decision = gate("shelf:nothing", target="production", project=world.project)
    assert decision.record is None  # the store was not opened yet
    model = world.ready()
    world.record("model", [model.subject], {"sha256": model.sha256}, system="other")
    decision = world.gate(model)
    evidence = stored(world, decision)
    assert (evidence.body["verdict"], evidence.body["model"]) == ("undecided", model.sha256)
    assert [s.sha256 for s in evidence.subjects] == [model.sha256]
    assert evidence.body["reasons"][0]["severity"] == "critical"
    assert world.gate(model, record=False).record is None


def test_error_without_a_next_step_of_its_own_gets_one(world, monkeypatch):
    model = world.train()

    def broken(*_, **__):
        raise KeyError("x")

    monkeypatch.setattr("aims_mlops.gates.gate.decide", broken)
    (reason,) = world.gate(model).refusals
    assert reason.observed == "KeyError: 'x'"
    assert reason.next_step == "ask again; if it stays, report it as a defect of the gate"

    def ours(*_, **__):
        raise InputError("no")

    monkeypatch.setattr("aims_mlops.gates.gate.decide", ours)
    (reason,) = world.gate(model).refusals
    assert reason.next_step == "put right what is named above, then ask again"


def test_answer_that_can_not_be_recorded_says_so(world, monkeypatch):
    model = world.train()

    def broken(*_, **__):
        raise KeyError("x")

    monkeypatch.setattr("aims_mlops.gates.gate.decide", broken)
    monkeypatch.setattr("aims_mlops.store.log.sql.SqlStore.append", broken)
    decision = world.gate(model)
    assert decision.notes == ("this answer could not be recorded: KeyError",)
    assert decision.record is None


def test_broken_glass_leaves_its_nonconformity_only_where_it_let_a_model_through(world, bad):
    path = world.root / "policies/production.yaml"
    path.write_text(path.read_text() + "break_glass: {allowed: true}\n")
    weak = world.train("weak", figures=bad)
    world.submit(weak)
    assert not world.gate(weak, break_glass="now").allowed
    assert not list(world.store.find(kind="nonconformity"))
    model = world.train("good")
    world.submit(model)
    decision = world.gate(model, break_glass="now")
    (opened,) = world.store.find(kind="nonconformity")
    body = opened.evidence.body
    assert (body["reason"], body["requester"], body["state"]) == ("now", "dee", "open")
    assert (opened.evidence.system, opened.evidence.actor) == ("loans", "dee")
    assert body["decision"] == decision.record


class Silent:
    """A plugin that takes no argument and says nothing."""

    def __init__(self):
        self.asked = 0

    @hookimpl
    def before_promotion_decided(self):
        self.asked += 1


class Registry:
    def __init__(self, answer="set it"):
        self.answer, self.set = answer, []

    @hookimpl(tryfirst=True)
    def set_model_alias(self, model, alias):
        self.set.append((model.sha256, alias))
        return self.answer

    @hookimpl(tryfirst=True)
    def resolve_model(self, uri):
        if uri.startswith("shop:"):
            digest = ("a" if len(self.set) % 2 == 0 else "b") * 64
            return ModelReference(uri=uri, sha256=digest, name="loans", version="7")
        return None


@pytest.fixture
def plugin():
    names = []

    def register(what):
        plugins.manager().register(what, f"plugin-{len(names)}")
        names.append(f"plugin-{len(names)}")
        return what

    yield register
    for name in names:
        plugins.manager().unregister(name=name)


def test_plugin_that_takes_nothing_and_says_nothing_is_asked(world, plugin):
    silent = plugin(Silent())
    assert world.gate(world.ready()).allowed
    assert silent.asked == 1


def test_promotion_records_who_asked_for_what(world, plugin, monkeypatch):
    plugin(Registry())
    monkeypatch.setenv("AIMS_ACTOR", "dee")
    done = promote(world.ready().uri, alias="champion", target="production")
    body = world.store.get(done.record).evidence
    assert (body.actor, body.system) == ("dee", "loans")
    assert (body.body["alias"], body.body["target"]) == ("champion", "production")
    assert (body.body["name"], body.body["version"], body.body["said"]) == (None, None, "set it")
    told = done.to_body()
    assert (told["outcome"], told["record"]) == ("set", done.record)
    assert told["decision"]["record"] == done.decision.record


def test_promotion_under_break_glass_or_another_policy_is_decided_under_it(world, plugin):
    plugin(Registry())
    path = world.root / "policies/production.yaml"
    path.write_text(path.read_text() + "break_glass: {allowed: true}\n")
    model = world.train()
    world.submit(model)
    done = promote(model.uri, alias="champion", requester="dee", break_glass="now")
    assert done.decision.broke_glass
    world.write("other.yaml", "id: other\nrequires: [{id: evidence.run, kind: run}]\n")
    done = promote(model.uri, alias="champion", requester="dee", policy=world.root / "other.yaml")
    assert done.decision.policy_id == "other"


def test_model_that_was_exchanged_after_the_decision_is_not_promoted(world, plugin, monkeypatch):
    registry = plugin(Registry())
    world.write("policies/production.yaml", "id: p\napprovals: {count: 1, not_by: []}\n")
    monkeypatch.setattr(
        "aims_mlops.gates.promote.resolve_model",
        lambda uri: ModelReference(uri=uri, sha256="f" * 64, name="loans", version="8"),
    )
    model = world.ready()
    done = promote(model.uri, alias="champion", requester="dee")
    assert (done.outcome, done.said) == (
        "failed",
        "the model behind the URI changed after the decision",
    )
    assert registry.set == []
    body = world.store.get(done.record).evidence.body
    assert (body["name"], body["version"]) == ("loans", "8")


def test_model_of_no_system_is_promoted_where_the_policy_needs_none(world, plugin):
    plugin(Registry())
    text = "id: production\nrequires: [{id: evidence.run, kind: run}]\n"
    world.write("policies/production.yaml", text)
    done = promote(world.train(system=None).uri, alias="champion", requester="dee")
    assert done.outcome == "set"
    assert world.store.get(done.record).evidence.system is None


def test_registry_that_does_not_answer_or_breaks_has_not_promoted(world, plugin):
    model = world.ready()
    plugin(Registry(answer=None))
    done = promote(model.uri, alias="champion", requester="dee")
    assert done.outcome == "failed"
    assert done.said.startswith("it is a model of no registry, which has no aliases")
    assert f"aims deployment record {model.uri} --for production --where PLACE" in done.said


def test_target_of_a_promotion_is_the_aliass_own_or_the_one_named(world, plugin):
    plugin(Registry())
    model = world.ready()
    assert promote(model.uri, alias="best", target="champion").outcome == "set"
    with pytest.raises(InputError) as refused:
        promote(model.uri, alias="champion", target="staging")
    assert (refused.value.got, refused.value.expected) == ("staging", "production")


def test_policy_is_tried_on_the_decisions_of_its_target_system_and_time(world, bad):
    first = world.gate(world.train("one", figures=bad))
    moment = parse(world.store.get(first.record).received_at)
    gate("shelf:nothing", target="production", project=world.project)
    assert [t.decision.id for t in try_policy(world.store, world.policy)] == [first.record]

    def tried(**how):
        return len(list(try_policy(world.store, world.policy, **how)))

    assert tried(target="production") == tried(system="loans") == tried(since=moment) == 1
    assert tried(target="staging") == tried(system="toys") == 0
    assert tried(since=moment + timedelta(microseconds=1)) == 0


def test_policy_is_tried_on_the_log_as_it_was(world, bad, good):
    model = world.train(figures=good)
    world.gate(model)
    world.measure(model, bad)
    (trial,) = try_policy(world.store, world.policy)
    assert (trial.would_refuse, trial.was_allowed) == (False, False)


def test_rule_that_does_not_block_refuses_nothing_when_tried(world, bad):
    world.gate(world.train(figures=bad))
    text = (world.root / "policies/production.yaml").read_text()
    path = world.root / "policies/production.yaml"
    path.write_text(text.replace("min: 0.6,", "min: 0.6, blocking: false,"))
    (trial,) = try_policy(world.store, world.policy)
    assert trial.refusals == ()


def test_decision_whose_policy_is_not_in_the_log_is_not_repeated(world):
    with pytest.raises(EvidenceNotFoundError, match="no policy ffffffffffffffff… in the log"):
        recorded_policy(world.store, "f" * 64)
    model = world.train()
    other = world.record("performance", [model.subject], {"request": {}})
    with pytest.raises(EvidenceFormatError, match="got performance"):
        repeat(world.store, other)


def test_check_of_a_model_that_nobody_decided_about_says_what_to_do(world):
    model = world.train()
    found = look_at_model(model, target="production", project=world.project)
    body = found.to_body()
    assert (found.verdict, found.exit_code, found.allowed) == ("refused", 1, False)
    assert (body["decision"], body["decided_at"], body["model"]) == (None, None, model.sha256)
    assert "decision.exists" in str(found)
    assert "next: aims gate" in str(found)


def test_check_of_an_allowed_model_names_its_decision(world):
    model = world.ready()
    decision = world.gate(model)
    found = look_at_model(model.uri, target="Champion", project=world.project)
    body = found.to_body()
    assert (found.verdict, found.exit_code, body["target"]) == ("allowed", 0, "production")
    assert body["decision"] == decision.record
    assert body["decided_at"] == world.store.get(decision.record).received_at


def test_check_that_breaks_is_undecided_and_says_why(world, monkeypatch):
    found = look_at_model("shelf:nothing", target="production", project=world.project)
    (reason,) = found.reasons
    assert (found.verdict, found.exit_code, found.model) == ("undecided", 2, None)
    assert (reason.rule, reason.next_step) == ("check.could-be-made", "aims plugins")
    assert found.to_body()["model"] is None

    def broken(*_, **__):
        raise KeyError("x")

    monkeypatch.setattr("aims_mlops.gates.check_model.valid_decision", broken)
    model = world.train()
    (reason,) = look_at_model(model, target="production", project=world.project).reasons
    assert reason.observed == "KeyError: 'x'"
    assert reason.next_step == "put right what is named, then ask again"
