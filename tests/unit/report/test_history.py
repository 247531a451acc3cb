"""The history of a system: one line a run, one line a step, in the order of the log."""

from __future__ import annotations

import pytest

from aims_mlops.report.history import as_html, as_json, as_text, tell

MADE = "2026-11-21T12:00:00.000000Z"


@pytest.fixture
def told(log):
    run = log.add("run", {"name": "fit", "status": "finished"}, run="r1", days=2)
    log.add("environment", {}, run="r1", days=2)
    log.add("dataset", {}, about="d", run="r1", days=2)
    log.add("dataset", {}, about="e", run="r1", days=2)
    log.add("decision", {"verdict": "refused", "target": "production"}, about="m", days=1)
    return run, tell(log.records, "loans", MADE)


def test_run_and_all_it_recorded_are_one_event(told):
    run, history = told
    assert [event.what for event in history.events] == ["run", "decision"]
    first = history.events[0]
    assert first.record.id == run.id
    assert (first.says, first.also) == ("fit, finished", "2 dataset, 1 environment")


def test_events_stand_under_the_day_of_their_receipt(told):
    _, history = told
    assert list(history.days) == ["2026-11-19", "2026-11-20"]
    assert "decision: refused for production" in as_text(history)


def test_order_of_the_log_counts_and_not_the_order_of_arrival(log, told):
    _, history = told
    assert tell(reversed(log.records), "loans", MADE) == history


def test_run_whose_own_record_is_missing_is_told_as_such(log):
    log.add("environment", {}, run="r1")
    history = tell(log.records, "loans", MADE)
    assert [event.says for event in history.events] == ["its own record is missing"]


def test_drift_check_inside_a_run_keeps_its_own_line(log):
    log.add("run", {"name": "watch", "status": "finished"}, run="r1")
    log.add("drift", {"verdict": "drift", "figures": []}, about="m", run="r1")
    assert [event.what for event in tell(log.records, "loans", MADE).events] == ["run", "drift"]


def test_return_is_told_as_one_and_a_rejection_is_not(log):
    log.add("rejection", {"verdict": "return", "reason": "say more"}, about="m")
    log.add("rejection", {"verdict": "reject", "reason": "unfair"}, about="m")
    returned, rejected = (event.says for event in tell(log.records, "loans", MADE).events)
    assert returned.startswith("returned, to be changed and submitted again")
    assert "returned" not in rejected


def test_unknown_kind_is_told_as_unknown(log):
    log.add("vendor-scan", {"x": "<script>"})
    history = tell(log.records, "loans", MADE)
    assert history.events[0].says == "of a kind that this version does not know"
    assert "vendor-scan" in as_html(history)


def test_json_names_the_record_of_every_event(log, told):
    _, history = told
    found = as_json(history)
    assert found["format"] == "aims-history/1"
    assert [event["record"] for event in found["events"]] == [log.records[0].id, log.records[4].id]
