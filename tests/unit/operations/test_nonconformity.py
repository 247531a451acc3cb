"""Nonconformities: found once, and put right in the order of clause 10.2."""

from __future__ import annotations

import contextlib
import io
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.cli.main import main
from aims_mlops.errors import EvidenceNotFoundError
from aims_mlops.evidence.clock import now as clock
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.evidence.store import EvidenceStore
from aims_mlops.inventory.project import find_project, forget_stores
from aims_mlops.operations.nonconformity import (
    find_nonconformity,
    nonconformities,
    open_nonconformity,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SETTINGS = """\
version: 1
people:
  - {id: ana, also_known_as: [ana@example.org]}
  - {id: bo, also_known_as: [bo@example.org]}
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "aims.yaml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIMS_ACTOR", "ana")
    yield find_project().open_store()
    forget_stores()


def missed(store: EvidenceStore, key: str = "missed/loans", **more: Any) -> Record:
    return open_nonconformity(
        store,
        key=key,
        what="missed-run",
        detail="the run of 20 November did not happen",
        next_step="aims monitor run",
        subjects=(Subject.of_name("loans"),),
        system="loans",
        now=NOW,
        **more,
    )


def aims(*arguments: str, actor: str = "ana", expect: int = 0) -> str:
    os.environ["AIMS_ACTOR"] = actor  # the fixture puts it back
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            main(["nonconformity", *arguments])
            code: Any = 0
        except SystemExit as end:
            code = end.code or 0
    assert code == expect, said.getvalue()
    return said.getvalue()


def test_same_finding_is_opened_once(store: EvidenceStore) -> None:
    first = missed(store)
    assert missed(store).id == first.id
    assert missed(store, key="missed/other").id != first.id
    assert len(nonconformities(store)) == 2


def test_finding_again_after_it_was_closed_opens_a_new_one(store: EvidenceStore) -> None:
    first = missed(store)
    _put_right(first.id)
    second = missed(store)
    assert second.id != first.id
    assert [n.state for n in nonconformities(store)] == ["closed", "open"]


def _put_right(id_: str) -> None:
    aims("assign", id_, "--owner", "ana", "--due", "2026-12-01")
    aims("analyse", id_, "--root-cause", "the host was switched off")
    aims("act", id_, "--action", "two hosts run the schedule", "--correction", "ran it by hand")
    aims("close", id_, "--effect", "a host was switched off, and the run happened", actor="bo")


def test_life_cycle_keeps_every_word_and_who_said_it(store: EvidenceStore) -> None:
    record = missed(store)
    _put_right(record.id)
    shown = json.loads(aims("show", record.id[:12], "--json"))
    assert shown["state"] == "closed"
    assert shown["owner"] == "ana"
    assert shown["due"].startswith("2026-12-01T00:00:00")
    assert shown["root_cause"] == "the host was switched off"
    assert shown["correction"] == "ran it by hand"
    assert shown["acted_by"] == "ana"
    assert shown["overdue"] is False
    assert len(shown["steps"]) == 5
    assert aims("list") == "no open nonconformity\n"
    assert "missed-run" in aims("list", "--all")


def test_steps_out_of_order_are_refused_with_the_next_one(store: EvidenceStore) -> None:
    record = missed(store)
    assert "no corrective action" in aims("close", record.id, "--effect", "fine", expect=2)
    assert "analyse" in aims("act", record.id, "--action", "try harder", expect=2)
    assert "is open already" in aims("reopen", record.id, "--reason", "again", expect=2)
    assert "no such person" in aims("assign", record.id, "--owner", "eve", expect=2)
    assert "is empty" in aims("analyse", record.id, "--root-cause", "  ", expect=2)
    assert len(list(store.find(kind="nonconformity"))) == 1  # nothing was written


def test_who_acted_cannot_close_under_any_of_their_names(store: EvidenceStore) -> None:
    record = missed(store)
    aims("analyse", record.id, "--root-cause", "power")
    aims("act", record.id, "--action", "battery")
    for name in ("ana", "ana@example.org"):
        said = aims("close", record.id, "--effect", "works", actor=name, expect=2)
        assert "another person" in said
    aims("close", record.id, "--effect", "works", actor="bo@example.org")


def test_reopened_one_has_its_cause_to_be_found_anew(store: EvidenceStore) -> None:
    record = missed(store)
    _put_right(record.id)
    aims("reopen", record.id, "--reason", "it stopped again on Sunday")
    found = find_nonconformity(store, record.id)
    assert found.state == "open"
    assert found.reason == "it stopped again on Sunday"
    assert found.root_cause is None
    assert "analyse" in aims("act", record.id, "--action", "more", expect=2)


def test_overdue_is_told_by_the_list_and_its_exit_code(store: EvidenceStore) -> None:
    missed(store, due=datetime.now(UTC) - timedelta(days=1))
    assert "overdue" in aims("list", expect=1)
    assert json.loads(aims("list", "--json", expect=1))[0]["overdue"] is True


def test_due_date_without_one_follows_the_severity(store: EvidenceStore) -> None:
    missed(store, key="a", severity="major")
    missed(store, key="b", severity="minor")
    due = [n.due[:10] for n in nonconformities(store)]
    assert due == ["2026-12-21", "2027-02-19"]


def test_broken_glass_closes_by_a_decision_only(store: EvidenceStore) -> None:
    model = Subject("model:loans", "a" * 64)

    def append(kind: str, **body: Any) -> Record:
        return store.append(
            Evidence(kind=kind, subjects=(model,), body=body, actor="ana", claimed_at=clock())
        )

    record = append("nonconformity", what="break-glass", state="open", target="production")
    assert "not closed by hand" in aims("close", record.id, "--effect", "fine", expect=2)
    append("decision", allowed=True, broke_glass=False, target="staging")
    append("decision", allowed=False, broke_glass=False, target="production")
    append("decision", allowed=True, broke_glass=True, target="production")
    assert find_nonconformity(store, record.id).is_open
    append("decision", allowed=True, broke_glass=False, target="production")
    assert not find_nonconformity(store, record.id).is_open


def test_record_of_another_kind_is_no_nonconformity(store: EvidenceStore) -> None:
    evidence = Evidence(
        kind="gap", subjects=(Subject.of_name("x"),), body={}, actor="ana", claimed_at=clock()
    )
    record = store.append(evidence)
    with pytest.raises(EvidenceNotFoundError, match="is no nonconformity"):
        find_nonconformity(store, record.id)
