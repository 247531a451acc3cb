"""Every page in a real Chromium: nothing hostile runs, it is accessible, and it fits."""

from __future__ import annotations

from typing import Any

import pytest

from aims_mlops.web.routes.table import PAGES

from .conftest import Served
from .test_pages import addresses

NAMES = [page.name for page in PAGES]
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module", params=["light", "dark"])
def tab(request: pytest.FixtureRequest, chrome: Any) -> Any:
    context = chrome.new_context(
        color_scheme=request.param, viewport={"width": 1200, "height": 900}
    )
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", NAMES)
def test_accessible_and_nothing_planted_runs(served: Served, tab: Any, name: str) -> None:
    """axe finds nothing in light and in dark; XSS through every text field does nothing."""
    from axe_playwright_python.sync_playwright import Axe

    noises: list[str] = []
    outside: list[str] = []
    tab.on("console", lambda message: noises.append(message.text))
    tab.on("dialog", lambda dialog: (noises.append("dialog"), dialog.dismiss()))
    tab.on("request", lambda r: None if r.url.startswith(served.url) else outside.append(r.url))
    tab.goto(f"{served.url}/console{addresses(served)[name]}")
    tab.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    found = Axe().run(tab, options={"runOnly": _RULES}).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found] == []
    assert tab.evaluate("typeof window.ran") == "undefined"
    assert tab.evaluate("document.querySelectorAll('iframe, object, embed').length") == 0
    assert (noises, outside) == ([], [])


@pytest.mark.parametrize("width", [640, 820])
def test_page_fits_a_tablet_and_200_percent_zoom(served: Served, chrome: Any, width: int) -> None:
    """640 pixels of layout are a window of 1280 at 200 %."""
    context = chrome.new_context(viewport={"width": width, "height": 900})
    tab = context.new_page()
    wide = {}
    for name, path in addresses(served).items():
        tab.goto(f"{served.url}/console{path}")
        wide[name] = tab.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
    context.close()
    assert {name: over for name, over in wide.items() if over > 0} == {}


def test_keyboard_alone_reaches_the_content_and_every_page(served: Served, chrome: Any) -> None:
    context = chrome.new_context(java_script_enabled=True)
    tab = context.new_page()
    tab.goto(f"{served.url}/console")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"
    tab.goto(f"{served.url}/console")
    reached = set()
    for _ in range(40):
        tab.keyboard.press("Tab")
        reached.add(tab.evaluate("document.activeElement.getAttribute('href')"))
        assert tab.evaluate(
            "document.activeElement === document.body"
            " || getComputedStyle(document.activeElement).outlineStyle !== 'none'"
        )
    context.close()
    assert {f"/console{page.path}" for page in PAGES if page.menu} <= reached


def test_record_is_verified_in_the_readers_browser(served: Served, chrome: Any) -> None:
    context = chrome.new_context()
    tab = context.new_page()
    tab.goto(f"{served.url}/console/records/{served.ids['record']}")
    tab.click(".verify button")
    tab.wait_for_selector(".verify[data-outcome=good]", timeout=60_000)
    context.close()


@pytest.mark.parametrize("what", ["raw", "proof", "leaf", "keys"])
def test_forged_record_is_not_verified_in_the_browser(
    served: Served, chrome: Any, what: str
) -> None:
    """A server that gives other bytes, another proof, another leaf or another key is caught."""
    context = chrome.new_context()
    tab = context.new_page()
    tab.goto(f"{served.url}/console/records/{served.ids['record']}")
    other = tab.request.get(f"{served.url}/v1/console/records/{served.ids['run']}").json()
    forged = {"raw": other["raw"], "proof": other["proof"], "leaf": other["leaf"]}
    forged["keys"] = "log+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
    tab.evaluate(
        "([name, value]) => { document.querySelector('.verify').dataset[name] = value }",
        [what, forged[what]],
    )
    tab.click(".verify button")
    tab.wait_for_selector(".verify[data-outcome=bad]", timeout=60_000)
    context.close()


def test_page_of_a_record_says_without_script_how_to_verify(served: Served, chrome: Any) -> None:
    context = chrome.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"{served.url}/console/records/{served.ids['record']}")
    assert "aims-verify" in tab.inner_text(".verify")
    assert not tab.is_visible(".verify button")
    context.close()
