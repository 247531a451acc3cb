"""`aims report monitoring`: what became of each window, drift against its threshold, findings."""

from __future__ import annotations

import json
import re
from typing import Any

from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.inventory.project import find_project

HOSTILE = "<script>window.ran=1</script>\u202e\"'&amp;"


def page(loans: Any) -> str:
    code, said = loans.aims("report", "monitoring", "loans", "--html", "page.html")
    assert code == 0, said
    text: str = (loans.folder / "page.html").read_text(encoding="utf-8")
    return text


def told(loans: Any) -> Any:
    code, said = loans.aims("report", "monitoring", "loans", "--json")
    assert code == 0, said
    return json.loads(said)


def drifting(loans: Any, days: int = 5) -> None:
    for day in range(days):
        loans.day(day, loans.frame(seed=day, shift=10.0 * day))
        loans.at(day + 1)
        loans.run()


def test_windows_in_time_late_failed_and_missed_are_told_apart(loans: Any) -> None:
    for day in range(4):
        loans.day(day)
    loans.at(1)
    loans.run()
    loans.at(4)  # days 1 and 2 are late
    loans.run()
    (loans.folder / "data" / "2026-01-09.parquet").write_bytes(b"cut off")
    loans.at(5)
    loans.run()
    loans.at(8)  # days 5 and 6 are missed, day 7 is not overdue yet
    (schedule,) = told(loans)["schedules"]
    states = {window["start"][:10]: window["state"] for window in schedule["windows"]}
    assert states == {
        "2026-01-05": "in time",
        "2026-01-06": "late",
        "2026-01-07": "late",
        "2026-01-08": "in time",
        "2026-01-09": "failed",
        "2026-01-10": "missed",
        "2026-01-11": "missed",
        "2026-01-12": "not due yet",
    }
    assert schedule["states"] == {
        "in time": 2,
        "late": 2,
        "failed": 1,
        "missed": 2,
        "not due yet": 1,
    }
    text = page(loans)
    for state, count in schedule["states"].items():
        assert f'aria-label="{count} {state}, by window' in text
    assert "no Parquet file that can be read" in text or "cannot be read" in text
    assert "missed-run" in text


def test_drifting_column_is_drawn_against_its_threshold_with_its_distribution(loans: Any) -> None:
    drifting(loans)
    (schedule,) = told(loans)["schedules"]
    (column,) = schedule["columns"]
    assert (column["column"], column["drifted"]) == ("income", 4)
    values = [point["value"] for point in column["points"]]
    assert values == sorted(values)
    assert {point["threshold"] for point in column["points"]} == {0.1}
    text = page(loans)
    (drawn,) = re.findall(r'<svg class="trend".*?</svg>', text, re.DOTALL)
    assert drawn.count('class="value"') == 4
    assert drawn.count('class="quiet"') == 1
    assert drawn.count('class="interval"') == 4
    assert drawn.count('class="overall"') == 4
    assert "Distribution of income" in text
    assert "below " in text
    assert "persistent-drift" in text
    assert re.search(r"aims evidence blob [0-9a-f]{12}", text) is None  # plots: never


def test_pictures_that_the_run_kept_are_named_with_the_command_that_opens_them(loans: Any) -> None:
    loans.monitor(plots="found")
    drifting(loans, 4)
    digest = re.search(r"aims evidence blob ([0-9a-f]+)</code>", page(loans))
    assert digest is not None
    code, said = loans.aims("evidence", "blob", digest[1], "--out", "picture.svg")
    assert code == 0, said
    assert b"<svg" in (loans.folder / "picture.svg").read_bytes()


def test_no_line_joins_windows_of_two_references(loans: Any) -> None:
    drifting(loans, 3)
    loans.frame(1500, seed=77, shift=5.0).to_parquet("other.parquet")
    assert loans.aims("drift", "profile", "other.parquet", "--system", "loans")[0] == 0
    for day in (3, 4):
        loans.day(day, loans.frame(seed=day, shift=10.0 * day))
        loans.at(day + 1)
        loans.run()
    (drawn,) = re.findall(r'<svg class="trend".*?</svg>', page(loans), re.DOTALL)
    assert drawn.count("<circle") == 5
    assert drawn.count('class="interval"') == 3  # two before the change, one after it


def test_status_says_where_the_page_comes_from(loans: Any) -> None:
    assert "aims report monitoring loans --html FILE" in loans.aims("monitor", "status")[1]


def test_text_has_the_columns_and_findings(loans: Any) -> None:
    drifting(loans)
    code, said = loans.aims("report", "monitoring", "loans")
    assert code == 0
    assert "loans/daily, every 1d: 5 in time" in said
    assert "income: drift in 4 of 5 windows; last wasserstein" in said
    assert "persistent-drift: " in said


def test_hostile_evidence_is_shown_as_text_on_the_page(loans: Any) -> None:
    loans.day(0)
    loans.at(1)
    loans.run()
    run = "loans/daily/2026-01-05T00:00Z/data"
    window = {"start": "2026-01-05T00:00:00.000000Z", "end": "2026-01-06T00:00:00.000000Z"}
    entry = {
        "effect": 0.5,
        "threshold": 0.1,
        "effect_method": HOSTILE,
        "verdict": "drift",
        "reason": HOSTILE,
        "distribution": {"edges": [HOSTILE, 1e999], "reference": [0.5, 9e9, -4], "current": "x"},
    }
    finding = {"what": HOSTILE, "reason": HOSTILE, "next_step": HOSTILE, "severity": HOSTILE}
    bodies = {
        "drift": {
            "verdict": "drift",
            "window": window,
            "columns": {HOSTILE: entry, "odd": None, "list": []},
            "reference": {"sha256": HOSTILE},
            "figures": [],
        },
        "monitoring-run": {
            "monitor": "daily",
            "stage": "data",
            "window": window,
            "outcome": "measured",
            "findings": [finding, HOSTILE],
            "plots": [{"sha256": HOSTILE}, HOSTILE],
        },
    }
    store = find_project().open_store()
    for kind, body in bodies.items():
        body = json.loads(json.dumps(body).replace("Infinity", "0"))
        store.append(
            Evidence(
                kind=kind,
                subjects=(Subject.of_name("monitor:loans/daily"),),
                body=body,
                actor=HOSTILE,
                claimed_at="2026-01-06T08:00:00.000000Z",
                system="loans",
                run=run,
            )
        )
    text = page(loans)
    assert "<script" not in text
    assert "\u202e" not in text
    assert "&lt;script&gt;window.ran=1&lt;/script&gt;" in text
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text
    for form in ((), ("--json",)):
        assert loans.aims("report", "monitoring", "loans", *form)[0] == 0


def test_system_that_nobody_knows_is_named_with_those_that_are(loans: Any) -> None:
    code, said = loans.aims("report", "monitoring", "laons")
    assert code == 2
    assert "loans" in said.replace("laons", "")


def test_system_without_a_schedule_has_an_empty_page(loans: Any) -> None:
    (loans.folder / "aims.yaml").write_text((loans.folder / "plain.yaml").read_text())
    assert "No schedule" in page(loans)
