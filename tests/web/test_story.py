"""The demo goes on in a browser, over the server that `aims serve` is; pictures of it for the page.

A data scientist has trained and the gate has let a model pass (`make demo`). Now the risk owner
signs in by the link that the demo printed, reads, and asks a question back; the scientist answers;
an auditor from outside draws a sample, verifies it and takes it along. WRITE_PICTURES=1
writes docs/assets/console anew.
"""

from __future__ import annotations

import csv
import io
import os
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "assets" / "console"
NAMES = ("waiting", "system", "model", "review", "assessment", "record", "controls", "registers")
AIMS = Path(sys.executable).with_name("aims")


@dataclass
class Demo:
    """What the demo left behind, served."""

    folder: Path
    url: str
    invitation: str

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            [AIMS, *arguments], cwd=self.folder, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def invite(self, person: str, *more: str) -> str:
        return self.command("people", "invite", person, "--url", self.url, "--as", "ana", *more)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("story") / "demo"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AIMS_", "MLFLOW_"))}
    shown = subprocess.run(
        [sys.executable, ROOT / "examples" / "diabetes_demo.py", folder],
        capture_output=True, text=True, check=True, env=environment, timeout=600,
    ).stdout  # fmt: skip
    found = re.search(r"(/console/sign-in/\S+)", shown)
    assert found is not None, shown[-2000:]
    settings = folder / "aims.yaml"
    settings.write_text(
        settings.read_text().replace(
            "people:\n", "people:\n  - {id: eve, name: Eve Auditor, roles: [external-auditor]}\n"
        )
    )
    with subprocess.Popen(
        [AIMS, "serve", "--port", "0"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        try:
            yield Demo(folder, line.split(" at ")[1].strip(), found[1])
        finally:
            server.terminate()
            server.stdout.read()


def enter(chrome: Any, link: str) -> Any:
    context = chrome.new_context(viewport={"width": 1200, "height": 800}, locale="en-GB")
    page = context.new_page()
    page.goto(link)
    page.click("main button")
    return page


def size_of(png: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def keep(page: Any, name: str) -> None:
    """A picture of the page; the one in docs/ is there, as large, and no empty page."""
    taken = page.screenshot()
    if os.environ.get("WRITE_PICTURES"):
        (PICTURES / f"{name}.png").write_bytes(taken)
    kept = (PICTURES / f"{name}.png").read_bytes()
    assert size_of(kept) == size_of(taken)
    assert len(taken) / 3 < len(kept) < len(taken) * 3, name


def test_risk_owner_and_scientist_and_auditor_meet_in_the_browser(demo: Demo, chrome: Any) -> None:
    bo = enter(chrome, demo.url + demo.invitation)
    assert "Signed in as Bo" in bo.inner_text("header")
    keep(bo, "waiting")
    bo.click("nav >> text=Systems")
    bo.click("main >> text=Diabetes progression flag")
    bo.goto(bo.url + "#versions")
    keep(bo, "system")
    bo.click("main dl >> text=diabetes-risk/2 as champion")
    assert "Allowed" in bo.inner_text(".decision")
    keep(bo, "model")
    bo.click("text=Read and answer the impact assessment")
    review = bo.url
    assert "the gap between the sexes is reviewed monthly" in bo.inner_text("main")
    keep(bo, "review")
    bo.click("summary:text('Comment on: Benefits, harms and oversight')")
    card = bo.locator("section[aria-labelledby='s-impacts']")
    card.locator("form textarea").fill("Who looks at patients who were not flagged?")
    card.locator("form input[name=question]").check()
    card.locator("form button").click()
    assert "One question is open." in bo.inner_text("main")

    ana = enter(chrome, demo.invite("ana"))
    ana.goto(review)
    card = ana.locator("section[aria-labelledby='s-impacts']")
    card.locator(".comment summary").click()
    card.locator(".comment textarea").fill("A physician reviews twenty a month.")
    card.locator(".comment button").click()
    assert "question is open" not in ana.inner_text("main")
    ana.goto(review.partition("/review")[0] + "/assessment")
    keep(ana, "assessment")
    bo.reload()
    assert "A physician reviews twenty a month." in bo.inner_text("main")
    bo.goto(f"{demo.url}/console/controls")
    keep(bo, "controls")
    bo.goto(f"{demo.url}/console/registers")
    keep(bo, "registers")

    eve = enter(chrome, demo.invite("eve", "--system", "diabetes-risk", "--days", "14"))
    eve.goto(f"{demo.url}/console/evidence?kind=approval")
    sample = csv.DictReader(io.StringIO(eve.request.get(f"{demo.url}/console/evidence.csv").text()))
    assert "impact-assessment" in {row["kind"] for row in sample}
    eve.click("tbody a >> nth=0")
    eve.click(".verify button")
    eve.wait_for_selector(".verify[data-outcome=good]", timeout=60_000)
    keep(eve, "record")
    eve.goto(f"{demo.url}/console/registers/risk/add")
    assert "You may not do this." in eve.inner_text("main")

    again = enter_refused(chrome, demo.url + demo.invitation)
    assert "There is no session here" in again


def enter_refused(chrome: Any, link: str) -> str:
    context = chrome.new_context()
    page = context.new_page()
    page.goto(link)
    text: str = page.inner_text("main")
    context.close()
    return text


def test_bundle_of_what_was_said_in_the_browser_verifies_offline(demo: Demo) -> None:
    demo.command("evidence", "export", "after.bundle")
    told = subprocess.run(
        [AIMS.with_name("aims-verify"), "after.bundle"],
        cwd=demo.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    assert "review-comment" in demo.command("evidence", "list", "--kind", "review-comment")


def test_session_outlives_a_restart_of_the_server(demo: Demo, chrome: Any) -> None:
    page = enter(chrome, demo.invite("bo"))
    secret = next(c["value"] for c in page.context.cookies() if c["name"] == "aims-session")
    with subprocess.Popen(
        [AIMS, "serve", "--port", "0"], cwd=demo.folder, stdout=subprocess.PIPE, text=True
    ) as another:
        assert another.stdout is not None
        url = another.stdout.readline().split(" at ")[1].strip()
        context = chrome.new_context()
        context.add_cookies([{"name": "aims-session", "value": secret, "url": url}])
        tab = context.new_page()
        tab.goto(f"{url}/console")
        assert "Signed in as Bo" in tab.inner_text("header")
        another.terminate()
        another.stdout.read()


@pytest.mark.parametrize("name", NAMES)
def test_picture_is_on_the_page_with_words_for_who_cannot_see_it(name: str) -> None:
    page = (ROOT / "docs" / "console.md").read_text()
    assert re.search(rf"!\[[^\]]{{20,}}\]\(assets/console/{name}\.png\)", page)
    assert (PICTURES / f"{name}.png").stat().st_size < 200_000
