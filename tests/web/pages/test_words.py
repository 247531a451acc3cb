"""The catalogues: each language has every word of English, with the same values in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aims_mlops.web.render import environment
from aims_mlops.web.render.language import catalogue, codes, language_for
from aims_mlops.web.routes.table import PAGES

_VALUE = re.compile(r"\{(\w+)\}")


def forms(text: object) -> dict[str, set[str]]:
    parts = text if isinstance(text, dict) else {"other": text}
    return {form: set(_VALUE.findall(str(words))) for form, words in parts.items()}


def test_german_ships_beside_english() -> None:
    assert codes() == ("en", "de")


@pytest.mark.parametrize("code", codes())
def test_catalogue_has_the_keys_and_values_of_english(code: str) -> None:
    english, other = catalogue("en"), catalogue(code)
    assert set(other) == set(english)
    for key, text in english.items():
        assert forms(other[key])["other"] == forms(text)["other"], key


def test_every_word_that_a_template_asks_for_is_there() -> None:
    asked = set()
    for path in Path(environment.TEMPLATES).rglob("*.j2"):
        asked |= set(re.findall(r"""\bt\(["']([\w.-]+)["'][,)]""", path.read_text()))
    assert len(asked) > 100
    assert asked - set(catalogue("en")) == set()


def test_every_page_has_a_template_and_a_title() -> None:
    for page in PAGES:
        assert (environment.TEMPLATES / page.template_file).is_file()
        assert not page.menu or f"menu.{page.name}" in catalogue("en")


def test_states_of_controls_and_of_runs_have_words() -> None:
    from aims_mlops.report.coverage.coverage import STATES as CONTROLS
    from aims_mlops.report.operation.operation import STATES as RUNS

    for group, states in (("cstate", CONTROLS), ("monitoring.state", RUNS)):
        assert [s for s in states if f"{group}.{s}" not in catalogue("en")] == []


@pytest.mark.parametrize(
    ("accepted", "code", "day"),
    [
        ("en-GB", "en", "21 Nov 2026"),
        ("en-US,en;q=0.5", "en", "Nov 21, 2026"),
        ("de-AT", "de", "21.11.2026"),
        ("fr, de;q=0.8, en;q=0.7", "de", "21.11.2026"),
        ("fr", "en", "Nov 21, 2026"),
        ("../../etc, <script>;q=x", "en", "Nov 21, 2026"),
        (None, "en", "Nov 21, 2026"),
    ],
)
def test_reader_gets_words_and_dates_of_their_locale(
    accepted: str | None, code: str, day: str
) -> None:
    language = language_for(accepted)
    assert language.code == code
    assert language.formats.day("2026-11-21T09:30:00Z") == day


def test_count_takes_its_form_and_the_locales_separators() -> None:
    german = language_for("de")
    assert german.word("waiting.lead", n=1) == "Eine Sache wartet auf Sie."
    assert german.word("waiting.lead", n=1200) == "1.200 Dinge warten auf Sie."
