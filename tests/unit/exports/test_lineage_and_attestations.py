"""OpenLineage events by its client and over HTTP, verification summaries by in-toto's library."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from google.protobuf.json_format import ParseDict
from in_toto_attestation.v1.statement import Statement
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.transport.http import HttpConfig, HttpTransport

from aims_mlops.errors import EvidenceNotFoundError, InputError
from aims_mlops.evidence.records import Subject
from aims_mlops.exports.export import export


def replay(store, system="loans"):
    return [json.loads(line) for line in export(store, "openlineage", system).content.splitlines()]


def of_client(event):
    """The event in the client's own classes, which check times, ids and names."""
    return RunEvent(
        eventType=RunState[event["eventType"]],
        eventTime=event["eventTime"],
        run=Run(**event["run"]),
        job=Job(**event["job"]),
        producer=event["producer"],
        inputs=[InputDataset(**entry) for entry in event["inputs"]],
        outputs=[OutputDataset(**entry) for entry in event["outputs"]],
    )


@pytest.fixture
def marquez():
    """A receiver as Marquez has it: POST /api/v1/lineage."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            assert self.path == "/api/v1/lineage"
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", got
    server.shutdown()
    server.server_close()


def test_run_is_replayed_with_data_in_and_model_out(recorded, store):
    start, end = replay(store)
    assert (start["eventType"], end["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == end["run"]["runId"]
    assert {d["name"] for d in end["inputs"]} >= {"applications-train", "applications-test"}
    (model,) = end["outputs"]
    assert model["facets"]["version"]["datasetVersion"] == recorded.model
    ids = {record.id for record in store.find()}
    for part in (end["run"], *end["inputs"], *end["outputs"]):
        assert part["facets"]["aims_evidence"]["record"] in ids


def test_client_sends_what_was_replayed_to_a_receiver(recorded, store, marquez):
    url, got = marquez
    client = OpenLineageClient(transport=HttpTransport(HttpConfig.from_dict({"url": url})))
    for event in replay(store):
        client.emit(of_client(event))
    client.close()
    assert [event["eventType"] for event in got] == ["START", "COMPLETE"]
    assert got[1]["outputs"][0]["facets"]["version"]["datasetVersion"] == recorded.model


@pytest.mark.parametrize(("status", "kind"), [("failed", "FAIL"), ("lost", "ABORT")])
def test_run_that_did_not_finish_says_so(world, status, kind):
    body = {"activity": "training", "name": "<b>\u202e", "status": status, "ended_at": None,
            "started_at": "2026-01-01T00:00:00Z"}  # fmt: skip
    world.record("run", [Subject.of_name("run:r")], body, run="not a uuid")
    events = replay(world.store)
    assert [event["eventType"] for event in events] == ["START", kind]
    assert all(of_client(event) for event in events)


def test_system_without_runs_is_told(recorded, store):
    with pytest.raises(InputError, match="no run of system"):
        export(store, "openlineage", "no-such-system")


def summary(store, model):
    statement = json.loads(export(store, "slsa-vsa", model).content)
    Statement.copy_from_pb(ParseDict(statement, Statement([], "x", {}).pb.__class__())).validate()
    return statement


def test_summary_of_an_allowed_decision_passes(world):
    model = world.ready()
    decision = world.gate(model)
    found = summary(world.store, model.sha256)
    assert found["subject"][0]["digest"] == {"sha256": model.sha256}
    assert found["predicate"]["verificationResult"] == "PASSED"
    assert found["predicate"]["verifiedLevels"] == ["AIMS_GATE_PRODUCTION"]
    assert found["predicate"]["policy"]["digest"]["sha256"] == world.policy.digest
    assert found["predicate"]["inputAttestations"][0]["digest"]["sha256"] == decision.record


@pytest.mark.parametrize(
    "body",
    [
        {"verdict": "refused", "allowed": False},
        {"verdict": "allowed", "allowed": False},
        {"verdict": "undecided", "allowed": True},
        {"verdict": "allowed", "allowed": "yes"},
        {},
    ],
)
def test_summary_of_anything_else_fails(world, body):
    model = world.train()
    world.record("decision", [model.subject], {"target": "production", **body})
    assert summary(world.store, model.sha256)["predicate"]["verificationResult"] == "FAILED"


def test_model_without_a_decision_has_no_summary(world):
    with pytest.raises(EvidenceNotFoundError, match="no decision"):
        export(world.store, "slsa-vsa", world.train().sha256)
