"""Evidence of runs whose clients know nothing of us."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aims_mlops

AUTOLOG = """
import warnings; warnings.simplefilter("ignore")
import mlflow, numpy as np, pandas as pd
from sklearn.linear_model import LogisticRegression
mlflow.sklearn.autolog()
rng = np.random.default_rng(1)
X = pd.DataFrame({"a": rng.normal(size=80), "b": rng.normal(size=80)})
LogisticRegression(C=0.5).fit(X, (X["a"] > 0).astype(int))
print(mlflow.last_active_run().info.run_id)
"""


def ended_run(server: Any, *, status: str = "FINISHED", **logged: Any) -> str:
    made = server.done("POST", "runs/create", {"experiment_id": "0", "start_time": 1_000})
    run_id = str(made["run"]["info"]["run_id"])
    for name, value in logged.get("params", {}).items():
        server.done("POST", "runs/log-parameter", {"run_id": run_id, "key": name, "value": value})
    for name, value in logged.get("metrics", {}).items():
        body = {"run_id": run_id, "key": name, "value": value, "timestamp": 1}
        server.done("POST", "runs/log-metric", body)
    for name, value in logged.get("tags", {}).items():
        server.done("POST", "runs/set-tag", {"run_id": run_id, "key": name, "value": value})
    server.done("POST", "runs/update", {"run_id": run_id, "status": status, "end_time": 4_000})
    return run_id


def test_bare_autolog_of_a_client_without_our_code_leaves_evidence(
    captured: Any,
    plain_client: Callable[..., str],
    evidence_of: Callable[..., Any],
    organisation: Any,
) -> None:
    run_id = plain_client(captured.url, AUTOLOG).split()[-1]
    found = evidence_of(run_id)
    assert set(found) == {
        "run", "parameters", "code", "dataset", "model", "environment", "performance"
    }  # fmt: skip
    for records in found.values():
        for record in records:
            _validate(record.evidence)
    body = found["run"][0].evidence.body
    assert (body["activity"], body["status"]) == ("training", "finished")
    assert body["links"]["mlflow_run"] == run_id
    assert found["parameters"][0].evidence.body["parameters"]["C"] == "0.5"
    (model,) = found["model"]
    logged = captured.done("GET", f"runs/get?run_id={run_id}")["run"]["outputs"]["model_outputs"]
    folder = next((captured.folder / "artifacts").rglob(logged[0]["model_id"])) / "artifacts"
    from aims_mlops.measures.fingerprint.files import fingerprint_files

    assert model.evidence.body["sha256"] == fingerprint_files(folder).sha256
    assert model.evidence.body["framework"] == "sklearn"
    (dataset,) = found["dataset"]
    assert dataset.evidence.body["is_content_digest"] is False
    assert [c["name"] for c in dataset.evidence.body["columns"]] == ["a", "b"]
    figures = {f["measure"]: f for f in found["performance"][0].evidence.body["figures"]}
    accuracy = figures["mlflow.training_accuracy_score"]
    assert 0.9 <= accuracy["value"] <= 1
    assert accuracy["low"] is None
    assert "declared by MLflow metrics" in accuracy["method"]
    subjects = {s.sha256 for s in found["performance"][0].evidence.subjects}
    assert model.evidence.body["sha256"] in subjects
    refusing = _refusing(captured, logged[0]["model_id"], run_id)
    assert {"assessment.submitted", "approvals.count", "performance.recall"} <= refusing
    kinds = ("evidence.run", "evidence.dataset", "evidence.performance", "model.is-recorded")
    assert refusing.isdisjoint(kinds)


def _validate(evidence: Any) -> None:
    from jsonschema import Draft202012Validator

    folder = Path(aims_mlops.__file__).parent / "evidence" / "schemas"
    schema = json.loads((folder / f"{evidence.kind}-v1.json").read_text())
    Draft202012Validator(schema).validate(dict(evidence.body))


def _refusing(server: Any, model_id: str, run_id: str) -> set[str]:
    """The rules that refuse the registered model: what was captured is no longer among them."""
    server.done("POST", "registered-models/create", {"name": "loans-autologged"})
    body = {
        "name": "loans-autologged",
        "source": f"models:/{model_id}",
        "model_id": model_id,
        "run_id": run_id,
    }
    server.done("POST", "model-versions/create", body)
    status, answer = server.alias("loans-autologged", 1)
    assert status == 403, answer
    return {reason["rule"] for reason in answer["aims"]["reasons"] if reason["refuses"]}


@pytest.mark.parametrize(
    ("claimed", "actor"), [("alima", "ana"), ("somebody@example.org", "unlisted-")]
)
def test_whoever_ran_it_is_a_person_of_the_project_or_a_pseudonym(
    captured: Any, evidence_of: Callable[..., Any], claimed: str, actor: str
) -> None:
    run_id = ended_run(captured, tags={"mlflow.user": claimed})
    (run,) = evidence_of(run_id)["run"]
    assert run.evidence.actor.startswith(actor)
    assert "example.org" not in run.envelope.decode()


def test_secrets_stay_out_and_failures_are_told(
    captured: Any, evidence_of: Callable[..., Any]
) -> None:
    run_id = ended_run(captured, status="FAILED", params={"lr": "0.1", "db_password": "hunter2"})
    found = evidence_of(run_id)
    body = found["parameters"][0].evidence.body
    assert body["parameters"] == {"lr": "0.1"}
    assert "db_password" in body["left_out"]
    assert "hunter2" not in str([r.envelope for records in found.values() for r in records])
    run = found["run"][0].evidence.body
    assert (run["status"], run["activity"], run["duration_seconds"]) == ("failed", "experiment", 3)


def test_run_that_ends_twice_is_written_once(
    captured: Any, evidence_of: Callable[..., Any]
) -> None:
    run_id = ended_run(captured, metrics={"loss": 0.25})
    evidence_of(run_id)
    body = {"run_id": run_id, "status": "FINISHED", "end_time": 4_000}
    for _ in range(3):
        captured.done("POST", "runs/update", body)
    time.sleep(3)
    found = evidence_of(run_id)
    assert {kind: len(records) for kind, records in found.items()} == {
        "run": 1, "parameters": 1, "code": 1, "performance": 1
    }  # fmt: skip


def test_many_runs_through_two_workers_are_each_written_once(
    captured: Any, evidence_of: Callable[..., Any], organisation: Any
) -> None:
    runs = [ended_run(captured, metrics={"m": i / 8}) for i in range(8)]
    for run_id in runs:
        assert len(evidence_of(run_id)["run"]) == 1
    assert list((organisation.world.root / ".aims" / "mlflow-runs").glob("*.ended")) == []


def test_run_that_the_client_captured_is_left_to_it(
    captured: Any, evidence_of: Callable[..., Any], organisation: Any
) -> None:
    from aims_mlops.evidence.records import Subject

    ours = "c" * 32
    made = captured.done("POST", "runs/create", {"experiment_id": "0", "start_time": 1_000})
    run_id = made["run"]["info"]["run_id"]
    organisation.world.record(
        "run",
        [Subject.of_name(f"run:{ours}")],
        {"activity": "training", "status": "finished", "links": {"mlflow_run": run_id}},
        run=ours,
    )
    body = {"run_id": run_id, "key": "aims.run", "value": ours}
    captured.done("POST", "runs/set-tag", body)
    captured.done("POST", "runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": 2})
    after = ended_run(captured)  # the queue is worked on in order
    evidence_of(after)
    assert list(organisation.world.store.find(run=run_id)) == []


def test_run_of_a_client_with_our_code_is_recorded_once(
    captured: Any, organisation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's MLflow run ends before ours does; the tag is there from its beginning."""
    import mlflow

    monkeypatch.setenv("AIMS_ACTOR", "ana")
    mlflow.set_tracking_uri(captured.url)
    try:
        with aims_mlops.run("training here", system="loans") as ours:
            with mlflow.start_run() as theirs:
                mlflow.log_metric("loss", 0.5)
            time.sleep(2.5)  # long enough for the server to have taken it
        queue = organisation.world.root / ".aims" / "mlflow-runs"
        end = time.monotonic() + 30
        while list(queue.glob("*.ended")) and time.monotonic() < end:
            time.sleep(0.2)
    finally:
        mlflow.set_tracking_uri(None)
    assert list(queue.glob("*.ended")) == []
    store = organisation.world.store
    assert list(store.find(run=theirs.info.run_id)) == []
    (run,) = store.find(run=ours.id, kind="run")
    assert run.evidence.body["links"]["mlflow_run"] == theirs.info.run_id


def test_borrowed_run_tag_does_not_hide_a_run(
    captured: Any, organisation: Any, tmp_path: Path
) -> None:
    """The tag alone is not believed: the record that it names has to be about this run."""
    from aims_mlops.inventory.project import find_project
    from aims_mlops.mlflow_plugin.tracking.queue import Ended
    from aims_mlops.mlflow_plugin.tracking.store import plain_tracking
    from aims_mlops.mlflow_plugin.tracking.writer import Writer

    run_id = ended_run(captured, tags={"aims.run": "c" * 32})
    store = plain_tracking(f"sqlite:///{captured.folder}/mlflow.db", None)
    ended = Ended(tmp_path / "x.ended", "run", run_id, None, age=61.0)
    assert Writer(tmp_path, store)._is_mine(find_project(), ended) is True


def test_model_logged_without_a_run_is_recorded_by_its_content(
    captured: Any, organisation: Any
) -> None:
    made = captured.done("POST", "logged-models", {"experiment_id": "0", "name": "alone"})
    info = made["model"]["info"]
    path = f"/api/2.0/mlflow-artifacts/artifacts/0/models/{info['model_id']}/artifacts/w.txt"
    status, answer = captured.call("PUT", path, b"weights of nobody's run", raw=True)
    assert status == 200, answer
    body = {"model_id": info["model_id"], "status": "LOGGED_MODEL_READY"}
    captured.done("PATCH", f"logged-models/{info['model_id']}", body)
    end = time.monotonic() + 30
    found: list[Any] = []
    while not found and time.monotonic() < end:
        found = [
            record
            for record in organisation.world.store.find(kind="model")
            if record.evidence.body.get("uri") == f"models:/{info['model_id']}"
        ]
        time.sleep(0.2)
    gaps = [record.evidence.body for record in organisation.world.store.find(kind="gap")]
    assert [record.evidence.run for record in found] == [None], gaps


def test_model_whose_files_are_gone_is_a_gap_of_the_run(
    captured: Any, evidence_of: Callable[..., Any]
) -> None:
    made = captured.done("POST", "runs/create", {"experiment_id": "0", "start_time": 1_000})
    run_id = made["run"]["info"]["run_id"]
    body = {"experiment_id": "0", "name": "lost", "source_run_id": run_id}
    model = captured.done("POST", "logged-models", body)["model"]["info"]["model_id"]
    outputs = {"run_id": run_id, "models": [{"model_id": model, "step": 0}]}
    captured.done("POST", "runs/outputs", outputs)
    captured.done("POST", "runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": 2})
    found = evidence_of(run_id)
    assert "model" not in found
    assert [record.evidence.body["where"] for record in found["gap"]] == ["model lost"]


def test_model_that_a_client_of_mlflow_2_logged_is_found_among_the_artifacts(
    captured: Any, evidence_of: Callable[..., Any], organisation: Any, tmp_path: Path
) -> None:
    run_id, _ = captured.run_with_file("weights of long ago")
    history = '[{"artifact_path": "model"}, {"artifact_path": "../../0"}, 3]'
    body = {"run_id": run_id, "key": "mlflow.log-model.history", "value": history}
    captured.done("POST", "runs/set-tag", body)
    captured.done("POST", "runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": 2})
    found = evidence_of(run_id)
    (model,) = found["model"]
    expected = organisation.reference("weights of long ago", tmp_path)
    assert model.evidence.body["sha256"] == expected.sha256
    assert model.evidence.body["uri"] == f"runs:/{run_id}/model"
    (gap,) = found["gap"]
    assert "leads out of its run" in gap.evidence.body["message"]


def test_store_that_is_away_leaves_a_spooled_batch_with_a_gap(
    start_tracking: Callable[..., Any], organisation: Any, tmp_path: Path
) -> None:
    from aims_mlops.store.disk.spool import drain, pending

    project = tmp_path / "other"
    project.mkdir()
    (project / "aims.yaml").write_text("store: http://127.0.0.1:9\n")
    server = start_tracking(
        environment={"AIMS_PROJECT": str(project), "AIMS_TOKEN": "none", "AIMS_STORE_URL": ""}
    )
    run_id = ended_run(server, metrics={"loss": 0.5})
    end = time.monotonic() + 40
    while not pending(project) and time.monotonic() < end:
        time.sleep(0.2)
    assert len(pending(project)) == 1
    records = drain(project, organisation.world.store)
    kinds = [record.evidence.kind for record in records]
    assert kinds.count("run") == 1
    assert kinds.count("gap") == 1
    assert {record.evidence.run for record in records} == {run_id}


@pytest.mark.parametrize("alias", ["production", "Champion", "nobody-declared-this"])
def test_alias_of_an_mcp_server_is_gated(captured: Any, organisation: Any, alias: str) -> None:
    name = "loans.example/scores"
    prefix = "/api/3.0/mlflow/mcp-servers"
    content = {"name": name, "version": "1.0.0", "description": "scores"}
    captured.call("POST", prefix, {"name": name})
    captured.call("POST", f"{prefix}/{name}/versions", {"server_json": content})
    path = f"{prefix}/{name}/aliases"
    status, answer = captured.call("POST", path, {"alias": alias, "version": "1.0.0"})
    assert status == 403, answer
    assert "refused" in str(answer)
    status, answer = captured.call("POST", path, {"alias": "candidate", "version": "1.0.0"})
    assert status == 200, answer
