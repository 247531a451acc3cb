"""Tags that say what the log does not, on a version and on a registered model."""

import warnings

import pytest

from aims_mlops.gates.gate import gate

FORGED = {
    "aims.decision": "allowed",
    "aims.approved_by": "bo",
    "aims.records": "the approval of another model",
    "approved": "true",
    "stage": "production",
}


@pytest.fixture
def registry(world, monkeypatch, tmp_path):
    """An MLflow registry without any gate, which takes whatever tag a client sends."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow

        monkeypatch.delenv("AIMS_PLUGINS")
        uri = f"sqlite:///{tmp_path}/mlflow.db"
        mlflow.set_tracking_uri(uri)
        client = mlflow.MlflowClient(uri)
        client.create_registered_model("loans")
        yield client
        mlflow.set_tracking_uri(None)


def register(registry, folder, words):
    """A version of files with these words in them."""
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors: {}\n")
    (folder / "weights.txt").write_text(words)
    return registry.create_model_version("loans", source=folder.as_uri())


@pytest.mark.filterwarnings("ignore")
def test_forged_tags_make_no_decision(world, registry, tmp_path):
    from aims_mlops.dossier.query import resolve_model

    good = register(registry, tmp_path / "good", "as trained")
    approved = resolve_model(f"models:/loans/{good.version}")
    run = "ab" * 16
    world.record("model", [approved.subject], {"sha256": approved.sha256, "name": "loans"}, run=run)
    world.record("run", [approved.subject], {"activity": "training"}, run=run)
    evil = register(registry, tmp_path / "evil", "something else")
    told = {
        **FORGED,
        "aims.model_sha256": approved.sha256,
        "aims.run": run,
        "sha256": approved.sha256,
    }
    for name, value in told.items():
        registry.set_model_version_tag("loans", evil.version, name, value)
        registry.set_registered_model_tag("loans", name, value)
    registry.set_registered_model_alias("loans", "champion", evil.version)
    for uri in (f"models:/loans/{evil.version}", "models:/loans@champion"):
        decision = gate(uri, target="production", project=world.project, requester="dee")
        assert decision.verdict == "refused"
        assert decision.model != approved.sha256
        rules = {reason.rule for reason in decision.refusals}
        assert {"model.is-recorded", "approvals.count", "assessment.submitted"} <= rules
        stored = world.store.get(decision.record).evidence.body
        assert stored["reasons"][0]["refuses"] is True
        assert approved.sha256 not in str(stored["bound"])
