"""What a new model changes against the one that was assessed before."""

from click.testing import CliRunner

from aims_mlops.cli.assess import group as assess
from aims_mlops.dossier.changes import changes_between
from aims_mlops.dossier.query import gather
from aims_mlops.evidence.records import Subject


def dossier(world, model):
    return gather(world.store, model.sha256, "loans")


def data(world, model, **body):
    run = next(iter(dossier(world, model).model_runs))
    digest = body["sha256"]
    world.record("dataset", [Subject(f"dataset:{body['name']}", digest)], body, run=run)


def columns(**types):
    return [{"name": name, "type": kind} for name, kind in types.items()]


def test_changes_are_named_in_words(world, good, bad):
    old, new = world.train("old", figures=good), world.train("new", figures=bad)
    data(world, old, name="a", sha256="a" * 64, source="x", columns=columns(age="int", sex="str"))
    data(world, new, name="a", sha256="b" * 64, source="y", columns=columns(age="float", zip="str"))
    data(world, old, name="gone", sha256="c" * 64)
    data(world, new, name="more", sha256="e" * 64)
    for model, python, packages in ((old, "3.11.7", {"a": "1"}), (new, "3.12.1", {"a": "2"})):
        run = next(iter(dossier(world, model).model_runs))
        body = {"python": python, "platform": "linux", "packages": packages}
        world.record("environment", [Subject.of_name(f"run:{run}")], body, run=run)
    found = changes_between(dossier(world, old), dossier(world, new), world.project.systems[0])
    assert found == [
        f"another model: {old.sha256[:12]}… -> {new.sha256[:12]}…",
        "dataset a has another schema: +zip, -sex, age int -> float",
        "dataset a has another source",
        "dataset d has other content",
        "dataset gone is no longer used",
        "dataset more is new",
        "performance outside the assessed range: recall_score, overall: 0.4 outside [0.76, 0.84]",
        "another python in the run",
        "1 packages of the run differ",
    ]


def test_model_against_itself_changes_nothing(world):
    model = world.train()
    assert changes_between(dossier(world, model), dossier(world, model), None) == []


def test_evidence_that_is_no_longer_measured_is_a_change(world):
    old, new = world.train("old"), world.train("new", figures=None)
    found = changes_between(dossier(world, old), dossier(world, new), None)
    assert "performance was not measured for this model" in found


def test_approver_and_diff_are_told_what_changed_since_the_model_assessed_before(world, bad):
    world.ready("old")
    new = world.train("new", figures=bad)
    diff = CliRunner().invoke(assess, ["diff", "--model", new.uri])
    assert diff.exit_code == 1
    assert "! performance outside the assessed range" in diff.output
    world.submit(new)
    shown = CliRunner().invoke(assess, ["show", "--model", new.uri]).output
    assert "Changed since the model of this system that was assessed before" in shown
    assert "recall_score, overall: 0.4 outside [0.76, 0.84]" in shown


def test_incident_re_opens_what_was_approved_before_it(world):
    model = world.ready()
    assert world.gate(model).allowed
    world.record("incident", [Subject.of_name("system:loans")], {"what": "wrong refusals"})
    decision = world.gate(model)
    assert not decision.allowed
    assert decision.uncounted[0][1] == "an incident of the system was recorded since"
    show = ["show", "--model", model.uri]
    assert "re-opened: a new incident record" in CliRunner().invoke(assess, show).output
    world.approve(model)
    assert world.gate(model).allowed
    assert "✓ approved: by bo" in CliRunner().invoke(assess, show).output


def test_what_is_done_about_an_incident_voids_no_approval_given_after_it(world):
    subject = [Subject.of_name("system:loans")]
    world.record("incident", subject, {"step": "open", "state": "open"}, system="loans")
    model = world.ready()
    world.record("incident", subject, {"step": "close", "state": "closed"}, system="loans")
    assert world.gate(model).allowed
