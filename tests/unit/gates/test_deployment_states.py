"""Which deployments run, from records alone."""

import pytest

from aims_mlops.gates.deployment import fold


def begin(log, where="eu-1", *, event="deployed", target="production", system="loans", **said):
    body = {"event": event, "target": target, "where": where, "model": "a" * 64,
            "model_uri": "m", "decision": "d", **said}  # fmt: skip
    return log.write("deployment", body, system=system)


def step(log, begun, event, **said):
    return log.write("deployment", {"event": event, "deployment": begun.id, **said})


def states(log):
    return [found.state for found in fold(log.records)]


def test_deployment_is_what_its_last_step_says(log):
    one = begin(log, configuration={"name": "c", "sha256": "x"}, rollback_plan="back")
    last = step(log, one, "rolled-back", reason="wrong", rolled_back_to="b" * 64)
    (found,) = fold(log.records)
    assert (found.id, found.state, found.runs) == (one.id, "rolled-back", False)
    assert (found.reason, found.rolled_back_to) == ("wrong", "b" * 64)
    assert found.steps == (one, last)
    assert found.configuration == {"name": "c", "sha256": "x"}
    body = found.to_body()
    assert (body["by"], body["at"], body["system"]) == ("ana", one.received_at, "loans")
    assert body["steps"] == [one.id, last.id]


def test_new_deployment_of_the_same_system_place_and_target_ends_the_one_before(log):
    one = begin(log)
    two = begin(log)
    first, second = fold(log.records)
    assert (first.state, second.state) == ("replaced", "deployed")
    assert first.steps == (one, two)


@pytest.mark.parametrize(
    "other",
    [{"where": "eu-2"}, {"target": "staging"}, {"system": "toys"}, {"event": "failed"}],
)
def test_deployment_elsewhere_or_one_that_failed_ends_nothing(log, other):
    begin(log)
    begin(log, **other)
    assert states(log)[0] == "deployed"


def test_deployment_that_no_longer_runs_is_not_replaced(log):
    one = begin(log)
    step(log, one, "decommissioned")
    begin(log)
    assert states(log) == ["decommissioned", "deployed"]


def test_step_of_a_deployment_that_nobody_knows_is_none(log):
    log.write("deployment", {"event": "rolled-back", "deployment": "f" * 64})
    begin(log, configuration="text")
    (found,) = fold(log.records)
    assert found.configuration is None
