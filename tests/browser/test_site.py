"""The site in a browser, from a folder: it asks nobody for anything, and its search finds pages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "site"
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        check=True,
    )
    return folder


@pytest.mark.parametrize(
    "page", ["index.html", "reference/cli/gate.html", "explanation/layers.html"]
)
def test_page_asks_nobody_and_search_finds_from_a_folder(browser, site: Path, page: str) -> None:
    browser.open(site / page)
    search = """(() => {
        const field = document.querySelector("[data-md-component=search-query]");
        field.focus();
        field.value = "waiver";
        field.dispatchEvent(new Event("input", { bubbles: true }));
        field.dispatchEvent(new KeyboardEvent("keyup", { bubbles: true }));
        return document.querySelectorAll(".md-search-result__item a").length;
    })()"""
    until = time.monotonic() + 120
    while not browser.evaluate(search):
        assert time.monotonic() < until, "the search found nothing"
        time.sleep(0.2)
    asked = [
        event["params"]["request"]["url"]
        for event in browser.events
        if event.get("method") == "Network.requestWillBeSent"
    ]
    assert any(url.endswith("search_index.js") for url in asked), json.dumps(asked, indent=1)
    assert [url for url in asked if not url.startswith(("file:", "data:", "about:", "blob:"))] == []
