"""An organisation from an empty log to a surveillance audit, with a clock that the test moves.

Two systems: one of its own, promoted, and one bought in, deployed. What runs, gates and schedules
write is put into the log as they write it; what people put down and sign goes through the functions
that `aims record`, `aims readiness` and `aims report` call.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from click.testing import CliRunner

from aims_mlops.approvals.enrol import confirm, enrol, waiting
from aims_mlops.approvals.keys.personal_key import personal_key
from aims_mlops.approvals.keys.signature import sign_consent
from aims_mlops.cli.main import app
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.inventory.project import forget_stores
from aims_mlops.operations import corrective_action, incident
from aims_mlops.operations.nonconformity import nonconformities
from support.registers import Organisation

DAY_0 = datetime(2027, 1, 4, 9, tzinfo=UTC)
LOANS, BOT = "a1" * 32, "b2" * 32
SETTINGS = """\
systems:
  - id: loans
    owner: ana
    risk_owner: bo
    organisation_roles: [developer, deployer]
    purpose: decide about small loans
    intended_use: a clerk looks at each refusal
    foreseeable_misuse: [used for people who did not ask]
    affected_people: [people who ask for a loan]
    monitoring: [{every: 1w, measures: [drift, volume]}]
  - id: support-bot
    owner: ana
    risk_owner: bo
    organisation_roles: [deployer]
    purpose: answer questions of customers
    intended_use: questions about opening hours and forms
    foreseeable_misuse: [taken for advice]
    affected_people: [customers]
    suppliers: [{name: Example Models Ltd, provides: base model}]
    monitoring: [{every: 1w, measures: [volume]}]
people:
  - {id: reg, keys: [{public_key: KEY}]}
  - {id: ana, name: Ana Lima, roles: [developer, aims-manager]}
  - {id: bo, roles: [risk-owner, line-manager]}
  - {id: cy, roles: [top-management]}
  - {id: di, roles: [internal-auditor]}
management:
  risk_scale: {likelihood: [rare, possible, likely], impact: [minor, major, severe], acceptable: 4}
"""
DOCUMENTS = (
    "context", "scope", "ai-policy", "risk-process", "impact-assessment-process", "resources",
    "communication-plan", "disclosure-criteria", "audit-programme", "statement-of-applicability",
)  # fmt: skip

# One letter for each row from R01 on: m met, p in part, d out of date, o open, - not applicable.
STATES = {"met": "m", "in part": "p", "out of date": "d", "open": "o", "not applicable": "-"}
#                 clause 4       5      6         7        8           9         10
TABLE = {
    "empty log":       "ooooooo oooooo oooooooo- oooooooo -o--oo--o-o o-ooooooo o---o",
    "stage 1":         "mmmmmmp pmmmmm mmmmmmmm- mmmmmmmm -m--om--mmm m-oomoooo m---p",
    "stage 2":         "mmmmmmm mmmmmm mmmmmmmm- mmmmmmmm mmmmmmmmmmm mmmmmmmmm mmmmm",
    "surveillance":    "dddddmp dddmmm ddmmdddd- dmmmpmmm mdmmmmmmmdd mmmmdmmmm dmmmm",
}  # fmt: skip


class Year:
    """The organisation, and the clock."""

    def __init__(self, organisation: Organisation, clock: Any) -> None:
        self.organisation = organisation
        self.clock = clock

    def on(self, day: int) -> datetime:
        """Nine in the morning of a day."""
        moment = DAY_0 + timedelta(days=day)
        self.clock.move_to(moment)
        return moment

    def put(self, kind: str, body: dict[str, Any], *, system: str, model: str, actor: str) -> None:
        """A record as a run, a gate or a schedule writes it."""
        now = datetime.now(UTC).isoformat()
        about = (Subject(f"model:{system}", model),)
        evidence = Evidence(
            kind=kind, subjects=about, body=body, actor=actor, claimed_at=now, system=system
        )
        self.organisation.store.append(evidence)

    def add(self, register: str, **content: Any) -> None:
        self.organisation.add(register, now=datetime.now(UTC), **content)

    def readiness(self, *options: str) -> dict[str, Any]:
        done = CliRunner().invoke(app, ["readiness", "--json", *options])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def states(self, *options: str) -> dict[str, str]:
        return {row["id"]: row["state"] for row in self.readiness(*options)["rows"]}

    def gaps(self) -> list[dict[str, Any]]:
        done = CliRunner().invoke(app, ["readiness", "gaps", "--json"])
        return json.loads(done.stdout)


def begin(year: Year) -> None:
    """Day 7: systems and people are in aims.yaml, and keys are enrolled."""
    year.on(7)
    organisation = year.organisation.set_up(SETTINGS)
    enrol(organisation.project, organisation.store, person="reg")
    mine = waiting(organisation.project, organisation.store, "reg", None)
    confirm(organisation.project, organisation.store, mine, by="cy")


def write_down(year: Year) -> None:
    """Days 20 to 80: documents, registers, signatures."""
    organisation = year.organisation
    year.on(20)
    for type_ in DOCUMENTS:
        year.add(
            "document", id=type_, type=type_, title=type_, effective="2027-02-01",
            review="2028-06-01", published="intranet", serves=None,
        )  # fmt: skip
        organisation.approve(f"document/{type_}", by="cy")
    for person in ("reg", "ana", "bo", "di"):
        organisation.acknowledge("document/ai-policy", by=person)
    year.on(40)
    for id_, system in (("R-1", "loans"), ("R-2", "support-bot")):
        year.add(
            "risk", id=id_, systems=[system], before={"likelihood": 3, "impact": 3},
            after={"likelihood": 1, "impact": 3},
        )  # fmt: skip
        organisation.approve(f"risk/{id_}", by="bo")
    year.add("interested-party")
    year.add("supplier", covers=["base model", "openai*"], expires="2029-01-01", due_diligence={
        "result": "questionnaire answered", "date": "2027-02-01", "by": "bo"
    }, agreement={"reference": "contract 17", "date": "2027-02-01", "covers_ai": True},
        terms=None)  # fmt: skip
    organisation.approve("supplier/S-1", by="bo")
    year.add("objective", plan="train with newer data each quarter", due="2028-12-31")
    year.add("resource")
    for id_, person, role, by in (
        ("C-1", "ana", "developer", "bo"),
        ("C-2", "ana", "aims-manager", "bo"),
        ("C-3", "bo", "risk-owner", "cy"),
        ("C-4", "bo", "line-manager", "cy"),
        ("C-5", "cy", "top-management", "bo"),
        ("C-6", "di", "internal-auditor", "bo"),
    ):
        year.add("competence", id=id_, person=person, role=role, expires="2029-01-01")
        organisation.approve(f"competence/{id_}", by=by)
    year.add("communication", when="2027-02-13", by="cy")
    year.add("improvement")


def operate(year: Year) -> None:
    """Days 90 to 200: train, assess, approve, promote, deploy, watch, an incident."""
    year.on(90)
    training = {"activity": "training", "status": "finished"}
    year.put("run", training, system="loans", model=LOANS, actor="ana")
    year.put("environment", {"packages": {"openai": "2.1"}}, system="support-bot", model=BOT,
             actor="ana")  # fmt: skip
    for kind in ("dataset", "data-quality", "bias", "performance"):
        figures = [{"measure": "recall_score", "group": None, "value": 0.84}]
        year.put(kind, {"name": kind, "figures": figures}, system="loans", model=LOANS, actor="ana")
    for system, model in (("loans", LOANS), ("support-bot", BOT)):
        year.put("impact-assessment", {"author": "ana"}, system=system, model=model, actor="ana")
        said = {
            "verdict": "approve", "approver": "bo", "roles": ["risk-owner"], "model": model
        }  # fmt: skip
        said = sign_consent(said, personal_key("bo").signer)
        year.put("approval", said, system=system, model=model, actor="bo")
    year.on(91)
    year.put("policy", {"name": "production"}, system="loans", model=LOANS, actor="aims")
    year.put("decision", {"verdict": "allowed"}, system="loans", model=LOANS, actor="aims")
    year.put(
        "promotion",
        {"alias": "champion", "target": "production", "name": "loans", "version": "1",
         "outcome": "set", "model": LOANS},
        system="loans", model=LOANS, actor="aims",
    )  # fmt: skip
    year.put(
        "deployment",
        {"event": "deployed", "target": "production", "where": "website", "model": BOT},
        system="support-bot", model=BOT, actor="ana",
    )  # fmt: skip
    year.on(150)
    opened = incident.open_incident(
        year.organisation.store, year.organisation.project, actor="ana", now=year.on(150),
        title="wrong hours told", severity="minor", system="support-bot", affected=3,
    )  # fmt: skip
    found = incident.find_incident(year.organisation.store, opened.id)
    incident.close(
        year.organisation.store, found, actor="bo", now=year.on(152), outcome="read from the site",
    )  # fmt: skip
    watch(year, 195)


def watch(year: Year, day: int) -> None:
    """What schedules write of both systems in operation."""
    year.on(day)
    for system, model in (("loans", LOANS), ("support-bot", BOT)):
        year.put("inference-log", {"event": "written"}, system=system, model=model, actor="server")
        year.put("bias", {"figures": []}, system=system, model=model, actor="aims-monitor")
        said = {"monitor": system, "outcome": "measured"}
        year.put("monitoring-run", said, system=system, model=model, actor="aims-monitor")
    figures = [{"measure": "recall_score", "group": None, "value": 0.83}]
    year.put("performance", {"figures": figures}, system="loans", model=LOANS, actor="aims-monitor")


def check(year: Year, day: int, number: int) -> None:
    """An internal audit with a finding, its correction, and a management review."""
    organisation = year.organisation
    now = year.on(day)
    today = now.date().isoformat()
    year.add(
        "audit", id=f"A-{number}", performed=today, audited=["bo"], systems=None, owner=None,
        findings=[{"finding": f"a course was not written down ({number})", "grade": "minor"}],
        reported_to=["cy"],
    )  # fmt: skip
    for found in [n for n in nonconformities(organisation.store) if n.is_open]:
        for step, by, said in (
            (corrective_action.analyse, "ana", {"root_cause": "nobody was asked to"}),
            (corrective_action.act, "ana", {"corrective_action": "ask each quarter"}),
            (corrective_action.close, "bo", {"effect": "asked, and written down"}),
        ):
            known = next(n for n in nonconformities(organisation.store) if n.id == found.id)
            step(organisation.store, organisation.project, known, actor=by, now=now, **said)
    done = CliRunner().invoke(
        app, ["report", "review", "--from", "2027-01-01", "--to", today, "--json"]
    )
    assert done.exit_code == 0, done.output
    year.on(day + 1)
    year.add(
        "management-review", id=f"M-{number}", held=(now + timedelta(days=1)).date().isoformat(),
        pack=json.loads(done.stdout)["sha256"],
        actions=[{"action": "buy a course", "owner": "ana", "due": "2028-12-01"}],
    )  # fmt: skip
    organisation.approve(f"management-review/M-{number}", by="cy")
    organisation.change("objective/O-1", notes=f"looked at on {today}", now=now)
    year.add("improvement", id=f"I-{number}-done", due="2028-12-01")
    organisation.close(f"improvement/I-{number}-done", now=now)


def pack(folder: Path) -> dict[str, str]:
    """What an audit pack of the moment holds: path -> text."""
    done = CliRunner().invoke(app, ["audit-pack", str(folder), "--sample", "1", "--seed", "7"])
    assert done.exit_code == 0, done.output + str(done.exception)
    return {
        path.relative_to(folder).as_posix(): path.read_text(errors="replace")
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Readiness at four dates, and what else was seen then."""
    root = tmp_path_factory.mktemp("lender")
    found: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch, time_machine.travel(DAY_0, tick=False) as clock:
        patch.setenv("AIMS_KEYS", str(root / "keys"))
        patch.setenv("AIMS_ACTOR", "ana")
        patch.chdir(root)
        forget_stores()
        year = Year(Organisation(root), clock)
        found["empty log"] = year.readiness()
        begin(year)
        write_down(year)
        year.on(81)
        found["stage 1"] = year.readiness()
        found["stage 1 pack"] = pack(root / "stage-1")
        operate(year)
        check(year, 200, 1)
        year.on(203)
        found["stage 2"] = year.readiness()
        found["stage 2 pack"] = pack(root / "stage-2")
        found["gaps"] = year.gaps()
        found["then"] = year.readiness("--at", (DAY_0 + timedelta(days=80)).date().isoformat())
        year.add("document", id="certificate", type="certificate", effective="2027-08-01",
                 review="2028-06-01", serves=None)  # fmt: skip
        year.organisation.approve("document/certificate", by="cy")
        found["certified"] = year.readiness()
        watch(year, 410)
        found["surveillance"] = year.readiness()
        found["trend"] = year.readiness("--trend", "12")["trend"]
    forget_stores()
    return found


@pytest.mark.parametrize("date", TABLE)
def test_readiness_at_a_date_is_what_the_table_says(seen: Any, date: str) -> None:
    said = "".join(STATES[row["state"]] for row in seen[date]["rows"])
    why = {r["id"]: (r["state"], r["why"]) for r in seen[date]["rows"] if r["state"] != "met"}
    assert said == TABLE[date].replace(" ", ""), why


def test_stages_follow_each_other(seen: Any) -> None:
    names = [seen[date]["stage"]["name"] for date in ("empty log", "stage 1", "stage 2")]
    assert names == ["nothing yet", "design of the AIMS", "ready for Stage 2, implementation"]
    # What Stage 1 waits for is what only operation and a review can give.
    lacking = seen["stage 1"]["stage"]["lacking"]
    assert set(lacking) <= {"R35"}, lacking
    assert seen["certified"]["stage"]["name"] == "surveillance"


def test_pack_of_each_stage_holds_readiness_as_it_was_then(seen: Any) -> None:
    first, second = seen["stage 1 pack"], seen["stage 2 pack"]
    for held in (first, second):
        assert {"index.html", "readiness.html", "evidence.aims"} <= set(held)
    assert "no management review was held" in first["readiness.html"]
    assert "no management review was held" not in second["readiness.html"]
    review = next(path for path in second if path.startswith("reviews/") and "html" in path)
    assert review not in first


def test_clean_organisation_has_none_of_the_five_gaps(seen: Any) -> None:
    assert seen["gaps"] == []


def test_past_is_told_from_the_log_as_it_was(seen: Any) -> None:
    then, now = seen["then"], seen["stage 1"]
    assert [row["state"] for row in then["rows"]] == [row["state"] for row in now["rows"]]
    assert then["records"] == now["records"]


def test_trend_rises_and_falls_with_what_the_log_had(seen: Any) -> None:
    met = [point["states"]["met"] for point in seen["trend"]]
    assert len(met) == 13
    assert met[0] < max(met)
    assert met[-1] < max(met)
