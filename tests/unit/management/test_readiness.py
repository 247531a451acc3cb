"""`aims readiness`: 55 rows from an empty log on, the five gaps, who answers, pages and files."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from tests.support.registers import NOW

from aims_mlops.approvals.keys.personal_key import personal_key
from aims_mlops.approvals.keys.signature import sign_consent
from aims_mlops.cli.main import app
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.evidence.store import signed
from aims_mlops.management.readiness.gaps import every_gap
from aims_mlops.management.readiness.path import stage_of
from aims_mlops.management.readiness.picture import picture_of
from aims_mlops.management.readiness.readiness import judge
from aims_mlops.management.readiness.requirements import REQUIREMENTS

MODEL = "a1" * 32


@pytest.fixture(autouse=True)
def in_the_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(*arguments, code=0):
    done = CliRunner().invoke(app, ["readiness", *arguments])
    assert done.exit_code == code, done.output + str(done.exception)
    return done.stdout


def picture(organisation, now=NOW):
    return picture_of(organisation.project, signed(organisation.store).find(), now)


def put(organisation, kind, body, *, system="loans", subject=MODEL, actor="ana", run=None):
    evidence = Evidence(
        kind=kind,
        subjects=(Subject("model:loans", subject),),
        body=body,
        actor=actor,
        claimed_at="2026-12-01T09:00:00Z",
        system=system,
        run=run,
    )
    return organisation.store.append(evidence)


def test_every_row_has_an_id_a_clause_and_own_words():
    assert [row.id for row in REQUIREMENTS] == [f"R{i:02}" for i in range(1, 56)]
    assert {row.main_clause for row in REQUIREMENTS} == {"4", "5", "6", "7", "8", "9", "10"}
    assert len({row.words for row in REQUIREMENTS}) == 55


def test_empty_log_gets_a_gap_assessment_and_a_plan_of_ninety_days():
    said = json.loads(run("--json"))
    assert len(said["rows"]) == 55
    assert said["states"]["met"] == 0
    assert said["stage"]["name"] == "nothing yet"
    assert [step["day"] for step in said["first_days"]] == [14, 30, 45, 60, 75, 90]
    assert all(row["next_step"] for row in said["rows"] if row["state"] == "open")
    text = run()
    assert "The first ninety days" in text
    assert "complies" not in text


def test_document_goes_from_open_through_draft_to_met_and_out_of_date(organisation):
    from datetime import timedelta

    def state(now=NOW):
        return judge(picture(organisation, now)).row("R10").state

    later = NOW + timedelta(days=1)
    assert state(later) == "open"
    organisation.add("document")
    assert state(later) == "in part"
    organisation.approve("document/ai-policy", by="cy")
    found = judge(picture(organisation, later_than_log(organisation))).row("R10")
    assert found.state == "met"
    assert len(found.found.records) == 2
    assert found.found.until is not None
    assert state(later_than_log(organisation) + timedelta(days=400)) == "out of date"


def later_than_log(organisation):
    from datetime import timedelta

    from aims_mlops.evidence.clock import parse

    newest = next(iter(organisation.store.find(newest_first=True, limit=1)))
    return parse(newest.received_at) + timedelta(seconds=1)


def test_policy_that_somebody_else_approved_is_not_met(organisation):
    organisation.add("document", id="ai-policy-2", type="scope")
    found = judge(picture(organisation, later_than_log(organisation)))
    assert found.row("R05").state in ("open", "in part")


def test_requirement_is_assigned_with_a_day_and_told_when_late(organisation, monkeypatch):
    monkeypatch.setenv("AIMS_ACTOR", "ana")
    assert "R15 is bo's" in run("assign", "r15", "--owner", "bo", "--due", "2026-01-31")
    (row,) = [r for r in json.loads(run("--json"))["rows"] if r["id"] == "R15"]
    assert (row["owners"], row["due"], row["overdue"]) == (["bo"], "2026-01-31", True)
    assert "R15 is ana's" in run("assign", "R15", "--owner", "ana@example.org")
    (row,) = [r for r in json.loads(run("--json"))["rows"] if r["id"] == "R15"]
    assert (row["owners"], row["due"], row["overdue"]) == (["ana"], None, False)
    assert "R15" in run("--owner", "ana")
    assert "R15" not in run("--owner", "bo")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--at", "yesterday"], "not a day"),
        (["--clause", "11"], "no requirement is of clause"),
        (["--owner", "nobody"], "nobody in aims.yaml is called"),
        (["assign", "R99", "--owner", "ana"], "no requirement is called"),
        (["assign", "R15", "--owner", "nobody"], "nobody in aims.yaml is called"),
        (["assign", "R15", "--owner", "ana", "--due", "soon"], "not a day"),
    ],
)
def test_input_that_means_nothing_says_what_is_expected(organisation, arguments, words):
    done = CliRunner().invoke(app, ["readiness", *arguments])
    assert done.exception is not None
    assert words in str(done.exception)
    assert getattr(done.exception, "next_step", None)


def test_files_and_past_dates(organisation, tmp_path):
    import openpyxl

    organisation.add("document")
    html, xlsx = tmp_path / "r.html", tmp_path / "r.xlsx"
    assert "wrote" in run("--html", str(html), "--xlsx", str(xlsx), "--trend", "2")
    assert "Readiness of the management system" in html.read_text()
    assert "<script" not in html.read_text()
    rows = list(openpyxl.load_workbook(xlsx)["readiness"].values)
    assert [row[0] for row in rows[1:]] == [row.id for row in REQUIREMENTS]
    past = json.loads(run("--json", "--at", "2020-01-01"))
    assert past["records"] == 0
    assert {row["state"] for row in past["rows"]} <= {"open", "in part", "not applicable", "met"}
    assert [row["id"] for row in json.loads(run("--json", "--clause", "9.3"))["rows"]] == [
        "R48", "R49", "R50"
    ]  # fmt: skip


def test_text_of_people_cannot_act_on_the_page_or_in_the_sheet(organisation, tmp_path):
    import openpyxl

    evil = '=HYPERLINK("x")<script>alert(1)</script>'
    put(organisation, "model", {"name": "m", "registered": {"name": evil}}, system=None)
    html, xlsx = tmp_path / "r.html", tmp_path / "r.xlsx"
    run("--html", str(html), "--xlsx", str(xlsx))
    assert "&lt;script&gt;alert" in html.read_text()
    assert "<script>alert" not in html.read_text()
    for row in openpyxl.load_workbook(xlsx)["readiness"].iter_rows():
        assert all(cell.data_type != "f" for cell in row)


# ---- the five gaps, each planted


def gaps_of(organisation, number):
    found = every_gap(picture(organisation, later_than_log(organisation)))
    return [gap for gap in found if gap.number == number]


def test_registered_model_of_no_system_is_a_gap_in_the_inventory(organisation):
    record = put(
        organisation, "model", {"name": "m", "sha256": MODEL, "registered": {"name": "stray"}},
        system=None,
    )  # fmt: skip
    assert [gap.record for gap in gaps_of(organisation, 1) if "stray" in gap.words] == [record.id]


def test_promotion_before_its_approval_is_a_gap(organisation):
    promoted = put(organisation, "promotion", promotion(MODEL))
    (gap,) = gaps_of(organisation, 2)
    assert (gap.record, "never approved" in gap.words) == (promoted.id, True)
    put(organisation, "approval", approval(MODEL), actor="bo")
    (gap,) = gaps_of(organisation, 2)
    assert "approved after it" in gap.words
    other = "b2" * 32
    put(organisation, "approval", approval(other), subject=other, actor="bo")
    put(organisation, "promotion", promotion(other), subject=other)
    assert [gap.record for gap in gaps_of(organisation, 2)] == [promoted.id]


def test_llm_client_in_a_run_is_a_gap_until_a_supplier_covers_it(organisation):
    seen = put(organisation, "environment", {"packages": {"OpenAI": "2.1", "numpy": "2.1"}})
    (gap,) = gaps_of(organisation, 3)
    assert (gap.record, gap.thing) == (seen.id, "package openai")
    organisation.add("supplier", covers=["openai*"])
    assert gaps_of(organisation, 3) == []
    organisation.close("supplier/S-1")
    assert len(gaps_of(organisation, 3)) == 1


def test_whoever_acts_without_a_verified_competence_is_a_gap(organisation):
    put(organisation, "run", {"activity": "training", "status": "finished"}, run="r1")
    (gap,) = gaps_of(organisation, 4)
    assert gap.thing == "ana as developer"
    organisation.add("competence")
    assert len(gaps_of(organisation, 4)) == 1
    organisation.approve("competence/C-1", by="bo")
    assert gaps_of(organisation, 4) == []


def test_management_that_says_nothing_is_a_gap(organisation):
    assert [gap.thing for gap in gaps_of(organisation, 5)] == [
        "AI policy", "management review", "review pack"
    ]  # fmt: skip
    assert "Management cannot speak to it: 3 findings" in run("gaps", code=1)
    assert {gap["gap"] for gap in json.loads(run("gaps", "--json", code=1))} >= {1, 5}


def test_stage_names_the_rows_that_the_next_one_lacks(organisation):
    organisation.add("document")
    seen = picture(organisation, later_than_log(organisation))
    stage = stage_of(seen, judge(seen))
    assert (stage.name, stage.next) == ("gap assessment", "design of the AIMS")
    assert "R01" in [row.requirement.id for row in stage.lacking]


@pytest.mark.parametrize(
    "forge",
    [
        lambda body: {**body, "signature": "0" * 128},
        lambda body: {k: v for k, v in body.items() if k not in ("signature", "public_key")},
        lambda body: approval("b2" * 32),
        lambda body: approval(MODEL, by="ana", approver="bo"),
        lambda body: approval(MODEL, by="mallory", approver="bo"),
        lambda body: approval(MODEL, verdict="reject"),
    ],
    ids=["other signature", "none", "about another model", "another's key", "new key", "a no"],
)
def test_approval_that_no_person_signed_lets_no_promotion_be_assessed(organisation, forge):
    put(organisation, "approval", forge(approval(MODEL)), actor="bo")
    promoted = put(organisation, "promotion", promotion(MODEL))
    (gap,) = gaps_of(organisation, 2)
    assert (gap.record, "never approved" in gap.words) == (promoted.id, True)
    found = judge(picture(organisation, later_than_log(organisation)))
    assert found.row("R33").state == "open"
    assert found.row("R34").state == "open"


def approval(model, *, by="bo", approver="bo", verdict="approve"):
    body = {"verdict": verdict, "approver": approver, "roles": ["risk-owner"], "model": model}
    return sign_consent(body, personal_key(by).signer)


def promotion(model):
    return {
        "decision": None, "alias": "champion", "target": "production", "name": "loans",
        "version": "1", "outcome": "set", "model": model,
    }  # fmt: skip
