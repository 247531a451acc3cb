"""`aims monitor run`: what is due is done once, and what is odd about the data is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from aims_mlops.inventory.project import find_project
from aims_mlops.monitoring.cycle import LOCK
from aims_mlops.operations.corrective_action import act, analyse, close
from aims_mlops.operations.nonconformity import nonconformities
from aims_mlops.store.disk.single import only_process


def findings(done: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(f["what"], f["about"]) for run in done["runs"] for f in run["findings"]]


def test_window_is_measured_once_however_often_it_is_asked(loans: Any) -> None:
    loans.day(0)
    loans.at(0, 23)
    assert loans.run()["runs"] == []
    loans.at(1)
    (run,) = loans.run()["runs"]
    assert run["id"] == "loans/daily/2026-01-05T00:00Z/data"
    assert (run["outcome"], run["late"], run["findings"]) == ("measured", False, [])
    assert loans.run()["runs"] == []
    (record,) = loans.records("drift")
    assert record.evidence.run == run["id"]
    assert {subject.name for subject in record.evidence.subjects} == {
        "dataset:2026-01-05.parquet",
        "model:loans",
        "reference-profile:reference.parquet",
    }


def test_outage_is_filed_and_caught_up_on(loans: Any) -> None:
    for day in range(5):
        loans.day(day)
    loans.at(5)
    code, said = loans.aims("monitor", "status")
    assert code == 1
    assert "4 runs of loans/daily (data) for 2026-01-05 00:00 to 2026-01-08 00:00" in said
    done = loans.run()
    assert [run["late"] for run in done["runs"]] == [True, True, True, True, False]
    (opened,) = loans.records("nonconformity")
    assert opened.evidence.body["what"] == "missed-run"
    code, said = loans.aims("monitor", "status")
    assert code == 0
    assert "Nothing new is wrong. Open nonconformities: 1; see: aims nonconformity list" in said


def test_drift_is_told_when_it_persists_and_not_before(loans: Any) -> None:
    found = []
    for day in range(5):
        loans.day(day, loans.frame(seed=day, shift=30.0 if day >= 1 else 0.0))
        loans.at(day + 1)
        found.append(findings(loans.run()))
    assert found == [[], [], [], [("persistent-drift", None)], [("persistent-drift", None)]]
    assert len(loans.records("nonconformity")) == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: f.drop(columns="income"), ("schema", "missing")),
        (lambda f: f.assign(colour="red"), ("schema", "new")),
        (lambda f: f.assign(age=f["age"].astype(str)), ("schema", "retyped")),
        (lambda f: f.head(0), ("volume", None)),
        (lambda f: f.head(40), ("volume", None)),
    ],
    ids=["missing column", "extra column", "retyped column", "empty batch", "few rows"],
)
def test_odd_batch_is_recorded_and_told(loans: Any, change: Any, told: Any) -> None:
    loans.monitor(rows_min=100)
    loans.day(0, change(loans.frame()))
    loans.at(1)
    done = loans.run()
    assert told in findings(done)
    assert len(loans.runs()) == 1
    assert any(n.evidence.body["what"] == told[0] for n in loans.records("nonconformity"))


def test_window_without_a_file_is_told_and_measured_when_it_comes(loans: Any) -> None:
    loans.at(1)
    done = loans.run()
    assert [run["outcome"] for run in done["runs"]] == ["no data"]
    assert findings(done) == [("volume", None)]
    loans.day(0)
    (again,) = loans.run()["runs"]
    assert (again["outcome"], again["again"], again["findings"]) == ("measured", True, [])
    assert loans.runs()[-1]["replaces"] == loans.records("monitoring-run")[0].id
    assert loans.run()["runs"] == []


def test_late_file_of_a_measured_window_is_measured_with_it(loans: Any) -> None:
    loans.monitor(data="data/{day}*.parquet")
    loans.day(0)
    loans.at(1)
    loans.run()
    loans.day(0, loans.frame(300, seed=7), name="-late")
    loans.at(2)
    loans.day(1)
    done = loans.run()
    assert [(run["id"][12:22], run["again"]) for run in done["runs"]] == [
        ("2026-01-05", True),
        ("2026-01-06", False),
    ]
    assert [body["rows"] for body in loans.runs()] == [500, 800, 500]


def test_file_that_came_twice_counts_once(loans: Any) -> None:
    loans.monitor(data="data/{day}*.parquet")
    loans.day(0)
    loans.day(0, name="-copy")
    loans.at(1)
    done = loans.run()
    assert findings(done) == [("repeated-file", None)]
    assert loans.runs()[0]["rows"] == 500


def test_file_that_was_cut_off_fails_the_run_and_a_whole_one_mends_it(loans: Any) -> None:
    path: Path = loans.day(0)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    loans.at(1)
    code, said = loans.aims("monitor", "run")
    assert code == 2
    assert "no Parquet file that can be read" in said
    loans.run()
    assert len(loans.runs()) == 1  # the same failure is not written again
    path.write_bytes(whole)
    (run,) = loans.run()["runs"]
    assert run["outcome"] == "measured"
    assert loans.aims("monitor", "status")[0] == 0


def test_limits_of_a_policy_are_held_against_each_run(loans: Any) -> None:
    Path("policies/limits.yaml").write_text(
        "version: 1\nid: limits\nrules:\n"
        "  - {id: drift.share, measure: share_of_drifted_columns, max: 0.1, limit_on: estimate}\n"
    )
    loans.monitor(limits="policies/limits.yaml")
    loans.day(0, loans.frame(shift=40.0))
    loans.at(1)
    assert ("limit", "drift.share") in findings(loans.run())
    (check,) = loans.runs()[0]["checks"]
    assert check["status"] == "fail"


def test_missing_policy_or_reference_is_told_and_not_taken_for_measured(loans: Any) -> None:
    loans.monitor(limits="policies/none.yaml")
    loans.day(0)
    loans.at(1)
    assert loans.run()["runs"][0]["outcome"] == "failed"
    loans.monitor(reference="deadbeefdeadbeef")
    assert "neither a file nor a record" in loans.aims("monitor", "run")[1]


def test_pictures_are_drawn_where_drift_is_found(loans: Any) -> None:
    loans.monitor(plots="found")
    loans.day(0)
    loans.day(1, loans.frame(shift=40.0))
    loans.at(2)
    loans.run()
    first, second = loans.runs()
    assert (first["plots"], first["trend"]) == ([], [])
    assert [plot["of"] for plot in second["plots"]] == ["drift", "trend"]
    for plot in second["plots"]:
        drawn = find_project().open_store().get_blob(plot["sha256"])
        assert len(drawn) == plot["size"]
        assert drawn.startswith(b"<?xml")
        assert b"income" in drawn
    (trend,) = second["trend"]
    assert trend["column"] == "income"
    early, late = (point["value"] for point in trend["points"])
    assert early < 0.1 < 2 < late


def test_quality_and_bias_of_what_was_served_are_measured(loans: Any) -> None:
    loans.monitor(
        measures=["drift", "quality", "bias", "volume"], prediction="approved", sensitive=["branch"]
    )
    frame = loans.frame()
    frame.loc[0, "income"] = None
    loans.day(0, frame)
    loans.at(1)
    loans.run()
    assert loans.runs()[0]["measured"] == ["drift", "data-quality", "bias"]
    (bias,) = loans.records("bias")
    assert bias.evidence.body["window"]["run"] == "loans/daily/2026-01-05T00:00Z/data"


def labels(frame: pd.DataFrame, rows: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"request_id": frame["request_id"].iloc[rows], "repaid": 1})


def test_labels_are_joined_by_request_and_what_does_not_fit_is_told(loans: Any) -> None:
    loans.monitor(
        measures=["performance", "volume"],
        prediction="approved",
        label="repaid",
        labels="labels/{day}.parquet",
        labels_delay="1d",
    )
    frame = loans.frame(100).assign(request_id=[f"r{i}" for i in range(100)])
    loans.day(0, frame)
    loans.at(1)
    assert [run["id"].rsplit("/")[-1] for run in loans.run()["runs"]] == ["data"]
    loans.at(2)
    (first, *_) = loans.run()["runs"]
    assert (first["id"].rsplit("/")[-1], first["outcome"]) == ("labels", "failed")
    given = pd.concat(
        [
            labels(frame, list(range(60))),
            labels(frame, [3]),
            pd.DataFrame({"request_id": ["nobody"], "repaid": [0]}),
        ]
    )
    Path("labels").mkdir()
    given.to_parquet("labels/2026-01-05.parquet")
    (run,) = loans.run()["runs"]
    assert [(f["what"], f["about"]) for f in run["findings"]] == [
        ("labels", "unknown_requests"),
        ("labels", "given_twice"),
    ]
    counts = loans.runs()[-1]["labels"]
    assert (counts["joined"], counts["without_label"]) == (60, 40)
    assert (counts["unknown_requests"], counts["given_twice"]) == (1, 1)


def test_clock_that_was_set_back_is_an_alarm(loans: Any) -> None:
    loans.at(0, -24)
    code, said = loans.aims("monitor", "status")
    assert code == 1
    assert "clock-set-back" in said


def test_second_process_says_so_and_does_nothing(loans: Any) -> None:
    loans.day(0)
    loans.at(1)
    with only_process(Path(".aims") / LOCK) as held:
        assert held
        code, said = loans.aims("monitor", "run")
    assert code == 2
    assert "Another process" in said
    assert loans.runs() == []


def test_lock_that_cannot_be_opened_is_not_taken_for_another_process(loans: Any) -> None:
    (loans.folder / ".aims" / "monitor.lock").mkdir()
    code, said = loans.aims("monitor", "run")
    assert code == 2
    assert "cannot be opened" in said
    assert "Another process" not in said


def test_system_that_was_decommissioned_is_no_longer_due(loans: Any) -> None:
    (begun,) = loans.records("deployment")
    loans.day(0)
    loans.at(1)
    loans.run()
    assert loans.aims("deployment", "decommission", begun.id, "--reason", "replaced")[0] == 0
    loans.day(1)
    loans.at(9)
    done = loans.run()
    assert [run["id"][12:22] for run in done["runs"]] == ["2026-01-06"]
    assert "not in operation" in loans.aims("monitor", "status")[1]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: f.drop(columns="income"), "schema/loans/daily/missing"),
        (lambda f: f.assign(age=f["age"].astype(str)), "schema/loans/daily/retyped"),
        (lambda f: f.head(0), "volume/loans/daily"),
    ],
    ids=["missing column", "retyped column", "empty window"],
)
def test_finding_of_a_day_is_told_whether_it_is_run_then_or_caught_up_on(
    loans: Any, change: Any, told: str
) -> None:
    loans.monitor(grace="30d")
    for day in range(5):
        frame = loans.frame(seed=day)
        loans.day(day, change(frame) if day == 1 else frame)
    loans.at(5)
    done = loans.run()
    assert len(done["runs"]) == 5
    assert [n.evidence.body["key"] for n in loans.records("nonconformity")] == [told]
    loans.run()
    assert len(loans.records("nonconformity")) == 1


def test_finding_that_was_closed_is_told_again_by_a_new_window_only(loans: Any) -> None:
    loans.day(0, loans.frame().drop(columns="income"))
    loans.at(1)
    loans.run()
    store = find_project().open_store()
    (found,) = nonconformities(store)
    steps: dict[str, Any] = {"actor": "ana", "now": datetime.now(UTC)}
    project = find_project()
    analyse(store, project, found, **steps, root_cause="a release")
    act(store, project, nonconformities(store)[0], **steps, corrective_action="rolled back")
    close(store, project, nonconformities(store)[0], **steps | {"actor": "ben"}, effect="seen")
    loans.run()
    assert [n.is_open for n in nonconformities(store)] == [False]
    loans.day(1, loans.frame().drop(columns="income"))
    loans.at(2)
    loans.run()
    assert [n.is_open for n in nonconformities(store)] == [False, True]


def test_drift_that_persists_through_a_window_that_was_mended_is_told(loans: Any) -> None:
    for day in range(4):
        path = loans.day(day, loans.frame(seed=day, shift=30.0 if day >= 1 else 0.0))
        if day == 2:
            whole = path.read_bytes()
            path.write_bytes(whole[:1000])
        loans.at(day + 1)
        loans.run()
    loans.day(2, loans.frame(seed=2, shift=30.0))
    done = loans.run()
    assert ("persistent-drift", None) in findings(done)
    assert "persistent-drift" in [n.what for n in nonconformities(find_project().open_store())]


def test_run_that_failed_is_told_once_and_never_as_one_that_did_not_happen(loans: Any) -> None:
    path: Path = loans.day(0)
    path.write_bytes(b"no parquet")
    loans.at(1)
    loans.run()
    loans.day(1)
    loans.at(2)
    loans.run()
    loans.day(2)
    loans.at(3)
    loans.run()
    told = [n.evidence.body["what"] for n in loans.records("nonconformity")]
    assert told == ["failed-run"]
    _, said = loans.aims("monitor", "status")
    assert "did not happen" not in said
    _, said = loans.aims("report", "coverage", "--json")
    (watched,) = json.loads(said)["monitoring"]
    assert (watched["due"], watched["in_time"], watched["failed"], watched["missing"]) == (
        3,
        2,
        1,
        0,
    )


def test_small_daily_batches_are_pooled_until_there_is_enough(loans: Any) -> None:
    for day in range(14):
        loans.day(day, loans.frame(120, seed=day))
        loans.at(day + 1)
        loans.run()
    drift = [record.evidence.body for record in loans.records("drift")]
    assert drift[0]["verdict"] == "insufficient"
    assert drift[-1]["verdict"] == "no drift"
    pooled = drift[-1]["pooled"]
    assert pooled["rows"] == 120 * pooled["windows"] == drift[-1]["current"]["rows"]
    assert any("windows were put together" in note for note in drift[-1]["notes"])
    assert loans.records("nonconformity") == []


def test_window_that_cannot_be_read_is_left_out_of_the_pool(loans: Any) -> None:
    for day in range(12):
        loans.day(day, loans.frame(120, seed=day))
    loans.at(12)
    (loans.folder / "data" / "2026-01-14.parquet").write_bytes(b"no parquet")
    loans.run()
    drift = [record.evidence.body for record in loans.records("drift")]
    assert drift[-1]["verdict"] == "no drift"
    assert drift[-1]["pooled"]["windows"] > 1
