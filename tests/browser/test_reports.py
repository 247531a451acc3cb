"""The reports as a browser shows them: nothing runs, nothing is fetched, everything is readable."""

from __future__ import annotations

import hashlib
import itertools
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from aims_mlops.evidence.controls import CONTROLS
from aims_mlops.evidence.kinds import KINDS, LOG_KINDS
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.report.operation.drift_trend import trends
from aims_mlops.report.operation.operation import STATES, Operation, ScheduleShown, Window, as_html

# Each sets a mark, opens a dialog or asks the network if it gets to run.
HOSTILE = (
    "<script>window.ran=1;alert(1)</script>"
    "<img src=x onerror='window.ran=1'>"
    "<svg onload=window.ran=1>"
    "'\" onmouseover=window.ran=1 autofocus onfocus=window.ran=1 x='"
    "</title></style></textarea><script>window.ran=1</script>"
    "<iframe src='javascript:parent.ran=1'></iframe>"
    "<link rel=stylesheet href=http://198.51.100.1/x.css>"
    "<style>body{display:none}</style>"
    "{{ 7*7 }} {% raw %} javascript:window.ran=1"
)
NAMES = ("coverage", "card", "statement", "history", "monitoring")
MODEL = hashlib.sha256(b"model").hexdigest()


def watched() -> Operation:
    """A schedule of 120 windows with hostile names, of which two columns drift."""
    starts = [f"2026-{1 + i // 28:02}-{1 + i % 28:02}T00:00:00.000000Z" for i in range(120)]
    shape = {"edges": [10.0, 20.0], "reference": [0.2, 0.5, 0.3], "current": [0.0, 0.1, 0.9]}
    entry = {"threshold": 0.1, "effect_method": HOSTILE, "verdict": "drift", "reason": HOSTILE}
    bodies = [
        {
            "window": {"start": start},
            "columns": {
                HOSTILE: {**entry, "effect": 0.01 * place, "distribution": shape},
                "plain": {**entry, "effect": 0.2},
            },
        }
        for place, start in enumerate(starts)
    ]
    record = Record(
        sequence=0,
        id=MODEL,
        key="key",
        received_at=starts[0],
        evidence=Evidence(
            kind="monitoring-run",
            subjects=(Subject("model:m", MODEL),),
            body={},
            actor=HOSTILE,
            claimed_at=starts[0],
        ),
        envelope=b"{}",
        leaf=b"{}",
    )
    windows = tuple(
        Window(
            start=start,
            end=start,
            stage="data",
            state=STATES[place % len(STATES)],
            record=record,
            rows=1,
            findings=({"what": HOSTILE, "reason": HOSTILE},),
            plots=(MODEL,),
        )
        for place, start in enumerate(starts)
    )
    schedule = ScheduleShown(
        name=HOSTILE,
        every=HOSTILE,
        windows=windows,
        counts=dict.fromkeys(STATES, 24),
        earlier=7,
        columns=trends(bodies),
    )
    return Operation(system=HOSTILE, made_at=starts[-1], schedules=(schedule,), alarms=())


def hostile_body() -> dict:
    figure = {"measure": HOSTILE, "value": 0.5, "low": 0.4, "high": 0.6, "n": 12}
    return {
        **dict.fromkeys(
            (
                "name",
                "role",
                "source",
                "licence",
                "purpose",
                "framework",
                "class",
                "signature",
                "python",
                "platform",
                "cpu",
                "gpu",
                "commit",
                "suite",
                "task",
                "verdict",
                "target",
                "policy_id",
                "alias",
                "outcome",
                "approver",
                "reason",
                "author",
                "state",
                "where",
                "error",
                "message",
                "id",
                "intended_use",
                "owner",
                "risk_owner",
                "dataset",
                "status",
                "activity",
                "started_at",
            ),
            HOSTILE,
        ),
        "foreseeable_misuse": [HOSTILE],
        "parameters": {HOSTILE: HOSTILE},
        "parameters_of_model": {HOSTILE: [HOSTILE]},
        "left_out": [{"what": HOSTILE, "why": HOSTILE, "n": 1}],
        "notes": [HOSTILE],
        "packages": {f"{HOSTILE} {i}": HOSTILE for i in range(12)},
        "libraries": {HOSTILE: HOSTILE},
        "reasons": [{"rule": HOSTILE, "outcome": HOSTILE, "observed": HOSTILE}],
        "figures": [
            {**figure, "group": None},
            {**figure, "group": {HOSTILE: HOSTILE}},
            {**figure, "group": {HOSTILE: "*"}},
        ],
        "model": MODEL,
    }


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    """A real store full of hostile evidence, and the reports that the command line makes of it."""
    from aims_mlops.cli.report import group
    from aims_mlops.inventory.project import find_project, forget_stores

    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("AIMS_PROJECT", raising=False)
        patch.delenv("AIMS_STORE_URL", raising=False)
        store = find_project().open_store()
        for kind in (*KINDS, "kind-of-a-plugin"):
            if kind in LOG_KINDS:
                continue  # the log makes these alone
            store.append(
                Evidence(
                    kind=kind,
                    subjects=(Subject(f"model:{HOSTILE}", MODEL),),
                    body=hostile_body(),
                    actor=HOSTILE,
                    claimed_at="2026-11-21T00:00:00.000000Z",
                    system=HOSTILE,
                    run="run-1",
                )
            )
        made = {name: folder / f"{name}.html" for name in NAMES}
        choices = folder / "choices.yaml"
        choice = {"applicable": True, "justification": HOSTILE, "reference": HOSTILE}
        choices.write_text(json.dumps({"controls": dict.fromkeys(CONTROLS, choice)}))
        for arguments in (
            ["coverage", "--system", HOSTILE, "--html", str(made["coverage"])],
            ["card", MODEL, "--html", str(made["card"])],
            ["history", HOSTILE, "--html", str(made["history"])],
            ["monitoring", HOSTILE],  # the id of a system that the log alone has
            ["soa", "--choices", str(choices), "--html", str(made["statement"])],
        ):
            result = CliRunner().invoke(group, arguments, catch_exceptions=False)
            assert result.exit_code == 0, result.output
        forget_stores()
    made["monitoring"].write_text(as_html(watched()), encoding="utf-8")
    return made


@pytest.mark.parametrize("name", NAMES)
def test_hostile_evidence_runs_nothing_and_fetches_nothing(browser, pages, name):
    browser.open(pages[name])
    browser.evaluate("document.querySelectorAll('a,[tabindex]').forEach(e => e.focus())")
    assert browser.evaluate("typeof window.ran") == "undefined"
    methods = [event.get("method") for event in browser.events]
    assert "Page.javascriptDialogOpening" not in methods
    asked = [
        event["params"]["request"]["url"]
        for event in browser.events
        if event.get("method") == "Network.requestWillBeSent"
    ]
    assert asked == [pages[name].resolve().as_uri()]
    counted = browser.evaluate(
        "['script','img','iframe','link','form','object','embed','base']"
        ".map(tag => document.getElementsByTagName(tag).length)"
    )
    assert counted == [0] * 8
    handlers = browser.evaluate(
        "[...document.querySelectorAll('*')].flatMap(e => [...e.attributes])"
        ".filter(a => a.name.startsWith('on') || /^\\s*javascript:/i.test(a.value)).length"
    )
    assert handlers == 0
    assert "window.ran=1" in browser.evaluate("document.body.innerText")


@pytest.mark.parametrize("name", NAMES)
def test_markup_past_the_escaping_is_stopped_by_the_policy(browser, pages, name, tmp_path):
    text = pages[name].read_text(encoding="utf-8")
    injected = tmp_path / "injected.html"
    injected.write_text(
        text.replace(
            "</main>",
            "<script>window.ran=1</script><img src=x onerror='window.ran=1'>"
            "<style>h1{display:none}</style><p id=p style='display:none'>p</p></main>",
        ),
        encoding="utf-8",
    )
    browser.open(injected)
    assert browser.evaluate("document.getElementsByTagName('script').length") == 1
    assert browser.evaluate("typeof window.ran") == "undefined"
    assert browser.evaluate("getComputedStyle(document.querySelector('h1')).display") == "block"
    assert browser.evaluate("getComputedStyle(document.getElementById('p')).display") == "block"


@pytest.mark.parametrize("name", NAMES)
def test_own_style_sheet_passes_the_policy(browser, pages, name):
    browser.open(pages[name])
    assert browser.evaluate("document.styleSheets.length") == 1
    assert browser.evaluate("getComputedStyle(document.querySelector('h1')).fontSize") == "33px"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [320, 390, 768, 1200])
def test_page_needs_no_sideways_scrolling(browser, pages, name, width):
    browser.open(pages[name], width=width)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width


CONTRAST = """
(() => {
  const rgb = c => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = e => { for (; e; e = e.parentElement) {
    const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; }
    return [255, 255, 255]; };
  let least = 99;
  for (const e of document.body.querySelectorAll('*')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || !e.getClientRects().length) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    least = Math.min(least, (a + 0.05) / (b + 0.05));
  }
  return least;
})()
"""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dark", [False, True])
def test_text_has_the_contrast_of_wcag_aa(browser, pages, name, dark):
    browser.open(pages[name], dark=dark)
    # WCAG 2.2, 1.4.3: 4.5 to 1 for text of any size.
    assert 4.5 <= browser.evaluate(CONTRAST) < 22


@pytest.mark.parametrize("name", NAMES)
def test_dark_mode_is_dark(browser, pages, name):
    colour = "getComputedStyle(document.body).backgroundColor"
    browser.open(pages[name], dark=True)
    dark = browser.evaluate(colour)
    browser.open(pages[name], dark=False)
    assert dark == "rgb(21, 23, 26)"
    assert browser.evaluate(colour) == "rgb(253, 253, 251)"


@pytest.mark.parametrize("name", NAMES)
def test_structure_is_what_a_screen_reader_needs(browser, pages, name):
    browser.open(pages[name])
    count = "document.querySelectorAll('{}').length".format
    assert browser.evaluate("document.documentElement.lang") == "en"
    for landmark in ("header", "main", "footer", "h1"):
        assert browser.evaluate(count(landmark)) == 1, landmark
    assert browser.evaluate(count("nav:not([aria-label])")) == 0
    assert browser.evaluate(count("th:not([scope])")) == 0
    assert browser.evaluate(count("table")) == browser.evaluate(count("table > caption"))
    assert browser.evaluate(count("svg:not([aria-hidden]):not([role=img][aria-label])")) == 0
    levels = browser.evaluate(
        "[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])"
    )
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = browser.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", NAMES)
def test_page_is_whole_without_javascript(browser, pages, name):
    browser.open(pages[name])
    text = browser.evaluate("document.body.innerText")
    browser.open(pages[name], scripts=False)
    assert browser.evaluate("document.body.innerText") == text


@pytest.mark.parametrize("name", NAMES)
def test_page_prints(browser, pages, name):
    browser.open(pages[name])
    assert browser.pdf().startswith(b"%PDF-")


@pytest.mark.parametrize("name", NAMES)
def test_printed_page_keeps_its_tables_and_opens_what_is_folded(browser, pages, name):
    browser.open(pages[name], width=690)  # CSS pixels between the margins of A4
    browser.send("Emulation.setEmulatedMedia", media="print")
    displays = "[...new Set([...document.querySelectorAll('table')].map(t => {}))]".format
    assert browser.evaluate(displays("getComputedStyle(t).display")) == ["table"]
    folded = "[...document.querySelectorAll('details > p')].every(p => p.checkVisibility())"
    assert browser.evaluate(folded)
    if name == "card":
        assert browser.evaluate("document.querySelectorAll('details:not([open])').length") > 0
    browser.send("Emulation.setEmulatedMedia", media="")


def test_all_38_controls_are_visible(browser, pages):
    browser.open(pages["coverage"])
    shown = browser.evaluate(
        "[...document.querySelectorAll('#controls ~ .scroll table tbody tr')]"
        ".filter(r => r.cells.length === 7 && r.getClientRects().length).length"
    )
    assert shown == 38
