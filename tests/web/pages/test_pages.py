"""Every page: its twin, its words, what it shows of whom, and what it lets one take away."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping

import httpx
import pytest

from aims_mlops.web.routes.pages import cell
from aims_mlops.web.routes.table import PAGES

from .conftest import HOSTILE, PAGE, Served, Someone


def addresses(served: Served) -> dict[str, str]:
    """Page name -> an address of it that has something to show."""
    parts = {
        "system": "loans",
        "model": served.ids["model"],
        "record": served.ids["record"],
        "register": "objective",
        "entry": "O-1",
    }
    found = {page.name: page.path.format(**parts) for page in PAGES}
    found["window"] = f"/monitoring/{served.ids['run']}"
    return found


def get(served: Served, path: str, **headers: str) -> httpx.Response:
    return httpx.get(served.url + path, headers=headers, timeout=120)


@pytest.mark.parametrize("name", [page.name for page in PAGES])
def test_page_and_its_twin_answer_from_the_same_data(served: Served, name: str) -> None:
    path = addresses(served)[name]
    html, twin = get(served, f"/console{path}"), get(served, f"/v1/console{path}")
    assert (html.status_code, twin.status_code) == (200, 200)
    assert html.headers["content-type"] == "text/html; charset=utf-8"
    data = twin.json()
    shown = [text for text in texts(data) if text.startswith("<script>window.ran")]
    assert not shown or "&lt;script&gt;window.ran" in html.text
    assert f'href="/v1/console{path}"' in html.text


def texts(value: object) -> list[str]:
    if isinstance(value, Mapping):
        return [text for inner in value.values() for text in texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in texts(inner)]
    return [value] if isinstance(value, str) else []


def test_german_reader_sees_german_words_dates_and_numbers(served: Served) -> None:
    path = f"/console{addresses(served)['system']}"
    german = get(served, path, **{"Accept-Language": "de-DE,de;q=0.9"}).text
    english = get(served, path, **{"Accept-Language": "en-US"}).text
    assert '<html lang="de">' in german
    assert "Versionen im Vergleich" in german
    assert "0,800" in german
    assert '<html lang="en">' in english
    assert "0.800" in english


def test_language_that_was_chosen_wins_over_the_browsers(served: Served) -> None:
    with httpx.Client(base_url=served.url, timeout=60) as client:
        answer = client.get("/console/language/de?to=/console/systems")
        assert answer.headers["location"] == "/console/systems"
        page = client.get("/console/systems", headers={"Accept-Language": "en"})
    assert '<html lang="de">' in page.text


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/console.evil", "\\\\evil", "/v1", ""]
)
def test_open_redirect_through_the_choice_of_language_leads_nowhere(
    served: Served, wanted: str
) -> None:
    answer = httpx.get(f"{served.url}/console/language/de", params={"to": wanted})
    assert answer.headers["location"] == "/console"


def test_reader_of_one_system_sees_nothing_of_another(served: Served) -> None:
    served.viewer = Someone(systems=frozenset({"another"}))
    try:
        for name, path in addresses(served).items():
            if name == "administration":
                continue  # of the log, and for administrators
            answer = get(served, f"/v1/console{path}")
            assert answer.status_code in (200, 404)
            assert HOSTILE not in texts(answer.json()), name
            assert "loans" not in texts(answer.json()), name
    finally:
        served.viewer = Someone()


def test_search_finds_by_control_kind_person_period_and_words(served: Served) -> None:
    def kinds(**asked: str) -> set[str]:
        found = httpx.get(f"{served.url}/v1/console/evidence", params=asked, timeout=60).json()
        return {record["kind"] for record in found["records"]}

    assert kinds(control="A.7.4") == set()
    assert "dataset" in kinds(control="A.7.5")
    assert "approval" not in kinds(control="A.7.5")
    assert kinds(kind="approval") == {"approval"}
    assert kinds(kind="approval", person="nobody") == set()
    assert kinds(until="2001-01-01") == set()
    assert "model" in kinds(subject=served.ids["model"], q="model")
    assert kinds(subject="no digest") == set()


def test_search_goes_on_where_it_stopped_and_repeats_nothing(served: Served) -> None:
    seen: list[int] = []
    path = "/v1/console/evidence?limit=7"
    while path:
        page = get(served, path).json()
        seen += [record["sequence"] for record in page["records"]]
        path = page["next"] and f"/v1{page['next']}&limit=7"
    assert seen == list(range(served.world.store.status().size))[::-1]


@pytest.mark.parametrize(
    "path", ["systems/nothing", "models/12", f"models/{'0' * 64}", "records/00"]
)
def test_page_of_what_is_not_there_is_not_found(served: Served, path: str) -> None:
    assert get(served, f"/console/{path}").status_code == 404


@pytest.mark.parametrize("name", ["svg", "html"])
def test_uploaded_page_is_handed_back_as_a_file_in_which_nothing_runs(
    served: Served, name: str
) -> None:
    path = f"/console/records/{served.ids['run']}/blobs/{served.ids[name]}"
    answer = get(served, path)
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "html" not in answer.headers["content-type"]
    assert name != "html" or answer.text == PAGE


def test_content_that_the_record_does_not_name_is_not_given(served: Served) -> None:
    path = f"/console/records/{served.ids['record']}/blobs/{served.ids['svg']}"
    assert get(served, path).status_code == 404


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\n=1"])
def test_csv_formula_injection_stays_text(text: str) -> None:
    assert cell(text) == f"'{text}"


def test_readiness_shows_each_row_and_chooses_by_clause_and_state(served: Served) -> None:
    rows = get(served, "/v1/console/readiness").json()["rows"]
    assert len(rows) == 55
    chosen = get(served, "/v1/console/readiness?clause=9&state=open").json()["rows"]
    assert chosen == [row for row in rows if row["listed"][0] == "9" and row["state"] == "open"]
    text = get(served, "/console/readiness", **{"Accept-Language": "de"}).text
    assert "Bereitschaft des Managementsystems" in text
    assert "R55" in text


def test_export_holds_what_the_page_shows(served: Served) -> None:
    text = get(served, "/console/evidence.csv?kind=model").text.removeprefix("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text)))
    page = get(served, "/v1/console/evidence?kind=model").json()
    assert [row["id"] for row in rows] == [record["id"] for record in page["records"]]
    assert cell(-0.5) == "-0.5"


def test_envelope_is_the_very_bytes_that_the_log_signed(served: Served) -> None:
    answer = get(served, f"/console/records/{served.ids['record']}/envelope.json")
    assert answer.content == served.world.store.get(served.ids["record"]).envelope
    assert json.loads(answer.content)["signatures"]


def test_style_has_an_address_that_changes_with_it_and_no_other_file_is_served(
    served: Served,
) -> None:
    page = get(served, "/console").text
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]
    style = get(served, address)
    assert style.headers["content-type"].startswith("text/css")
    assert "?v=" in address
    for name in ("nothing.css", "..%2F__init__.py", "%2e%2e/words/en.toml"):
        assert get(served, f"/console/static/{name}").status_code == 404
