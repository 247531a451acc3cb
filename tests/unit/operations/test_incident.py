"""Incidents: what happened, who was told, and that approvals from before count no longer."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.cli.main import main
from aims_mlops.errors import EvidenceNotFoundError
from aims_mlops.evidence.store import EvidenceStore
from aims_mlops.inventory.project import find_project, forget_stores
from aims_mlops.operations.incident import find_incident, incidents


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EvidenceStore]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIMS_ACTOR", "ana")
    aims("init", "--system", "loans")
    yield find_project().open_store()
    forget_stores()


def aims(*arguments: str, expect: int = 0) -> str:
    said = io.StringIO()
    code: Any = 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            main(list(arguments))
        except SystemExit as end:
            code = end.code or 0
    assert code == expect, said.getvalue()
    return said.getvalue()


def opened(store: EvidenceStore, *more: str) -> str:
    aims("incident", "open", "loans", "--title", "a whole branch was refused", *more)
    return incidents(store)[-1].id


def test_incident_runs_from_what_happened_to_how_it_ended(store: EvidenceStore) -> None:
    id_ = opened(store, "--severity", "critical", "--affected", "40", "--group", "branch 7")
    aims("incident", "update", id_, "--note", "more than thought", "--affected", "52")
    aims(
        "incident", "tell", id_, "--whom", "branch 7", "--what", "apply again", "--channel", "mail"
    )
    aims("incident", "close", id_, "--outcome", "all were decided again by people")
    shown = json.loads(aims("incident", "show", id_[:12], "--json"))
    assert shown["state"] == "closed"
    assert shown["severity"] == "critical"
    assert shown["affected"] == 52
    assert shown["groups"] == ["branch 7"]
    assert [told["whom"] for told in shown["told"]] == ["branch 7"]
    assert shown["outcome"] == "all were decided again by people"
    assert len(shown["steps"]) == 4
    assert "told branch 7: apply again" in aims("incident", "show", id_)
    assert aims("incident", "list") == "no open incident\n"
    assert "a whole branch" in aims("incident", "list", "--all")


def test_closing_a_major_one_without_telling_anybody_is_refused(store: EvidenceStore) -> None:
    id_ = opened(store)
    said = aims("incident", "close", id_, "--outcome", "over", expect=2)
    assert "nobody was told" in said
    assert "aims incident tell" in said
    minor = opened(store, "--severity", "minor")
    aims("incident", "close", minor, "--outcome", "over")


def test_step_on_a_closed_one_is_refused(store: EvidenceStore) -> None:
    id_ = opened(store, "--severity", "minor")
    aims("incident", "close", id_, "--outcome", "over")
    assert "is closed" in aims("incident", "update", id_, "--note", "again", expect=2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("open", "loons", "--title", "x"), "no such AI system"),
        (("open", "loans", "--title", " "), "what happened"),
        (("open", "loans", "--title", "x", "--affected", "-1"), "not negative"),
    ],
)
def test_incident_that_says_nothing_is_refused_and_writes_nothing(
    store: EvidenceStore, arguments: tuple[str, ...], words: str
) -> None:
    assert words in aims("incident", *arguments, expect=2)
    assert not list(store.find(kind="incident"))


def test_record_of_another_kind_is_no_incident(store: EvidenceStore) -> None:
    aims("gate", str(Path("aims.yaml")), "--for", "production", expect=1)
    record = next(store.find(kind="decision"))
    with pytest.raises(EvidenceNotFoundError, match="is no incident"):
        find_incident(store, record.id)
