"""Registers in the browser: an entry added, changed, closed; two people at once; what is not."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from aims_mlops.management.registers.grammar import fields_of
from aims_mlops.management.registers.spec import REGISTERS
from aims_mlops.web.render.language import catalogue

from .conftest import HOSTILE, Served, Someone


@pytest.fixture(scope="module")
def page(served: Served, chrome: Any) -> Any:
    context = chrome.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


def data(served: Served, path: str) -> Any:
    return httpx.get(f"{served.url}/v1/console/registers/{path}", timeout=60).json()


def test_risk_is_added_with_rows_changed_and_closed_without_script(
    served: Served, page: Any
) -> None:
    page.goto(f"{served.url}/console/registers/risk/add")
    page.fill("input[name=title]", "Late visits")
    page.click("button[value='more:controls']")
    page.fill("input[name='controls.0.control']", "A.6.2.6")
    page.click("button:text('Put it into the log') >> nth=1")
    assert "This has to be put right first" in page.inner_text("main")
    assert page.input_value("input[name=title]") == "Late visits"
    page.fill("input[name=id]", "R-1")
    page.fill("input[name=owner]", "bo")
    page.fill("textarea[name=source]", HOSTILE)
    page.fill("input[name='before.likelihood']", "3")
    page.fill("input[name='before.impact']", "4")
    page.check("input[name=systems][value=loans]")
    page.click("button:text('Put it into the log') >> nth=1")
    assert "/entries/R-1" in page.url, page.inner_text("main")
    entry = data(served, "risk/entries/R-1")
    assert entry["content"]["controls"] == [{"control": "A.6.2.6"}]
    assert entry["content"]["source"] == HOSTILE
    assert entry["content"]["before"] == {"likelihood": 3, "impact": 4}
    page.click("a:text-is('Change')")
    page.fill("input[name=title]", "Visits that come too late")
    page.click("button:text('Put it into the log') >> nth=1")
    assert data(served, "risk/entries/R-1")["title"] == "Visits that come too late"
    page.click("summary:text-is('Close')")
    page.fill("textarea[name=why_changed]", "it is no risk any more")
    page.click("form button:text-is('Close')")
    assert data(served, "risk/entries/R-1")["state"] == "closed"
    assert data(served, "risk")["entries"][0]["state"] == "closed"


def test_entry_that_somebody_changed_meanwhile_is_not_overwritten(served: Served) -> None:
    there = f"{served.url}/console/registers/improvement"
    said = {"id": "I-1", "title": "one", "owner": "ana", "proposal": "do it", "do": "save"}
    assert httpx.post(f"{there}/add", data=said).status_code == 303
    on = data(served, "improvement/entries/I-1/change")["on"]
    first = {**said, "title": "of ana", "on": on}
    assert httpx.post(f"{there}/entries/I-1/change", data=first).status_code == 303
    second = httpx.post(f"{there}/entries/I-1/change", data={**said, "title": "of bo", "on": on})
    assert second.status_code == 422
    assert "of bo" in second.text
    assert data(served, "improvement/entries/I-1")["title"] == "of ana"


def test_reader_of_another_system_finds_no_entry(served: Served) -> None:
    served.viewer = Someone(systems=frozenset({"another"}))
    try:
        assert data(served, "risk")["entries"] == []
        answer = httpx.get(f"{served.url}/console/registers/risk/entries/R-1")
        assert answer.status_code == 404
    finally:
        served.viewer = Someone()


@pytest.mark.parametrize("name", list(REGISTERS))
def test_every_register_has_a_form_whose_fields_have_words(served: Served, name: str) -> None:
    answer = httpx.get(f"{served.url}/console/registers/{name}/add", timeout=60)
    assert answer.status_code == 200
    words = catalogue("en")

    def check(fields: Any) -> None:
        for field in fields:
            assert f"entry.{field.name}" in words, field.name
            check(field.parts)

    check(fields_of(REGISTERS[name]))
    assert f"register.name.{name}" in words


def test_register_that_there_is_not_is_not_found(served: Served) -> None:
    assert httpx.get(f"{served.url}/console/registers/nothing").status_code == 404
    assert httpx.post(f"{served.url}/console/registers/nothing/add", data={}).status_code == 404


def test_writer_of_one_system_writes_about_no_other(served: Served) -> None:
    there = f"{served.url}/console/registers/improvement"
    said = {"id": "I-scope", "title": "t", "owner": "ana", "proposal": "p", "do": "save"}
    served.viewer = Someone(systems=frozenset({"another"}))
    try:
        for systems in ([], ["loans"], ["another", "loans"]):
            sent = httpx.post(f"{there}/add", data={**said, "systems": systems})
            assert sent.status_code == 404
    finally:
        served.viewer = Someone()
    assert "I-scope" not in [row["id"] for row in data(served, "improvement")["entries"]]
