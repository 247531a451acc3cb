"""What is in use where: one table of cases, and the same answer from everybody who asks."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.alarms.expiry import alarms_of_promoted
from aims_mlops.evidence.clock import now, parse
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.evidence.store import EvidenceStore
from aims_mlops.gates.deployment import fold as deployments_of
from aims_mlops.inventory.project import find_project, forget_stores
from aims_mlops.operations.alarms.monitoring import schedules
from aims_mlops.operations.in_use import in_use, promotions_that_happened
from aims_mlops.operations.schedule.due_runs import operation_of
from aims_mlops.report.coverage.scope import Scope

Steps = list[tuple[str, dict[str, Any]]]


def digest(model: str) -> str:
    return hashlib.sha256(model.encode()).hexdigest()


def put(version: str, outcome: str = "set", /, **said: Any) -> tuple[str, dict[str, Any]]:
    body = {"alias": "champion", "target": "production", "name": "loans", "version": version[1:]}
    body |= {"outcome": outcome, "model": digest(version), **said}
    return "promotion", body


def gone(version: str, /, **said: Any) -> tuple[str, dict[str, Any]]:
    return put(version, "removed", **said)


def deploy(model: str, event: str = "deployed", where: str = "eu-1", **said: Any) -> Any:
    body = {"event": event, "target": "production", "where": where, "model": digest(model)}
    return "deployment", {**body, "model_uri": f"models:/loans/{model[1:]}", **said}


STAGE = {"route": "stage", "alias": "Production"}
TAG = {"route": "tag", "alias": "deploy"}
NAME = {"route": "version", "alias": "loans"}
MODEL_TAG = {"route": "model-tag", "alias": "deploy"}

# what happened -> the models in use afterwards
CASES: dict[str, tuple[Steps, list[str]]] = {
    "nothing": ([], []),
    "set": ([put("v1")], ["v1"]),
    "failed": ([put("v1", "failed")], []),
    "not asked": ([put("v1", "not asked")], []),
    "removed": ([put("v1"), gone("v1")], []),
    "removed and set again": ([put("v1"), gone("v1"), put("v1")], ["v1"]),
    "removal of what was never set": ([gone("v1")], []),
    "removal that failed sets nothing": ([put("v1"), put("v2", "failed"), gone("v1")], []),
    "alias moves": ([put("v1"), put("v2")], ["v2"]),
    "alias moves and is removed": ([put("v1"), put("v2"), gone("v2")], []),
    "alias moves back": ([put("v1"), put("v2"), put("v1")], ["v1"]),
    "two aliases": ([put("v1"), put("v2", alias="blue"), gone("v1")], ["v2"]),
    "aliases differ by letter case": ([put("v1", alias="Champion"), put("v2")], ["v1", "v2"]),
    "removal noted with other content": ([put("v1"), gone("v1", model=digest("x"))], []),
    "removal noted without content or version": (
        [put("v1"), gone("v1", model=None, version=None)],
        [],
    ),
    "the same alias of two models": ([put("v1"), put("v2", name="credit")], ["v1", "v2"]),
    "route of an alias may be left out": ([put("v1", route="alias"), put("v2")], ["v2"]),
    "two versions in a stage": ([put("v1", **STAGE), put("v2", **STAGE)], ["v1", "v2"]),
    "stage that archives the others": (
        [put("v1", **STAGE), put("v2", **STAGE, archived_others=True)],
        ["v2"],
    ),
    "stages do not differ by letter case": (
        [put("v1", **STAGE), gone("v1", route="stage", alias="production")],
        [],
    ),
    "version enters another stage": (
        [put("v1", **STAGE), put("v1", route="stage", alias="Canary")],
        ["v1"],
    ),
    "version leaves the other stage": (
        [
            put("v1", **STAGE),
            put("v1", route="stage", alias="Canary"),
            gone("v1", route="stage", alias="Canary"),
        ],
        [],
    ),
    "one of two tagged versions": (
        [put("v1", **TAG), put("v2", **TAG), gone("v1", **TAG)],
        ["v2"],
    ),
    "tag and alias": ([put("v1", **TAG), put("v1"), gone("v1")], ["v1"]),
    "versions under a production name": (
        [put("v1", **NAME), put("v2", **NAME), gone("v2", **NAME)],
        ["v1"],
    ),
    "version once noted without its number": (
        [put("v1", **NAME, version=None), gone("v1", **NAME)],
        [],
    ),
    "tag of the registered model": ([put("v1", **MODEL_TAG), gone("v2", **MODEL_TAG)], []),
    "deployed": ([deploy("v1")], ["v1"]),
    "deployment that failed": ([deploy("v1"), deploy("v2", "failed")], ["v1"]),
    "deployed instead": ([deploy("v1"), deploy("v2")], ["v2"]),
    "deployed elsewhere": ([deploy("v1"), deploy("v2", where="us-1")], ["v1", "v2"]),
    "decommissioned": ([deploy("v1"), deploy("v1", "decommissioned", deployment=0)], []),
    "rolled back": (
        [deploy("v1"), deploy("v2"), deploy("v2", "rolled-back", deployment=1), deploy("v1")],
        ["v1"],
    ),
    "the end of what was replaced before ends nothing": (
        [deploy("v1"), deploy("v2"), deploy("v1", "decommissioned", deployment=0)],
        ["v2"],
    ),
    "promoted and deployed": ([put("v1"), deploy("v1"), gone("v1")], ["v1"]),
}

SETTINGS = """\
systems:
  - id: loans
    models: ["loans*"]
    monitoring: [{id: daily, every: 1d}]
people: [{id: ana}]
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "aims.yaml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIMS_ACTOR", "ana")
    monkeypatch.setenv("AIMS_PLUGINS", "")
    yield find_project().open_store()
    forget_stores()


def recorded(store: EvidenceStore, steps: Steps) -> list[Record]:
    found: list[Record] = []
    for kind, body in steps:
        if isinstance(begun := body.get("deployment"), int):
            body = {**body, "deployment": found[begun].id}
        subject = Subject("model:loans", body.get("model") or digest("none"))
        # The registry notes that something was taken away without knowing the AI system.
        system = None if body.get("outcome") == "removed" else "loans"
        evidence = Evidence(
            kind=kind, subjects=(subject,), body=body, actor="ana", claimed_at=now(), system=system
        )
        found.append(store.append(evidence, key=f"step/{store.status().size}"))
    return found


@pytest.mark.parametrize("case", CASES)
def test_whatever_happened_is_in_use_as_the_table_says_for_everybody_who_asks(
    store: EvidenceStore, case: str
) -> None:
    steps, expected = CASES[case]
    records = recorded(store, steps)
    wanted = sorted(map(digest, expected))
    assert sorted(use.model for use in in_use(records)) == wanted

    operation = operation_of(records, "loans")
    assert operation.goes_on is bool(expected)
    running = operation.model_at(datetime.max.replace(tzinfo=UTC)) if expected else None
    assert running in (*wanted, None)
    (schedule,) = schedules(store, find_project().systems, parse(now()))
    assert schedule.operation == operation

    running_now = {one.model for one in deployments_of(r for r in records if _is_deployment(r))
                   if one.runs}  # fmt: skip
    assert running_now == {use.model for use in in_use(records) if not use.is_promotion}

    happened = [r for r in records if r.evidence.body.get("outcome") == "set"]
    assert list(promotions_that_happened(records)) == happened
    assert list(Scope.of(records).promotions) == happened

    (find_project().root / "policy.yaml").write_text("id: p\nassessment: {required: true}\n")
    with (find_project().root / "aims.yaml").open("a") as settings:
        settings.write("targets: {production: {policy: policy.yaml, aliases: [champion]}}\n")
    found = alarms_of_promoted(store, find_project(), datetime.now(UTC))
    assert sorted({s.sha256 for a in found for s in a.subjects}) == sorted(set(wanted))


def _is_deployment(record: Record) -> bool:
    return record.evidence.kind == "deployment"


def test_status_no_longer_shows_a_promotion_that_was_taken_away(
    store: EvidenceStore, capsys: pytest.CaptureFixture[str]
) -> None:
    from aims_mlops.cli.main import main

    def shown() -> list[list[str]]:
        with pytest.raises(SystemExit, match="0"):
            main(["status", "--json"])
        systems = json.loads(capsys.readouterr().out)["systems"]
        return [[p["model"] for p in system["promoted"]] for system in systems]

    recorded(store, [put("v1"), put("v2", alias="blue")])
    assert shown() == [["loans/1", "loans/2"]]
    recorded(store, [gone("v1")])
    assert shown() == [["loans/2"]]


def test_coverage_does_not_count_a_removal_as_an_unsupported_promotion(
    store: EvidenceStore,
) -> None:
    from aims_mlops.report.coverage.freshness import _before_promotion

    body = {"document_sha256": "0" * 64, "model": digest("v1")}
    subject = Subject("model:loans", digest("v1"))
    assessed = store.append(
        Evidence(
            kind="impact-assessment",
            subjects=(subject,),
            body=body,
            actor="ana",
            claimed_at=now(),
            system="loans",
        )
    )
    # What was taken away had other files by then, of which the log knows nothing else.
    records = recorded(store, [put("v1"), gone("v1", model=digest("overwritten"))])
    verdict, words = _before_promotion([assessed], Scope.of([assessed, *records]))
    assert (verdict, words) == ("in time", "for 1 promotion of 1")
