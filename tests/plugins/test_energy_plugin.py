"""A plugin that brings a kind of evidence, a measure and a rule, from the run to the gate."""

import pytest

import aims_mlops as aims
import aims_mlops.errors
from aims_mlops.capture.facts.checks import measure_named
from aims_mlops.dossier.query import resolve_model
from aims_mlops.gates.gate import gate
from aims_mlops.plugins import hookimpl, manager

POLICY = """\
id: production
requires:
  - {id: energy.metered, kind: x-energy}
rules:
  - {id: energy.limit, kind: x-energy, measure: energy.watt_hours, max: MAX}
"""


@pytest.fixture
def trained(world, energy_plugin):
    """A model of a run that the plugin saw."""
    (world.root / "score.txt").write_text("income > 28")
    with aims.run(system="loans", name="score", mlflow=False) as run:
        run.model("score.txt", name="loans")
    return resolve_model(str(world.root / "score.txt"))


def ask(world, model, limit):
    world.write("policies/production.yaml", POLICY.replace("MAX", str(limit)))
    return gate(model, target="production", project=world.project, requester="dee")


def test_policy_asks_for_a_plugins_evidence_and_limits_its_figure(world, trained):
    assert [r.evidence.kind for r in world.store.find(kind="x-energy")] == ["x-energy"]
    assert ask(world, trained, 1000).allowed
    refused = ask(world, trained, -1)
    assert [r.rule for r in refused.refusals] == ["energy.limit"]
    assert refused.refusals[0].next_step


def test_model_without_the_plugins_evidence_is_refused(world, energy_plugin):
    refused = ask(world, world.train(), 1000)
    assert {r.rule: r.outcome for r in refused.refusals} == {
        "energy.metered": "missing",
        "energy.limit": "insufficient",
    }


def test_plugin_objects(world, trained, energy_plugin):
    energy_plugin.without_meter.add(trained.sha256)
    refused = ask(world, trained, 1000)
    assert [r.rule for r in refused.refusals] == ["plugin.energy.metered"]


def test_measure_of_a_plugin_is_called_by_a_run_and_recorded(world, energy_plugin):
    with aims.run(system="loans", name="weigh", mlflow=False) as run:
        assert run.measure("energy", 40).watt_hours == 1.0  # 90 W for 40 s
    bodies = [r.evidence.body for r in world.store.find(kind="x-energy")]
    assert 1.0 in [body["figures"][0]["value"] for body in bodies]


def test_measure_that_no_plugin_brings_is_a_gap(world, energy_plugin, monkeypatch):
    monkeypatch.setenv("AIMS_CAPTURE_ERRORS", "warn")
    with (
        pytest.warns(aims.errors.CaptureWarning, match="no plugin brings"),
        aims.run(system="loans", name="weigh", mlflow=False) as run,
    ):
        assert run.measure("fairness") is None
    (gap,) = world.store.find(kind="gap")
    assert gap.evidence.body["where"] == "measure fairness"


def test_measure_of_the_package_is_not_replaced_by_a_plugin(world, energy_plugin):
    plugin = type("Plugin", (), {"register_measures": hookimpl(lambda self: {"bias": print})})()
    manager().register(plugin, "replacing")
    try:
        assert measure_named("bias") is not print
    finally:
        manager().unregister(name="replacing")
