"""What waits for whom."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from aims_mlops.management.registers.enter import add
from aims_mlops.web.pages.waiting import GROUPS
from aims_mlops.web.render.language import catalogue

from .conftest import Served, Someone


@pytest.fixture
def waits(served: Served) -> Any:
    def ask(person: str, **more: Any) -> dict[str, list[dict[str, Any]]]:
        served.viewer = Someone(person=person, **more)
        page = httpx.get(f"{served.url}/v1/console", timeout=60).json()
        return {group["kind"]: group["items"] for group in page["groups"]}

    yield ask
    served.viewer = Someone()


def test_each_person_sees_what_they_can_move_on(served: Served, waits: Any) -> None:
    bo, ana = waits("bo"), waits("ana")
    assert [item["overdue"] for item in bo["nonconformity"]] == [True]
    assert "nonconformity" not in ana  # it has an owner, who is bo
    assert [item["system"] for item in ana["return"]] == ["loans"]
    assert "return" not in bo
    assert {"incident"} <= set(bo) & set(ana)


def test_question_waits_for_the_author_until_it_is_answered(served: Served, waits: Any) -> None:
    there = f"{served.url}/console/models/{served.ids['third']}/review"
    served.viewer = Someone(person="cy")
    httpx.post(there, data={"section": "data", "text": "From where?", "question": "1"}, timeout=60)
    asked = waits("ana")["question"]
    assert [item["title"] for item in asked] == ["From where?"]
    assert "question" not in waits("bo")
    record = list(served.world.store.find(kind="review-comment"))[-1]
    served.viewer = Someone(person="ana")
    said = {"section": "data", "text": "The clinic.", "answers": record.id}
    httpx.post(there, data=said, timeout=60)
    assert "question" not in waits("ana")


def test_entry_that_is_due_waits_for_its_owner(served: Served, waits: Any) -> None:
    due = {"id": "I-due", "title": "do it", "owner": "cy", "proposal": "p", "due": "2026-01-01"}
    add(served.world.project, served.world.store, "improvement", due, actor="ana",
        now=datetime.now(UTC))  # fmt: skip
    assert [item["detail"] for item in waits("cy")["entry"]] == ["I-due"]
    assert "I-due" not in [item["detail"] for item in waits("bo").get("entry", ())]


def test_reader_of_another_system_waits_for_nothing_here(waits: Any) -> None:
    assert waits("bo", systems=frozenset({"another"})) == {}


def test_every_group_has_words() -> None:
    assert [kind for kind in GROUPS if f"waiting.group.{kind}" not in catalogue("de")] == []
