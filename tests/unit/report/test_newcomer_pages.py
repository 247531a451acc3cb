"""What pages and cards say first: one person alone, approvals that did not count, the assessed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aims_mlops.cli.main import app
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.inventory.project import find_project, forget_stores
from aims_mlops.report.card.card import write_card
from aims_mlops.report.card.page import as_html, as_markdown

MODEL = "a" * 64
ALONE = "Single-user mode: separation of duties is not enforced in this project."


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("AIMS_PROJECT", "AIMS_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "aims.yaml").write_text("single_user: true\nsystems: [{id: loans}]\n")
    yield tmp_path
    forget_stores()


def record(kind: str, body: dict[str, Any]) -> Record:
    return (
        find_project()
        .open_store()
        .append(
            Evidence(
                kind=kind,
                subjects=(Subject("model:loans", MODEL),),
                body=body,
                actor="bo",
                claimed_at="2026-11-21T09:30:00.000000Z",
                system="loans",
            )
        )
    )


def aims(*arguments: str) -> str:
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == 0, found.output
    return found.output


def test_project_of_one_person_says_so_on_every_page_and_card(folder: Path) -> None:
    record("model", {"name": "loans", "sha256": MODEL})
    for command in (("report", "coverage"), ("report", "soa"), ("history", "loans")):
        assert ALONE in aims(*command)
        aims(*command, "--html", "page.html")
        assert ALONE in (folder / "page.html").read_text()
    assert ALONE in aims("report", "card", f"sha256:{MODEL}")
    aims("report", "card", f"sha256:{MODEL}", "--html", "card.html")
    assert ALONE in (folder / "card.html").read_text()
    assert ALONE in aims("people", "list") or "names nobody" in aims("people", "list")
    (folder / "aims.yaml").write_text("systems: [{id: loans}]\n")
    assert ALONE not in aims("report", "coverage")


def test_approval_that_did_not_count_says_so_in_the_history(folder: Path) -> None:
    body = {"approver": "bo", "model": MODEL, "verdict": "approve"}
    first, second, third = (record("approval", {**body, "reason": r}) for r in "xyz")
    record("decision", {"verdict": "allowed", "allowed": True, "consent": {"bo": second.id},
                        "uncounted": [{"record": first.id, "why": "its key ended"}]})  # fmt: skip
    told = {
        line.split()[1]: line for line in aims("history", "loans").splitlines() if ":" in line[:8]
    }
    assert told[first.id[:12]].endswith("; not counted: its key ended")
    assert "counted" not in told[second.id[:12]]
    assert told[third.id[:12]].endswith("; no decision has weighed it")


def test_limits_of_the_card_begin_with_what_people_assessed(folder: Path) -> None:
    document = {
        "algorithm": {"limitations": "few rows above 80"},
        "system_information": {"unintended_uses": "insurance"},
        "impacts": [
            {"id": "late", "kind": "harm", "on": "individuals", "description": "is seen too late",
             "residual_likelihood": "unlikely", "residual_severity": "minor"},
            {"id": "soon", "kind": "benefit", "on": "individuals", "description": "is seen soon"},
        ],
    }  # fmt: skip
    figures = [
        {"measure": "recall_score", "group": {"age": f"{i}"}, "value": 0.5, "n": i}
        for i in range(1, 20)
    ]
    records = [
        record("model", {"name": "loans", "sha256": MODEL}),
        record("impact-assessment", {"document": document, "state": "submitted"}),
        record("performance", {"figures": figures}),
    ]
    model = ModelReference(uri=f"sha256:{MODEL}", sha256=MODEL)
    card = write_card(model, records, datetime.now(UTC))
    words = [limit.words for limit in card.limits]
    assert words[:3] == [
        "Works badly, as assessed: few rows above 80.",
        "Not to be used for, as assessed: insurance.",
        "Harm to individuals, as assessed: is seen too late; after measures unlikely, minor.",
    ]
    (few,) = [text for text in words if text.startswith("Performance: fewer than")]
    assert few.endswith("age = 1 (1 row); age = 2 (2 rows); age = 3 (3 rows) and 16 groups more.")
    assert "as assessed: is seen too late" in as_html(card)
    assert "is seen too late" in as_markdown(card)
