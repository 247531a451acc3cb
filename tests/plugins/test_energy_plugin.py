"""A plugin that brings a kind of evidence, a measure and a rule, from the run to the gate."""

import pytest

import aims_mlops as aims
from aims_mlops.assessments.gathering import resolve_model
from aims_mlops.gates.service import gate

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


def test_plugin_objects_and_its_measure_is_known(world, trained, energy_plugin):
    energy_plugin.without_meter.add(trained.sha256)
    refused = ask(world, trained, 1000)
    assert [r.rule for r in refused.refusals] == ["plugin.energy.metered"]
    from aims_mlops.plugins import hooks

    measures = {name: m for found in hooks().register_measures() for name, m in found.items()}
    assert measures["energy"](40).watt_hours == 1.0  # 90 W for 40 s
