"""A quarter in the life of an AI system, day by day, with a clock that the test moves.

Real parts: the diabetes patients of scikit-learn, MLflow on SQLite, the log, the gate, the commands
that people type, and a real HTTP server that takes the notices. Day 0 is Monday, 5 January 2026.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import time_machine

from aims_mlops.cli.main import main
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.project import find_project, forget_stores
from aims_mlops.operations.nonconformity import nonconformities

DIABETES = Path(__file__).parents[2] / "examples" / "diabetes"
FEATURES = ["age", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]
MODEL = "models:/diabetes-risk/1"
DAY_0 = datetime(2026, 1, 5, tzinfo=UTC)
ROWS = 400  # patients a day
MONITORING = """
    monitoring:
      - id: daily
        data: served/{day}.parquet
        labels: outcomes/{day}.parquet
        labels_delay: 14d
        delay: 6h
        grace: 12h
        reference: reference.parquet
        measures: [drift, volume, performance, bias]
        plots: never  # drawn by another test; 50 pictures take their time
        prediction: flagged
        label: progresses
        sensitive: [sex]
        limits: policies/operation.yaml
        tell: [ops]
"""
NOTICES = """
notices:
  ops:
    urls_from: AIMS_NOTICE_OPS
"""
OPERATION = """
version: 1
id: operation
title: Limits in operation
rules:
  - id: operation.recall
    measure: recall_score
    min: 0.3
    kind: performance
"""
# The promotion needs a waiver: the sexes differ by more than the clinic wants.
STRICTER = """
  - id: fairness.narrow
    measure: false_positive_rate_difference
    group: {sex: "*"}
    max: 0.001
    limit_on: estimate
    controls: [A.5.4]
waivers:
  allowed: true
  max_days: 90
  roles: [risk-owner]
"""


@dataclass
class Quarter:
    """What the test sees day by day. codes : day -> exit code of `aims monitor run`."""

    clock: Any
    messages: list[dict[str, Any]]
    codes: dict[int, int] = field(default_factory=dict)
    told: dict[int, int] = field(default_factory=dict)
    status: dict[int, str] = field(default_factory=dict)
    opened: dict[int, list[str]] = field(default_factory=dict)

    def records(self, kind: str) -> list[Record]:
        return list(find_project().open_store().find(kind=kind))


def aims(*arguments: str) -> tuple[int, str]:
    said = io.StringIO()
    code: Any = 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            main(list(arguments))
        except SystemExit as end:
            code = end.code or 0
    return code, said.getvalue()


def good(*arguments: str) -> str:
    code, said = aims(*arguments)
    assert code == 0, said
    return said


@pytest.fixture(scope="module")
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Takes the notices, as any of the services that Apprise knows would."""
    messages: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"json://127.0.0.1:{server.server_port}", messages
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def quarter(
    tmp_path_factory: pytest.TempPathFactory, receiver: tuple[str, list[dict[str, Any]]]
) -> Iterator[Quarter]:
    folder = tmp_path_factory.mktemp("clinic")
    url, messages = receiver
    patch = pytest.MonkeyPatch()
    for name in [name for name in os.environ if name.startswith(("AIMS_", "MLFLOW_"))]:
        patch.delenv(name)
    patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    patch.chdir(folder)
    patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
    patch.setenv("AIMS_KEYS", str(folder / "keys"))
    patch.setenv("AIMS_ACTOR", "ana")
    patch.setenv("AIMS_NOTICE_OPS", url)
    patch.syspath_prepend(str(DIABETES))
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    _leave_mlflow()
    with time_machine.travel(DAY_0 + timedelta(hours=9)) as clock:
        live = Quarter(clock, messages)
        _promoted(patch)
        for day in range(91):
            _day(live, day)
        yield live
    forget_stores()
    sys.modules.pop("train", None)
    _leave_mlflow()
    patch.undo()


def _leave_mlflow() -> None:
    """MLflow remembers the experiment and the server of whoever used it last in this process."""
    import mlflow.tracking.fluent

    import mlflow

    mlflow.tracking.fluent._active_experiment_id = None
    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]


def _promoted(patch: pytest.MonkeyPatch) -> None:
    """Day 0: trained, assessed, approved, with a waiver, promoted."""
    good("init", "--system", "diabetes-risk")
    for name in ("aims.yaml", "policies/production.yaml", "assessments/diabetes-risk.yaml"):
        shutil.copy(DIABETES / name, name)
    settings = Path("aims.yaml").read_text()
    named = "    assessment: assessments/diabetes-risk.yaml\n"
    assert named in settings
    Path("aims.yaml").write_text(settings.replace(named, named.rstrip() + MONITORING) + NOTICES)
    Path("policies/operation.yaml").write_text(OPERATION)
    with Path("policies/production.yaml").open("a") as policy:
        policy.write(STRICTER)
    for person in ("bo", "ana"):
        patch.setenv("AIMS_ACTOR", person)
        good("people", "enrol", "--list")
    good("people", "confirm", "bo", "--yes")
    import train

    training, test, _ = train.patients()
    train.train(training, test, FEATURES, 0.3)
    good("assess", "submit", "--model", MODEL)
    patch.setenv("AIMS_ACTOR", "bo")
    good(
        *("assess", "waive", "fairness.narrow", "--model", MODEL, "--days", "70"),
        *("--reason", "few patients yet", "--instead", "looked at monthly"),
        *("--requested-by", "ana"),
    )
    good("assess", "approve", "--model", MODEL, "--yes", "--reason", "reviewed")
    patch.setenv("AIMS_ACTOR", "ana")
    good("promote", MODEL, "--alias", "champion")
    people = pd.concat(train.patients())
    people.assign(flagged=people["progresses"])[["sex", *FEATURES, "flagged"]].to_parquet(
        "reference.parquet"
    )
    Path("served").mkdir()
    Path("outcomes").mkdir()


def _served(day: int) -> pd.DataFrame:
    """What the model saw and said in a day: patients drawn from the real; older from day 40."""
    import train

    people = pd.concat(train.patients())
    chance = np.random.default_rng(1000 + day)
    weights = None
    if day >= 40:
        weights = (people["age"] >= 60).map({True: 25.0, False: 1.0}).to_numpy()
        weights = weights / weights.sum()
    rows = people.iloc[chance.choice(len(people), ROWS, p=weights)].reset_index(drop=True)
    wrong = chance.random(ROWS) < 0.15
    flagged = rows["progresses"].to_numpy() ^ wrong
    return rows[["sex", *FEATURES]].assign(
        flagged=flagged.astype(int), request_id=[f"{day}-{i}" for i in range(ROWS)]
    )


def _outcomes(day: int) -> pd.DataFrame:
    chance = np.random.default_rng(5000 + day)
    served = pd.read_parquet(f"served/{DAY_0 + timedelta(days=day):%Y-%m-%d}.parquet")
    wrong = chance.random(len(served)) < 0.15
    return pd.DataFrame(
        {"request_id": served["request_id"], "progresses": served["flagged"].to_numpy() ^ wrong}
    )


def _day(live: Quarter, day: int) -> None:
    """The files of a day are written at its end; at 07:00 of the next the scheduler comes by."""
    moment = DAY_0 + timedelta(days=day)
    _served(day).to_parquet(f"served/{moment:%Y-%m-%d}.parquet")
    if day >= 13:
        labelled = day - 13
        name = f"{DAY_0 + timedelta(days=labelled):%Y-%m-%d}.parquet"
        _outcomes(labelled).to_parquet(f"outcomes/{name}")
    live.clock.move_to(moment + timedelta(days=1, hours=7))
    today = day + 1
    known = {n.id for n in nonconformities(find_project().open_store())}
    if not 60 <= today <= 64:
        live.codes[today], live.status[today] = aims("monitor", "run")
    else:
        live.codes[today], live.status[today] = aims("monitor", "status")
    live.told[today] = len(live.messages)
    live.opened[today] = [
        n.what for n in nonconformities(find_project().open_store()) if n.id not in known
    ]


def test_each_event_opens_one_nonconformity_on_its_day(quarter: Quarter) -> None:
    """Drift planted on day 40 persists for three windows on day 43; the scheduler that stood
    still comes back on day 65; the waiver of 70 days is over on day 71."""
    days = {day: what for day, what in quarter.opened.items() if what}
    assert days == {43: ["persistent-drift"], 65: ["missed-run"], 71: ["expired-waiver"]}


def test_each_event_is_told_once(quarter: Quarter) -> None:
    told = [day for day in quarter.told if quarter.told[day] > quarter.told.get(day - 1, 0)]
    # Each is told again, once, when it is overdue: 30 days after it was opened.
    assert told == [43, 65, 71, 74]
    assert len(quarter.messages) == 4
    assert "overdue" in quarter.messages[3]["message"].casefold()
    assert "persistent-drift" in quarter.messages[0]["message"]
    assert "age" in quarter.messages[0]["message"]


def test_days_without_an_event_are_silent(quarter: Quarter) -> None:
    assert {quarter.codes[day] for day in range(1, 43)} == {0}
    assert {quarter.codes[day] for day in range(43, 92)} == {1}


def test_dead_scheduler_is_seen_by_whoever_looks(quarter: Quarter) -> None:
    """On day 60 nothing is overdue yet: 12 hours of grace; then each look says what is missing."""
    assert "missed-run" not in quarter.status[60]
    for day in range(61, 65):
        assert f"{day - 60} run" in quarter.status[day]
        assert "did not happen" in quarter.status[day]
    assert quarter.status[65].count(", late") == 10


def test_every_window_is_measured_once_and_labels_follow(quarter: Quarter) -> None:
    runs = [r.evidence for r in quarter.records("monitoring-run")]
    of_data = [r.run for r in runs if r.body["stage"] == "data"]
    of_labels = [r.run for r in runs if r.body["stage"] == "labels"]
    assert len(of_data) == len(set(of_data)) == 91
    assert len(of_labels) == len(set(of_labels)) == 77  # the last 14 days have no labels yet
    assert all(r.body["outcome"] == "measured" for r in runs)
    assert all(r.body["labels"]["joined"] == ROWS for r in runs if r.body["stage"] == "labels")
    measured = [r.evidence for r in quarter.records("performance") if r.evidence.body.get("window")]
    assert len(measured) == 77
    assert len(quarter.records("drift")) == 91


def test_promoted_model_no_longer_stands_when_its_waiver_is_over(quarter: Quarter) -> None:
    code, said = aims("check-model", MODEL, "--for", "production")
    assert code == 1
    assert "waiver" in said


def test_coverage_report_has_no_unexplained_gap(quarter: Quarter) -> None:
    found = json.loads(good("report", "coverage", "--json"))
    (watch,) = found["monitoring"]
    assert watch["due"] == 168
    assert (watch["in_time"], watch["late"], watch["missing"]) == (158, 10, 0)
    assert len(watch["gaps"]) == 2  # of data and of labels, by the same dead scheduler
    assert all(gap["caught_up"] and gap["nonconformity"] for gap in watch["gaps"])
    assert {gap["nonconformity"] for gap in watch["gaps"]} == {
        n["id"] for n in found["nonconformities"] if n["what"] == "missed-run"
    }
    (control,) = [c for c in found["controls"] if c["id"] == "A.6.2.6"]
    assert control["freshness"] == "in time"
    page = Path("coverage.html")
    good("report", "coverage", "--html", str(page))
    assert "NO nonconformity" not in page.read_text()
    assert "158 of 168 runs in time" in page.read_text()


def test_timeline_leads_from_the_first_data_set_to_today(quarter: Quarter) -> None:
    events = json.loads(good("history", "diabetes-risk", "--json"))["events"]
    what = [event["what"] for event in events]
    order = ["run", "impact-assessment", "waiver", "approval", "promotion", "monitoring-run"]
    assert [what.index(kind) for kind in order] == sorted(what.index(kind) for kind in order)
    assert what.count("monitoring-run") == 168
    assert events[0]["received_at"].startswith("2026-01-05")
    assert events[-1]["received_at"].startswith("2026-04-06")


def test_log_of_the_quarter_verifies(quarter: Quarter) -> None:
    good("evidence", "verify")
