"""Exports and figures over HTTP."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from aims_mlops.evidence.clock import now, stamp
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.exports.export import export

ROOT = Path(__file__).parents[3]
MODEL = Subject("model:m", "a" * 64)


def put(store, kind, body, *, system="loans", subject=MODEL):
    return store.append(
        Evidence(
            kind=kind, subjects=(subject,), body=body, actor="ana", claimed_at=now(), system=system
        )
    )


def figures(reader):
    answer = reader.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_export_over_http_is_that_of_python(client, store):
    put(store, "model", {"name": "m", "sha256": MODEL.sha256})
    for name, subject in (("cyclonedx", MODEL.sha256), ("oscal-assessment-results", "loans")):
        answer = client("read").get(f"/v1/exports/{name}?subject={subject}")
        assert answer.status_code == 200, answer.text
        assert answer.content == export(store.signed, name, subject).content
    answer = client("read").get(f"/v1/exports/annex-iv?subject={MODEL.sha256}&file=html")
    assert answer.headers["content-disposition"] == "attachment"
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("cyclonedx?subject=/etc/passwd", 404),
        (f"cyclonedx?subject={'b' * 64}", 404),
        (f"no-such?subject={'a' * 64}", 404),
        (f"cyclonedx?subject={'a' * 64}&version=1.0", 404),
        (f"annex-iv?subject={'a' * 64}&file=pdf", 404),
        (f"cyclonedx?subject={'a' * 64}&other=1", 422),
        ("oscal-poam?subject=no-such", 404),
    ],
)
def test_what_cannot_be_exported_is_a_problem(client, store, url, status):
    put(store, "model", {"name": "m", "sha256": MODEL.sha256})
    answer = client("read").get(f"/v1/exports/{url}")
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_reading_needs_the_scope(client):
    for url in ("/metrics", f"/v1/exports/cyclonedx?subject={'a' * 64}"):
        assert client("capture").get(url).status_code == 403


def test_figures_count_what_the_log_holds_and_count_on(client, store):
    reader = client("read")
    for verdict in ("allowed", "refused", "refused", "undecided"):
        put(store, "decision", {"verdict": verdict, "allowed": verdict == "allowed"})
    end = stamp(datetime.now(UTC) - timedelta(hours=2))
    window = {"start": end, "end": end}
    put(store, "monitoring-run", {"monitor": "daily", "stage": "data", "window": window,
                                  "outcome": "measured"})  # fmt: skip
    put(store, "notice", {"recipient": "a", "about": [], "outcome": "failed"})
    found = figures(reader)
    assert found["aims_log_size",] == store.status().size
    assert found["aims_decisions_total", "refused"] == 2
    assert found["aims_decisions_total", "undecided"] == 1
    assert found["aims_notices_total", "failed"] == 1
    assert 7_200 <= found["aims_last_window_age_seconds", "daily", "loans"] < 90_000
    put(store, "decision", {"verdict": "refused", "allowed": False})
    assert figures(reader)["aims_decisions_total", "refused"] == 3


def test_hostile_names_stay_labels(client, store):
    end = stamp(datetime.now(UTC))
    put(store, "monitoring-run",
        {"monitor": 'x"} 1\naims_log_size 9', "stage": "data", "outcome": "measured",
         "window": {"start": end, "end": end}})  # fmt: skip
    put(store, "monitoring-run", {"monitor": "y", "outcome": "measured", "window": {"end": "?"}})
    found = figures(client("read"))
    assert found["aims_log_size",] == 2
    assert json.dumps(sorted(map(str, found))).count("aims_last_window_age_seconds") == 1


def test_dashboard_asks_for_figures_that_there_are(client, store):
    put(store, "decision", {"verdict": "allowed", "allowed": True})
    there = {name for name, *_ in figures(client("read"))} | {"aims_last_window_age_seconds"}
    board = json.loads((ROOT / "hooks/grafana/aims-mlops.json").read_text())
    asked = " ".join(t["expr"] for panel in board["panels"] for t in panel["targets"])
    named = set(re.findall(r"aims_\w+", asked))
    assert named == {name for name in there if name.startswith("aims_")}
