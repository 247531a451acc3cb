"""SARIF, JUnit XML and Markdown of decisions, read by readers of those formats."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt
from sarif_pydantic import Sarif

from aims_mlops.cli.gate import command
from aims_mlops.evidence.bodies.decision import DecisionBody
from aims_mlops.exports.basis.identity import json_text
from aims_mlops.exports.gate_decision.junit import junit
from aims_mlops.exports.gate_decision.outcome import Outcome, outcome_of
from aims_mlops.exports.gate_decision.sarif import PolicyFile, sarif
from aims_mlops.exports.gate_decision.step_summary import step_summary

HOSTILE = "<b>\x00\x1b[31m\ufffe\u202e|`]](x)\r\n\t\ud800'\"&amp; --><!--" + "n" * 200


def why(rule="r", outcome="fail", *, refuses=True, **said):
    body = {"rule": rule, "outcome": outcome, "observed": "0.4", "limit": "0.6 at least",
            "next_step": "train again", "severity": "major", "controls": ["A.6.2.4"],
            "refuses": refuses, "waived_by": None, "tolerated": False}  # fmt: skip
    return {**body, **said}


def decided(verdict="refused", *reasons, **said) -> Outcome:
    body = {"verdict": verdict, "allowed": verdict == "allowed", "target": "production",
            "model": "a" * 64, "model_uri": "models:/loans/3", "at": "2026-11-21T12:00:00.000Z",
            "reasons": list(reasons), "checks": [], **said}  # fmt: skip
    return outcome_of(DecisionBody.read(body), "b" * 64)


def read_sarif(outcome):
    return Sarif.model_validate_json(json_text(sarif(outcome, PolicyFile()))).runs[0]


def read_junit(outcome):
    root = ElementTree.fromstring(junit(outcome))
    return {case.get("name"): [child.tag for child in case] for case in root.iter("testcase")}


def test_commands_write_each_format_of_one_decision(world):
    model = world.train(figures=[])
    done = CliRunner().invoke(
        command,
        [model.uri, "--for", "production", "--sarif", "out/g.sarif", "--junit", "g.xml",
         "--summary", "s.md", "--json"],
    )  # fmt: skip
    assert done.exit_code == 1, done.output
    decision = json.loads(done.stdout)
    run = Sarif.model_validate_json(Path("out/g.sarif").read_text()).runs[0]
    refusing = {r["rule"] for r in decision["reasons"] if r["refuses"]}
    assert {result.rule_id for result in run.results} >= refusing
    cases = ElementTree.parse("g.xml").getroot()
    failed = {c.get("name") for c in cases.iter("testcase") if c.find("skipped") is None and len(c)}
    assert failed == refusing | {"gate.decision"}
    for text in (
        Path("out/g.sarif").read_text(),
        Path("g.xml").read_text(),
        Path("s.md").read_text(),
    ):
        assert decision["record"] in text
        assert decision["checkpoint"].split("\n")[0].split()[0] in text


def test_result_lies_on_the_line_of_its_rule_in_the_policy(world):
    model = world.train(figures=[])
    CliRunner().invoke(command, [model.uri, "--for", "production", "--sarif", "g.sarif"])
    run = Sarif.model_validate_json(Path("g.sarif").read_text()).runs[0]
    lines = Path("policies/production.yaml").read_text().splitlines()
    seen = 0
    for result in run.results:
        place = result.locations[0].physical_location
        assert place.artifact_location.uri == "policies/production.yaml"
        if any(result.rule_id in line for line in lines):
            assert result.rule_id in lines[place.region.start_line - 1]
            seen += 1
    assert seen


def test_summary_is_added_to_what_the_file_has(world):
    Path("s.md").write_text("# before\n")
    model = world.train()
    CliRunner().invoke(command, [model.uri, "--for", "production", "--summary", "s.md"])
    text = Path("s.md").read_text()
    assert text.startswith("# before\n### ")


def test_same_finding_has_the_same_fingerprint_in_the_next_build():
    first = read_sarif(decided("refused", why())).results[0]
    later = read_sarif(decided("refused", why(observed="0.5"), at="2027-01-01T00:00:00Z")).results[
        0
    ]
    other = read_sarif(decided("refused", why(), model="c" * 64)).results[0]
    assert first.partial_fingerprints == later.partial_fingerprints
    assert first.partial_fingerprints != other.partial_fingerprints


def test_held_rules_give_no_result_and_a_passed_case():
    outcome = decided("allowed", why("held", "pass", refuses=False))
    assert read_sarif(outcome).results == []
    assert read_junit(outcome) == {"held": [], "gate.decision": []}


@pytest.mark.parametrize(
    ("reason", "level", "suppressed", "case"),
    [
        (why(), "error", False, ["failure"]),
        (why(severity="minor"), "warning", False, ["failure"]),
        (why(outcome="insufficient"), "error", False, ["error"]),
        (why(outcome="missing"), "error", False, ["failure"]),
        (why(refuses=False), "note", False, ["skipped"]),
        (why(refuses=False, waived_by="d" * 64), "error", True, ["skipped"]),
        (why(refuses=False, tolerated=True, outcome="insufficient"), "note", False, ["skipped"]),
    ],
)
def test_each_way_a_rule_comes_out(reason, level, suppressed, case):
    outcome = decided("refused", reason)
    found = next(r for r in read_sarif(outcome).results if r.rule_id == "r")
    assert found.level.value == level
    results = sarif(outcome, PolicyFile())["runs"][0]["results"]
    assert any("suppressions" in r for r in results if r["ruleId"] == "r") is suppressed
    assert read_junit(outcome)["r"] == case


@pytest.mark.parametrize("verdict", ["refused", "undecided"])
def test_refusal_without_a_reason_is_green_nowhere(verdict):
    outcome = decided(verdict, why("held", "pass", refuses=False))
    assert [r.rule_id for r in read_sarif(outcome).results] == ["gate.decision"]
    assert read_junit(outcome)["gate.decision"] != []
    assert step_summary(outcome).startswith(
        "### \N{CROSS MARK}" if verdict == "refused" else "### \N{WHITE QUESTION MARK ORNAMENT}"
    )


def test_body_that_contradicts_itself_is_shown_as_undecided():
    outcome = outcome_of(DecisionBody.read({"verdict": "allowed", "allowed": False}), None)
    assert outcome.verdict == "undecided"
    assert read_junit(outcome) == {"gate.decision": ["error"]}


def test_hostile_text_stays_text_in_every_format():
    reason = why(HOSTILE, observed=HOSTILE, next_step=HOSTILE, limit=HOSTILE)
    outcome = decided("refused", reason, model_uri=HOSTILE, target=HOSTILE, notes=[HOSTILE])
    assert len(read_sarif(outcome).results) == 1
    assert len(read_junit(outcome)) == 2
    shown = MarkdownIt("commonmark", {"html": True}).enable("table").render(step_summary(outcome))
    assert "<b>" not in shown
    assert shown.count("<tr>") == 2
    assert "\u202e" not in shown + junit(outcome) + json_text(sarif(outcome, PolicyFile()))
