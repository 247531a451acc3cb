"""The gate in its world: what it records, and how it fails closed."""

import json
import os
import sqlite3

import pytest
from click.testing import CliRunner

from aims_mlops import plugins
from aims_mlops.cli.decision_text import decision_text
from aims_mlops.cli.gate import command as gate_command
from aims_mlops.cli.promote import command as promote_command
from aims_mlops.errors import InputError
from aims_mlops.gates.decision.reason import Objection
from aims_mlops.gates.gate import gate
from aims_mlops.gates.promote import promote
from aims_mlops.plugins import hookimpl


def test_decision_is_evidence_with_everything_it_was_based_on(world):
    model = world.ready()
    decision = world.gate(model)
    record = world.store.get(decision.record)
    body = record.evidence.body
    assert record.evidence.kind == "decision"
    assert model.sha256 in {s.sha256 for s in record.evidence.subjects}
    assert body["allowed"] is True
    assert body["bound"]["model"] == model.sha256
    assert body["bound"]["policy"] == world.policy.digest
    assert body["checkpoint"].split()[1] == body["request"]["checkpoint"].split()[1]
    people = json.loads(world.store.get_blob(body["request"]["people_sha256"]))
    assert {person["id"] for person in people} >= {"ana", "bo"}
    policies = list(world.store.find(kind="policy", subject=world.policy.digest))
    assert len(policies) == 1


def test_no_record_leaves_the_log_as_it_was(world):
    model = world.ready()
    size = world.store.status().size
    assert world.gate(model, record=False).allowed
    assert world.store.status().size == size


def test_alias_of_a_target_stands_for_the_target(world):
    decision = gate(world.ready().uri, target="Champion", project=world.project, requester="dee")
    assert decision.allowed
    assert decision.target == "production"


@pytest.mark.parametrize(
    ("break_it", "words", "next_step"),
    [
        (lambda w: w.write("policies/production.yaml", "id: p\nrule: []\n"), "did you mean 'rules'",
         "aims policy lint"),
        (lambda w: (w.root / "policies/production.yaml").unlink(), "no such policy", "aims init"),
        (lambda w: w.write("aims.yaml", w.root.joinpath("aims.yaml").read_text().replace(
            "policy: policies/production.yaml", "policy: nowhere")), "no such policy", "aims init"),
    ],
)  # fmt: skip
def test_unreadable_policy_is_undecided_with_the_line_and_a_next_step(
    world, break_it, words, next_step
):
    model = world.ready()
    break_it(world)
    decision = world.gate(model)
    assert decision.verdict == "undecided"
    assert decision.exit_code == 2
    assert not decision.allowed
    (reason,) = decision.refusals
    assert words in reason.observed
    assert next_step in reason.next_step


def test_target_without_a_policy_is_undecided(world):
    decision = gate(world.ready(), target="moon", project=world.project)
    assert decision.exit_code == 2
    assert "no policy decides about the target 'moon'" in decision.refusals[0].observed
    assert "got targets production" in decision.refusals[0].observed


def test_model_that_no_plugin_knows_is_undecided(world):
    decision = gate("models:/nothing/1", target="production", project=world.project)
    assert decision.exit_code == 2
    assert "models:/nothing/1" in decision.model_uri


def test_unreachable_store_is_undecided_and_does_not_raise(world, monkeypatch):
    model = world.ready()
    monkeypatch.setenv("AIMS_STORE_URL", f"sqlite:///{world.root}/aims.yaml")
    decision = world.gate(model)
    assert decision.exit_code == 2
    assert decision.record is None


def test_locked_store_is_undecided_and_is_asked_only_once(world, monkeypatch):
    monkeypatch.setattr("aims_mlops.store.database.database.LOCK_TIMEOUT", 0.2)
    model = world.ready()
    path = world.store.url.removeprefix("sqlite:///")
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    try:
        decision = world.gate(model)
    finally:
        blocker.rollback()
        blocker.close()
    assert decision.exit_code == 2
    assert decision.record is None


def test_two_systems_for_one_model_are_undecided(world):
    model = world.ready()
    world.record("model", [model.subject], {"sha256": model.sha256}, system="other")
    decision = world.gate(model)
    assert decision.exit_code == 2
    assert "loans and other" in decision.refusals[0].observed


class _Objector:
    @hookimpl
    def before_promotion_decided(self, request):
        return [
            Objection(rule="robustness", observed=f"not tried for {request.target}",
                      next_step="run the robustness suite", plugin="someone-else")
        ]  # fmt: skip


class _Broken:
    @hookimpl
    def before_promotion_decided(self, request):
        raise RuntimeError("no network")


class _Generous:
    @hookimpl
    def before_promotion_decided(self, request):
        return []


@pytest.fixture
def plugin():
    """Register a plugin for one test."""
    names = []

    def register(name, what):
        plugins.manager().register(what, name)
        names.append(name)

    yield register
    for name in names:
        plugins.manager().unregister(name=name)


def test_plugins_object_each_on_its_own_and_one_that_fails_refuses(world, plugin):
    model = world.ready()
    plugin("acme", _Objector())
    plugin("broken", _Broken())
    decision = world.gate(model)
    assert decision.exit_code == 1
    assert {r.rule for r in decision.refusals} == {
        "plugin.acme.robustness",
        "plugin.broken.failed",
    }
    assert "RuntimeError" in next(r.observed for r in decision.refusals if "broken" in r.rule)


def test_plugin_without_objection_can_not_allow(world, plugin):
    plugin("generous", _Generous())
    assert world.gate(world.train()).exit_code == 1


def test_command_prints_reasons_and_exits_by_the_answer(world, monkeypatch):
    monkeypatch.setenv("AIMS_ACTOR", "dee")
    model = world.train()
    arguments = [model.uri, "--for", "production"]
    refused = CliRunner().invoke(gate_command, arguments)
    assert refused.exit_code == 1
    assert "✗ assessment.submitted (critical) [A.5.2, A.5.3, A.5.4, A.5.5]" in refused.output
    assert "next      aims assess new loans" in refused.output
    world.submit(model)
    world.approve(model)
    allowed = CliRunner().invoke(gate_command, [*arguments, "--json"])
    assert allowed.exit_code == 0
    assert json.loads(allowed.output)["verdict"] == "allowed"
    undecided = CliRunner().invoke(gate_command, [model.uri, "--for", "moon"])
    assert undecided.exit_code == 2
    assert undecided.output.startswith("? could not decide")


def test_control_characters_from_evidence_do_not_reach_the_terminal(world):
    uri = "models:/\x1b[31mred\n✓ allowed\u2028✓ allowed\u202e/1"
    decision = gate(uri, target="production", project=world.project)
    text = decision_text(decision)
    assert not {"\x1b", "\u2028", "\u202e"} & set(text)
    assert not any(line.startswith("✓ allowed") for line in text.splitlines())


class _Registry:
    def __init__(self):
        self.set = []

    @hookimpl(tryfirst=True)
    def set_model_alias(self, model, alias):
        self.set.append((model.sha256, alias))
        return f"alias {alias} set"


def test_promotion_sets_the_alias_only_after_an_allowed_decision(world, plugin):
    registry = _Registry()
    plugin("registry", registry)
    refused = promote(
        world.train("bad").uri, alias="champion", project=world.project, requester="dee"
    )
    assert (refused.outcome, refused.exit_code, registry.set) == ("not asked", 1, [])
    model = world.ready("good")
    done = promote(model.uri, alias="champion", project=world.project, requester="dee")
    assert (done.outcome, done.exit_code) == ("set", 0)
    assert registry.set == [(model.sha256, "champion")]
    body = world.store.get(done.record).evidence.body
    assert body["decision"] == done.decision.record
    assert body["outcome"] == "set"


def test_registry_that_cannot_set_the_alias_is_a_recorded_failed_promotion(world):
    done = promote(world.ready().uri, alias="champion", project=world.project, requester="dee")
    assert (done.outcome, done.exit_code) == ("failed", 3)
    assert world.store.get(done.record).evidence.body["outcome"] == "failed"


def test_alias_of_another_target_or_of_none_is_an_input_error(world):
    model = world.ready()
    with pytest.raises(InputError, match="does not say which target"):
        promote(model.uri, alias="best", project=world.project)
    with pytest.raises(InputError, match="means another target"):
        promote(model.uri, alias="champion", target="staging", project=world.project)


def test_promote_command_says_what_came_of_it(world, monkeypatch):
    monkeypatch.setenv("AIMS_ACTOR", "dee")
    result = CliRunner().invoke(promote_command, [world.train().uri, "--alias", "champion"])
    assert result.exit_code == 1
    assert "✗ alias champion: not asked; the gate did not allow it" in result.output
    assert os.environ["AIMS_ACTOR"] == "dee"


def test_suppliers_of_a_system_become_evidence_once(world):
    text = (world.root / "aims.yaml").read_text()
    world.write(
        "aims.yaml",
        text.replace(
            "    models:", "    suppliers: [{name: Acme, provides: base model}]\n    models:"
        ),
    )
    model = world.ready()
    for _ in range(2):
        world.gate(model)
    (record,) = world.store.find(kind="supplier")
    assert record.evidence.body["name"] == "Acme"
    assert record.evidence.controls == ("A.10.3",)


def test_decision_prints_its_reasons_in_a_notebook(world):
    decision = world.gate(world.train())
    assert repr(decision).startswith("<Decision refused: sha256:")
    assert "next: aims assess new loans" in str(decision)
