"""The Statement of Applicability: choices of people beside evidence, never one from the other."""

from __future__ import annotations

import csv
import io

import pytest

from aims_mlops.errors import DocumentError
from aims_mlops.evidence.controls import CONTROLS
from aims_mlops.report.coverage.applicability import read_applicability, skeleton
from aims_mlops.report.coverage.coverage import cover
from aims_mlops.report.soa import as_csv, as_html, as_json, as_text, state


@pytest.fixture
def choices(tmp_path):
    def write(text):
        path = tmp_path / "applicability.yaml"
        path.write_text(text, encoding="utf-8")
        return read_applicability(path)

    return write


def test_without_choices_nothing_is_decided_however_much_evidence_there_is(log, now):
    log.add("environment", {"python": "3", "platform": "x", "packages": {"a": "1"}}, run="r1")
    found = as_json(state(cover(log.records, now), None))
    assert found["answers"] == {"applicable": 0, "not applicable": 0, "not decided": 38}
    assert {row["justification"] for row in found["controls"]} == {""}
    assert {row["applicable"] for row in found["controls"]} == {None}


def test_skeleton_reads_back_with_every_control_undecided(choices):
    found = choices(skeleton())
    assert list(found.controls) == list(CONTROLS)
    assert {choice.applicable for choice in found.controls.values()} == {None}


def test_choice_is_shown_and_does_not_change_the_state_of_evidence(choices, now):
    made = choices(
        "controls:\n  A.4.2: {applicable: true, justification: we train models}\n"
        "  A.10.4: {applicable: false, justification: no customers, reference: DOC-7}\n"
    )
    rows = {r["id"]: r for r in as_json(state(cover([], now), made))["controls"]}
    assert rows["A.4.2"]["applicable"] is True
    assert rows["A.4.2"]["evidence"] == "no evidence"
    assert rows["A.10.4"]["reference"] == "DOC-7"
    assert rows["A.10.4"]["open"] is None
    assert rows["A.2.2"]["open"] == "decide whether it is applicable"


def test_exclusion_without_justification_stays_open(choices, now):
    made = choices("controls:\n  A.10.4: {applicable: false}\n")
    text = as_text(state(cover([], now), made, "applicability.yaml"))
    assert "A.10.4   Customers: give the justification" in text
    assert "38 controls with something to do" in text


def test_unknown_control_is_an_error_with_its_line(choices):
    with pytest.raises(DocumentError, match=r"applicability\.yaml:2: no control .*'A\.6\.2\.9'"):
        choices("controls:\n  A.6.2.9: {applicable: true}\n")


def test_applicable_must_be_true_or_false(choices):
    with pytest.raises(DocumentError, match=r"applicability\.yaml:2.*'perhaps'"):
        choices("controls:\n  A.4.2: {applicable: perhaps}\n")


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-2", "@SUM(A1)", "\t=1"])
def test_spreadsheet_formula_in_a_justification_stays_text(choices, now, text):
    made = choices("controls: {}\n").model_copy(
        update={"controls": {"A.4.2": choices(skeleton()).controls["A.4.2"]}}
    )
    made.controls["A.4.2"] = made.controls["A.4.2"].model_copy(update={"justification": text})
    lines = list(csv.DictReader(io.StringIO(as_csv(state(cover([], now), made)))))
    assert len(lines) == 38
    cell = next(line for line in lines if line["control"] == "A.4.2")["justification"]
    assert cell == "'" + text.strip()


def test_hostile_justification_is_escaped_on_the_page(choices, now):
    made = choices("controls:\n  A.4.2: {applicable: true, justification: '<script>x</script>'}\n")
    page = as_html(state(cover([], now), made))
    assert "<script" not in page
    assert "&lt;script&gt;x" in page
