"""From a decorated predict function over its log to drift and performance, without a file named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import aims_mlops as aims
from aims_mlops.inference_log.recorder.recorders import forget_recorders

FEATURES = ["income", "age", "branch"]


@pytest.fixture
def logged(loans: Any) -> Any:
    """`loans` with an inference log instead of files, and a reference of what it was trained on."""
    settings = Path("plain.yaml").read_text()
    line = '    assessment: "assessments/loans.yaml"\n'
    assert line in settings
    Path("plain.yaml").write_text(
        settings.replace(line, f"    inference: {{folder: log, allow: {FEATURES}}}\n{line}")
    )
    loans.monitor(
        data=None,
        measures=["drift", "volume", "performance"],
        prediction="prediction",
        label="repaid",
        labels_delay="1d",
    )
    frame = loans.frame(2000, seed=99)
    frame[FEATURES].assign(prediction=frame["approved"]).to_parquet("trained.parquet")
    assert loans.aims("drift", "profile", "trained.parquet", "--system", "loans")[0] == 0
    yield loans
    forget_recorders()


def predictions(frame: pd.DataFrame) -> list[str]:
    """Each row is a call of its own; the ids of the requests."""

    @aims.monitored(system="loans", target="pilot")
    def predict(features: pd.DataFrame) -> list[int]:
        return [int(features["income"].iloc[0] > 50)]

    ids = []
    for i in range(len(frame)):
        predict(frame[FEATURES].iloc[[i]])
        ids.append(str(aims.request_id()))
    forget_recorders()  # as at the end of the process: everything is in files
    return ids


def test_predictions_of_a_day_are_measured_and_labels_follow(logged: Any) -> None:
    logged.at(0, 12)
    ids = predictions(logged.frame(120, seed=3))
    logged.at(1)
    (run,) = logged.run()["runs"]
    assert (run["outcome"], run["findings"]) == ("measured", [])
    body = logged.runs()[0]
    assert (body["rows"], body["measured"]) == (120, ["drift"])
    drift = logged.records("drift")[0].evidence.body
    assert set(drift["columns"]) == {*FEATURES, "prediction"}
    aims.record_labels("loans", pd.DataFrame({"request_id": ids[:80], "repaid": 1}), label="repaid")
    logged.at(2)
    runs = {run["id"][-6:]: run for run in logged.run()["runs"]}
    assert runs["labels"]["outcome"] == "measured"
    counts = logged.runs()[-2 if logged.runs()[-1]["stage"] == "data" else -1]["labels"]
    assert (counts["joined"], counts["without_label"]) == (80, 40)
    (performance,) = logged.records("performance")
    recall = next(f for f in performance.evidence.body["figures"] if f["measure"] == "recall_score")
    assert recall["n"] == 80


def test_labels_that_have_not_come_fail_the_run_and_mend_it_later(logged: Any) -> None:
    logged.at(0, 12)
    ids = predictions(logged.frame(40, seed=3))
    logged.at(1)
    logged.run()
    logged.at(2)
    done = logged.run()
    (labels,) = [run for run in done["runs"] if run["id"].endswith("/labels")]
    assert labels["outcome"] == "failed"
    assert "no label has come" in labels["findings"][0]["reason"]
    aims.record_labels("loans", pd.DataFrame({"request_id": ids, "repaid": 1}), label="repaid")
    (labels,) = logged.run()["runs"]
    assert labels["outcome"] == "measured"
