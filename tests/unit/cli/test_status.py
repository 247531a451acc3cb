from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.evidence.clock import now
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.inventory.project import find_project


def status() -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "aims_mlops", "status", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def evidence(kind: str, **body: Any) -> Evidence:
    return Evidence(
        kind=kind,
        subjects=(Subject.of_name("loans"),),
        body=body,
        actor="ana",
        claimed_at=now(),
        system="loans",
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_status_of_an_empty_folder_says_where_evidence_will_go(folder: Path) -> None:
    state = status()
    assert state["configuration"] is None
    assert state["store"]["location"] == str(folder / ".aims" / "evidence.db")
    assert state["store"]["size"] == 0
    assert state["gaps"] == {"count": 0, "newest": None}
    assert state["systems"] == []


def test_newest_promotion_of_an_alias_is_what_status_shows(folder: Path) -> None:
    store = find_project().open_store()
    for version, outcome in (("1", "set"), ("2", "set"), ("3", "failed")):
        store.append(
            evidence(
                "promotion",
                alias="champion",
                name="loans",
                version=version,
                model=version * 64,
                outcome=outcome,
            )
        )
    store.close()
    (system,) = status()["systems"]
    assert system["id"] == "loans"
    assert system["promoted"] == [{"alias": "champion", "model": "loans/2", "sha256": "2" * 64}]


def test_recorded_gap_is_counted_and_named(folder: Path) -> None:
    store = find_project().open_store()
    store.append(evidence("gap", where="model", error="ValueError", message="left out"))
    store.close()
    assert status()["gaps"] == {"count": 1, "newest": "model"}


def test_what_is_deployed_and_who_was_not_told_are_shown(folder: Path) -> None:
    store = find_project().open_store()
    store.append(
        evidence(
            "deployment",
            event="deployed",
            target="production",
            where="eu-1",
            model="a" * 64,
            model_uri="scorecard.json",
        )
    )
    notice = {"title": "t", "about": [], "problem": None}
    store.append(evidence("notice", **notice, recipient="ops", outcome="sent"))
    store.append(evidence("notice", **notice, recipient="risk", outcome="failed"))
    state = status()
    (system,) = state["systems"]
    assert system["promoted"] == []
    assert [(d["where"], d["model"]) for d in system["deployed"]] == [("eu-1", "scorecard.json")]
    assert [row["recipient"] for row in state["notices"]] == ["risk"]
    store.append(evidence("notice", **notice, recipient="risk", outcome="sent"))
    assert status()["notices"] == []
