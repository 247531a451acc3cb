"""MLflow's own web page in a real browser: an alias set by mouse and keys is refused in sight."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.browser import Browser
from support.browser import chromium as chromium

_DIALOG = "document.querySelector('[role=dialog]')"


@pytest.fixture
def page(chromium: str, tmp_path: Path) -> Iterator[Any]:
    found = Browser(chromium, tmp_path / "profile")
    found.send("Emulation.setDeviceMetricsOverride", width=1400, height=1000,
               deviceScaleFactor=1, mobile=False)  # fmt: skip
    yield found
    found.close()


def wait_for(page: Any, condition: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not page.evaluate(f"!!({condition})"):
        assert time.monotonic() < end, f"{condition}\n{page.evaluate('document.body.innerText')}"
        time.sleep(0.2)


def set_alias(page: Any, alias: str) -> None:
    """On the page of a version: Add, type the alias, Enter, Save."""
    wait_for(page, """document.querySelector('button[title="Add aliases"]')""")
    # The button is there before the page knows which model it is about.
    for answer in ("registered-models/get?", "model-versions/get?", "runs/get?"):
        wait_for(
            page,
            "performance.getEntriesByType('resource')"
            f".some(e => e.name.includes('{answer}') && e.responseEnd > 0)",
        )
    time.sleep(1)
    page.evaluate("""document.querySelector('button[title="Add aliases"]').click()""")
    wait_for(page, f"{_DIALOG}?.querySelector('input')")
    page.evaluate(f"{_DIALOG}.querySelector('input').focus()")
    page.send("Input.insertText", text=alias)
    for kind in ("keyDown", "keyUp"):
        page.send("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter",
                  windowsVirtualKeyCode=13)  # fmt: skip
    save = f"[...{_DIALOG}.querySelectorAll('button')].find(b => /Save/.test(b.innerText))"
    wait_for(page, f"!{save}.disabled")
    page.evaluate(f"{save}.click()")


def test_refusal_stands_on_the_screen_and_an_allowed_alias_is_set(
    gated: Any, organisation: Any, page: Any, tmp_path: Path
) -> None:
    name = "loans-on-screen"
    version = gated.register(name, f"content {name}")
    page.send("Page.navigate", url=f"{gated.url}/#/models/{name}/versions/{version}")
    set_alias(page, "production")
    wait_for(page, f"/Nothing was changed/.test({_DIALOG}?.innerText)")
    said = str(page.evaluate(f"{_DIALOG}.innerText"))
    assert f"setting alias 'production' of '{name}' to version 1: refused" in said
    assert "assessment.submitted: none about this model" in said
    assert "Next: aims assess approve" in said
    visible = page.evaluate(
        f"[...{_DIALOG}.querySelectorAll('[role=alert]')].some(a => {{"
        "const r = a.getBoundingClientRect(); return r.width > 100 && r.height > 20"
        " && r.top >= 0 && r.left >= 0})"
    )
    assert visible, page.evaluate(f"{_DIALOG}.innerHTML")
    assert gated.aliases(name) == {}

    organisation.ready(f"content {name}", tmp_path)
    page.send("Page.reload")
    time.sleep(0.5)
    set_alias(page, "production")
    wait_for(page, f"!{_DIALOG} || getComputedStyle({_DIALOG}).display === 'none'")
    assert gated.aliases(name) == {"production": version}
