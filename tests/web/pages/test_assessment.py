"""The form and the review of an assessment, as people use them in a browser without script."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from .conftest import HOSTILE, Served, Someone


@pytest.fixture(scope="module")
def page(served: Served, chrome: Any) -> Any:
    context = chrome.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()
    served.viewer = Someone()


def address(served: Served, what: str, model: str = "first") -> str:
    return f"{served.url}/console/models/{served.ids[model]}/{what}"


def test_author_fills_the_form_saves_it_and_submits_it(served: Served, page: Any) -> None:
    served.viewer = Someone(person="ana")
    page.goto(address(served, "assessment"))
    page.fill("textarea[name='scope.covers']", "")
    page.click("button:text('Save and check') >> nth=1")
    assert "scope.covers is empty" in page.inner_text("main")
    assert not page.is_visible("button:text('Submit for approval')")
    page.fill("textarea[name='scope.covers']", f"version {HOSTILE}")
    page.click("button[value='add:impacts']")
    page.fill("textarea[name='impacts.0.description']", "seen too late")
    page.select_option("select[name='impacts.0.likelihood']", "rare")
    page.select_option("select[name='impacts.0.severity']", "minor")
    page.click("button:text('Save and check') >> nth=1")
    assert page.input_value("input[name='impacts.0.id']") == "impact-1"
    assert page.input_value("textarea[name='scope.covers']") == f"version {HOSTILE}"
    page.click("button:text('Submit for approval') >> nth=0")
    assert "/review" in page.url
    assert "Submitted by ana" in page.inner_text("main")
    assert "seen too late" in page.inner_text("main")


def test_what_the_log_knows_is_taken_over_with_its_record(served: Served, page: Any) -> None:
    served.viewer = Someone(person="ana")
    page.goto(address(served, "assessment", "third"))
    page.fill("textarea[name='algorithm.performance']", "")
    page.click("button:text('Save and check') >> nth=1")
    page.click("button[value='take:algorithm.performance']")
    assert "recall_score" in page.input_value("textarea[name='algorithm.performance']")
    data = httpx.get(address(served, "assessment", "third").replace("/console", "/v1/console"))
    fields = [f for s in data.json()["sections"] for f in s["fields"] if f["from_evidence"]]
    assert [field["path"] for field in fields] == ["algorithm.performance"]


def test_risk_owner_asks_the_author_answers_and_the_question_is_closed(
    served: Served, page: Any
) -> None:
    served.viewer = Someone(person="bo")
    page.goto(address(served, "review", "model"))
    page.click("summary:text('Comment on: Scope')")
    card = page.locator("section[aria-labelledby='s-scope']")
    card.locator("textarea").first.fill(f"Who checks? {HOSTILE}")
    card.locator("input[name=question]").check()
    card.locator("button").first.click()
    assert "One question is open." in page.inner_text("main")
    served.viewer = Someone(person="ana")
    page.goto(address(served, "review", "model"))
    card = page.locator("section[aria-labelledby='s-scope']")
    card.locator(".comment summary").click()
    card.locator(".comment textarea").fill("A physician, monthly.")
    card.locator(".comment button").click()
    text = page.inner_text("main")
    assert "A physician, monthly." in text
    assert "question is open" not in text
    (asked, answered) = served.world.store.find(kind="review-comment")
    assert answered.evidence.body["answers"] == asked.id
    assert (asked.evidence.actor, answered.evidence.actor) == ("bo", "ana")


def test_comment_changes_neither_what_is_signed_nor_an_approval(served: Served) -> None:
    before = httpx.get(address(served, "review", "model").replace("/console", "/v1/console"))
    served.viewer = Someone(person="bo")
    answer = httpx.post(
        address(served, "review", "model"), data={"section": "whole", "text": "fine", "csrf": "x"}
    )
    after = httpx.get(address(served, "review", "model").replace("/console", "/v1/console"))
    assert answer.status_code == 303
    assert before.json()["shown_sha256"] == after.json()["shown_sha256"]
    assert [a["counts"] for a in after.json()["answers"]] == [
        a["counts"] for a in before.json()["answers"]
    ]


@pytest.mark.parametrize(
    "said",
    [
        {"section": "nothing", "text": "x"},
        {"section": "scope", "text": "  "},
        {"section": "scope", "text": "x" * 5_000},
    ],
)
def test_comment_on_nothing_or_of_nothing_is_refused(served: Served, said: dict[str, str]) -> None:
    assert httpx.post(address(served, "review", "model"), data=said).status_code == 422


def test_answer_to_a_comment_on_another_assessment_is_refused(served: Served) -> None:
    said = {"section": "scope", "text": "x", "answers": served.ids["record"]}
    assert httpx.post(address(served, "review", "model"), data=said).status_code == 422


def test_form_sent_on_an_old_version_shows_both_texts(served: Served) -> None:
    served.viewer = Someone(person="ana")
    there = address(served, "assessment", "model")
    for text in ("first", "of ana"):
        version = httpx.get(there.replace("/console", "/v1/console")).json()["version"]
        sent = {"version": version, "failures": text, "do": "save"}
        assert httpx.post(there, data=sent).status_code == 303
    answer = httpx.post(there, data={"version": 1, "failures": "of bo", "do": "save"})
    assert answer.status_code == 409
    assert "of ana" in answer.text
    assert "of bo" in answer.text
    now = httpx.get(there.replace("/console", "/v1/console")).json()
    assert [f["text"] for s in now["sections"] for f in s["fields"] if f["path"] == "failures"] == [
        "of ana"
    ]
