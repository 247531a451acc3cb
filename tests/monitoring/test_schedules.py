"""What was due is read from the log: deleting, renaming and re-timing take nothing away."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

DAY_0 = datetime(2026, 1, 5, tzinfo=UTC)
DAILY = {"id": "daily", "data": "data/{day}.parquet", "plots": "never"}
HOURLY = {"id": "hourly", "every": "1h", "data": "data/{day}-{hour}.parquet", "plots": "never"}


def status(loans: Any) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Schedules by name, and alarms by what they are."""
    _, said = loans.aims("monitor", "status", "--json")
    body = json.loads(said)
    named = {f"{s['system']}/{s['monitor']}": s for s in body["schedules"]}
    return named, {alarm["what"]: alarm for alarm in body["alarms"]}


def watched(loans: Any) -> dict[str, dict[str, Any]]:
    _, said = loans.aims("report", "coverage", "--json")
    return {one["schedule"]: one for one in json.loads(said)["monitoring"]}


def test_deleting_a_monitor_leaves_its_missed_runs_and_is_an_alarm(loans: Any) -> None:
    loans.day(0)
    loans.at(1)
    loans.run()
    loans.monitors()
    loans.at(10)
    schedules, alarms = status(loans)
    assert len(schedules["loans/daily"]["missed"]) == 8
    assert alarms["missed-run"]["system"] == "loans"
    assert "aims monitor end loans/daily" in alarms["schedule-deleted"]["next_step"]
    assert watched(loans)["loans/daily"]["missing"] == 8
    loans.run()
    told = {n.evidence.body["what"] for n in loans.records("nonconformity")}
    assert told >= {"missed-run", "schedule-deleted"}


def test_what_was_due_before_a_schedule_ended_stays_due_and_nothing_after(loans: Any) -> None:
    loans.at(4, hour=1)
    refused, said = loans.aims("monitor", "end", "loans/daily", "--reason", "replaced")
    assert refused != 0
    assert "stands in aims.yaml" in said
    loans.monitors()
    code, said = loans.aims("monitor", "end", "loans/daily", "--reason", "replaced")
    assert (code, "✓ loans/daily ended" in said) == (0, True)
    loans.at(30)
    schedules, alarms = status(loans)
    assert "schedule-deleted" not in alarms
    assert [id_[12:22] for id_ in schedules["loans/daily"]["missed"]] == [
        "2026-01-05",
        "2026-01-06",
        "2026-01-07",
        "2026-01-08",
    ]
    body = loans.records("monitoring-schedule")[-1].evidence
    assert (body.actor, body.body["reason"]) == ("ana", "replaced")


def test_adding_a_schedule_makes_no_misses_in_the_past(loans: Any) -> None:
    for day in range(9):
        loans.day(day)
    loans.at(9, hour=9.5)
    loans.run()
    loans.monitors(DAILY, HOURLY)
    schedules, alarms = status(loans)
    assert schedules["loans/hourly"]["missed"] == []
    assert list(alarms) == ["schedule-not-begun"]
    done = loans.run()
    assert [run["id"] for run in done["runs"] if run["late"]] == []
    loans.at(9, hour=13.5)
    schedules, _ = status(loans)
    assert [id_[13:30] for id_ in schedules["loans/hourly"]["missed"]] == [
        "2026-01-14T09:00Z",
        "2026-01-14T10:00Z",
        "2026-01-14T11:00Z",
    ]


def test_renaming_a_schedule_makes_no_misses_in_the_past(loans: Any) -> None:
    for day in range(9):
        loans.day(day)
        loans.at(day + 1)
        loans.run()
    loans.monitors(DAILY | {"id": "nightly"})
    loans.run()
    loans.aims("monitor", "end", "loans/daily", "--reason", "it is called nightly now")
    schedules, alarms = status(loans)
    assert [s["missed"] for s in schedules.values()] == [[], []]
    assert "missed-run" not in alarms


def test_other_times_count_from_their_record_on_and_make_no_misses(loans: Any) -> None:
    loans.monitors(HOURLY)
    loans.at(1, hour=14.3)
    loans.run()
    assert len(loans.runs()) == 29  # from 9:00 on day 0 to 14:00 on day 1
    loans.monitors(HOURLY | {"every": "6h"})
    _, alarms = status(loans)
    assert "every 1h, not 6h" in alarms["schedule-changed"]["reason"]
    code, _ = loans.aims("monitor", "change", "loans/hourly", "--reason", "too many")
    assert code == 0
    schedules, alarms = status(loans)
    assert schedules["loans/hourly"]["missed"] == []
    assert "schedule-changed" not in alarms
    loans.at(1, hour=18.1)
    (run,) = loans.run()["runs"]
    assert run["id"] == "loans/hourly/2026-01-06T12:00Z+6h/data"
    counts = watched(loans)["loans/hourly"]
    assert (counts["due"], counts["missing"], counts["late"]) == (30, 0, 28)


def test_longer_grace_in_aims_yaml_alone_hides_no_missed_run(loans: Any) -> None:
    loans.at(5)
    assert len(status(loans)[0]["loans/daily"]["missed"]) == 4
    loans.monitors(DAILY | {"grace": "500d"})
    schedules, alarms = status(loans)
    assert len(schedules["loans/daily"]["missed"]) == 4
    assert alarms["schedule-changed"]["severity"] == "minor"


def test_system_that_is_no_longer_declared_is_an_alarm_with_its_schedule(loans: Any) -> None:
    loans.at(5)
    loans.monitors(DAILY, system="credit")
    schedules, alarms = status(loans)
    assert len(schedules["loans/daily"]["missed"]) == 4
    assert "aims system rename loans NEW" in alarms["undeclared-system"]["next_step"]
    assert "loans/daily" in watched(loans)


def test_system_that_was_renamed_by_a_record_keeps_its_history(loans: Any) -> None:
    for day in range(3):
        loans.day(day)
    loans.at(2)
    loans.run()
    loans.at(6)
    loans.monitors(DAILY, system="credit")
    code, said = loans.aims("system", "rename", "loans", "credit", "--reason", "a better name")
    assert (code, "✓ loans is credit from now on" in said) == (0, True)
    assert "is about loans; submit it for credit: aims assess submit --model " in said
    schedules, alarms = status(loans)
    assert list(schedules) == ["credit/daily"]
    assert "undeclared-system" not in alarms
    assert schedules["credit/daily"]["done"] == 2
    assert len(schedules["credit/daily"]["missed"]) == 3
    assert schedules["credit/daily"]["in_operation"]
    done = loans.run()
    assert len(done["runs"]) == 4
    code, said = loans.aims("report", "coverage", "--system", "credit", "--json")
    (watch,) = json.loads(said)["monitoring"]
    assert (watch["due"], watch["in_time"], watch["late"], watch["missing"]) == (6, 2, 4, 0)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("loans", "cards", "declares no AI system 'cards'"),
        ("nothing", "credit", "knows no AI system 'nothing'"),
        ("credit", "credit", "still declares 'credit'"),
    ],
)
def test_renaming_that_cannot_be_meant_is_refused(
    loans: Any, old: str, new: str, told: str
) -> None:
    loans.at(1)
    loans.monitors(DAILY, system="credit")
    code, said = loans.aims("system", "rename", old, new, "--reason", "x")
    assert (code != 0, told in said) == (True, True)
    assert loans.records("system-rename") == []


def test_windows_follow_months_and_the_clock_of_a_time_zone(loans: Any) -> None:
    zone = {"time_zone": "Europe/Berlin", "delay": "1h"}
    loans.monitors(
        DAILY | zone, {"id": "monthly", "every": "1mo", "data": "data/{month}.parquet"} | zone
    )
    loans.at(90)
    runs = [run["id"] for run in loans.run()["runs"]]
    assert [id_ for id_ in runs if "monthly" in id_] == [
        "loans/monthly/2025-12-31T23:00Z/data",
        "loans/monthly/2026-01-31T23:00Z/data",
        "loans/monthly/2026-02-28T23:00Z/data",
    ]
    march = {r["window"]["start"][:16]: r["window"]["end"][:16] for r in loans.runs()}
    assert march["2026-03-28T23:00"] == "2026-03-29T22:00"  # 23 hours: summer time begins
    assert march["2026-02-28T23:00"] in ("2026-03-31T22:00", "2026-03-01T23:00")


def test_days_of_a_time_zone_read_the_files_of_its_days(loans: Any) -> None:
    loans.monitors(DAILY | {"time_zone": "Asia/Tokyo"})
    loans.day(0)
    loans.day(1, loans.frame(300))
    loans.clock.move_to(DAY_0 + timedelta(hours=10))
    loans.run()
    loans.at(1, hour=16)
    done = loans.run()
    assert [(run["id"], run["outcome"]) for run in done["runs"]] == [
        ("loans/daily/2026-01-04T15:00Z/data", "measured"),
        ("loans/daily/2026-01-05T15:00Z/data", "measured"),
    ]
    assert [body["rows"] for body in loans.runs()] == [500, 300]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"every": "1h"}, "no {hour}"),
        ({"every": "15m", "data": "d/{day}-{hour}.parquet"}, "cannot tell windows of 15m apart"),
        ({"every": "1h", "data": "d/{hour}.parquet"}, "{hour} and no {day}"),
        ({"data": "d/all.parquet"}, "names no {day}"),
    ],
)
def test_template_that_reads_the_wrong_files_is_told_by_lint(
    loans: Any, fields: dict[str, Any], told: str
) -> None:
    loans.monitor(**fields)
    _, said = loans.aims("lint")
    assert told in said


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"every": "5mo"}, "every"),
        ({"time_zone": "Mars/Base"}, "no time zone is called 'Mars/Base'"),
    ],
)
def test_cadence_that_is_none_is_told_with_its_line(
    loans: Any, fields: dict[str, Any], told: str
) -> None:
    loans.monitor(**fields)
    code, said = loans.aims("lint")
    assert (code != 0, told in said) == (True, True)
