"""What is promoted or deployed and has no valid decision is an alarm."""

from datetime import UTC, datetime, timedelta

import pytest

from aims_mlops.alarms.expiry import alarms_of_promoted, every_alarm
from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.records import Subject
from aims_mlops.operations.schedule.steps import begin_schedules

NOW = datetime.now(UTC)


def promoted(world, model, outcome="set", *, alias="champion", target="production"):
    body = {"target": target, "alias": alias, "name": "loans", "version": "3", "outcome": outcome,
            "model": model.sha256}  # fmt: skip
    return world.record("promotion", [model.subject], body)


def deployed(world, model, event="deployed", *, where="eu-1", target="production", **said):
    body = {"event": event, "target": target, "where": where, "model": model.sha256,
            "model_uri": "the model", **said}  # fmt: skip
    return world.record("deployment", [model.subject], body)


def alarms(world):
    return alarms_of_promoted(world.store, world.project, NOW)


@pytest.mark.parametrize("use", [promoted, deployed])
def test_model_in_use_without_a_decision_is_an_alarm_and_with_one_not(world, use):
    good, bad = world.ready("good"), world.train("bad")
    assert world.gate(good).allowed
    use(world, good)
    assert alarms(world) == []
    begun = use(world, bad)
    (found,) = alarms(world)
    assert found.key == f"no-decision/loans/production/{bad.sha256[:16]}"
    assert (found.what, found.severity, found.system) == ("no-decision", "major", "loans")
    words = {promoted: "loans/3 as champion", deployed: "the model at eu-1"}[use]
    start = f"{words} is in use for production without a valid decision: decision.exists: "
    assert found.reason.startswith(start)
    assert found.next_step.startswith(f"aims gate sha256:{bad.sha256} --for production")
    id_ = begun.id[:12]
    ends = {
        promoted: "aims reconcile --demote takes the promotion away",
        deployed: f"aims deployment rollback {id_} --reason TEXT takes the deployment back",
    }[use]
    assert found.next_step.endswith(f"; {ends}")
    assert (found.since, [s.sha256 for s in found.subjects]) == (stamp(NOW), [bad.sha256])


def test_alias_that_was_taken_away_or_given_to_another_or_never_set_is_not_in_use(world):
    bad = world.train("bad")
    promoted(world, bad, "failed")
    assert alarms(world) == []
    promoted(world, bad, alias="Champion")
    assert len(alarms(world)) == 1
    promoted(world, bad, "failed")
    promoted(world, bad, "removed")  # of the alias `champion`, which is another
    assert len(alarms(world)) == 1
    promoted(world, bad, "removed", alias="Champion")
    assert alarms(world) == []
    promoted(world, bad)
    good = world.ready("good")
    assert world.gate(good).allowed
    promoted(world, good)
    assert alarms(world) == []


def test_deployment_that_ended_or_is_of_a_target_that_nobody_decides_about_is_none(world):
    bad = world.train("bad")
    deployed(world, bad, target="moon")
    assert alarms(world) == []
    begun = deployed(world, bad)
    promoted(world, bad, target="moon")
    assert len(alarms(world)) == 1
    deployed(world, bad, "decommissioned", deployment=begun.id)
    assert alarms(world) == []


def test_content_that_is_promoted_and_deployed_is_one_alarm(world):
    bad, worse = world.train("bad"), world.train("worse")
    begun = deployed(world, bad)
    promoted(world, bad)
    deployed(world, worse, where="us-1")
    found = alarms(world)
    assert [alarm.reason.partition(" is in use")[0] for alarm in found] == [
        "loans/3 as champion",
        "the model at us-1",
    ]
    assert found[0].next_step.endswith(
        f"takes the promotion away; aims deployment rollback {begun.id[:12]} --reason TEXT "
        "takes the deployment back"
    )
    assert [alarm.key for alarm in every_alarm(world.store, world.project, NOW)] == sorted(
        alarm.key for alarm in found
    )


def test_model_of_two_systems_is_an_alarm_of_its_own_and_hides_no_other(world):
    torn, bad = world.train("torn"), world.train("bad")
    world.record("model", [torn.subject], {"sha256": torn.sha256}, system="toys")
    promoted(world, torn)
    deployed(world, bad)
    first, second = alarms(world)
    assert "belongs to more than one AI system" in first.reason
    assert first.next_step.startswith("see aims check-model MODEL --for TARGET; ")
    assert "decision.exists" in second.reason


def test_assessment_that_ran_out_is_named_as_what_it_is(world):
    due = NOW.date().replace(year=NOW.year - 1).isoformat()
    path = world.root / "assessment.yaml"
    model = world.train("late")
    world.submit(model)
    world.approve(model)
    assert world.gate(model).allowed
    promoted(world, model)
    path.write_text(path.read_text() + f"review_by: {due}\n")
    world.submit(model)
    (found,) = alarms(world)
    assert found.what == "expired-assessment"
    assert "its review was due on" in found.reason


def test_alarms_come_worst_first(world):
    """A missed run is major; what a run found odd about its log is minor, and earlier by name."""
    settings = (world.root / "aims.yaml").read_text()
    line = '    models: ["loans*"]\n'
    assert line in settings
    monitored = f"{line}    monitoring: [{{id: hourly, every: 1h}}]\n"
    world.write("aims.yaml", settings.replace(line, monitored))
    begun = {"event": "deployed", "target": "pilot", "where": "x", "model": "a" * 64}
    world.record("deployment", [Subject("model:m", "a" * 64)], begun)
    begin_schedules(world.store, world.project, datetime.now(UTC))
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    odd = {"what": "inference-log", "severity": "minor", "reason": "odd", "next_step": "look"}
    world.record(
        "monitoring-run",
        [Subject.of_name("monitor:loans/hourly")],
        {
            "monitor": "hourly",
            "stage": "data",
            "window": {"start": stamp(start), "end": stamp(start + timedelta(hours=1))},
            "outcome": "measured",
            "findings": [odd],
        },
        run=f"loans/hourly/{start:%Y-%m-%dT%H:%MZ}/data",
    )
    found = every_alarm(world.store, world.project, datetime.now(UTC) + timedelta(days=1))
    assert [(a.what, a.severity) for a in found] == [
        ("missed-run", "major"),
        ("inference-log", "minor"),
    ]
