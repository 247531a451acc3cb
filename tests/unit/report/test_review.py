"""`aims report review`: inputs of a management review, frozen; a wrong digest is told."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from aims_mlops.cli.main import app
from aims_mlops.errors import DocumentError
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.evidence.store import signed
from aims_mlops.inventory.project import forget_stores
from aims_mlops.management.readiness.by_checking import review_inputs
from aims_mlops.management.readiness.picture import picture_of
from aims_mlops.management.reviews.pack import FORMAT, frozen, wrong_pack
from aims_mlops.web.pages.readiness import readiness
from aims_mlops.web.pages.reading import Reading
from support.registers import NOW, Organisation


@pytest.fixture
def firm(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    forget_stores()
    return Organisation(tmp_path).set_up()


def run(*arguments, code=0):
    done = CliRunner().invoke(app, ["report", "review", *arguments])
    assert done.exit_code == code, done.output + str(done.exception)
    return done.stdout


def monitored(store):
    store.append(
        Evidence(
            kind="monitoring-run",
            subjects=(Subject.of_name("window"),),
            body={
                "monitor": "daily",
                "stage": "data",
                "window": {"start": "2026-11-30", "end": "2026-12-01"},
                "outcome": "measured",
                "late": True,
                "findings": [{"what": "drift", "reason": "age moved"}],
            },
            actor="ci",
            claimed_at="2026-12-01T00:00:00Z",
            system="loans",
        )
    )


def test_inputs_of_9_3_2_come_from_the_log(firm):
    firm.add(
        "management-review",
        actions=[
            {"action": "buy a course", "owner": "ana", "due": "2020-03-01"},
            {"action": "name an owner", "owner": "bo", "due": "2020-03-01", "done": "2020-02-01"},
        ],
    )
    firm.add("document", id="scope", type="scope", serves=None)
    firm.add("document")  # a policy is no issue
    firm.add("aims-change")
    firm.add("interested-party")
    firm.add("concern")
    firm.add("risk")
    firm.approve("risk/R-1", by="bo")
    firm.add("objective", figure=None, value=0.9)
    firm.add("audit", findings=[{"finding": "no course", "grade": "minor"}])
    firm.add("improvement")
    monitored(firm.store)
    found = json.loads(run("--json", "--html", "review.html"))
    said = found["inputs"]
    assert [row["state"] for row in said["actions"]] == ["overdue", "done"]
    assert [(row["id"], row["change"]) for row in said["issues"]] == [
        ("scope", "new"),
        ("CH-1", "new"),
    ]
    assert [row["id"] for row in said["parties"]] == ["P-1", "CO-1"]
    assert said["parties"][1]["title"] is None
    assert "age again" not in json.dumps(found)  # what an anonymous concern says
    (risk,) = said["risks"]
    assert (risk["before"], risk["after"], risk["state"]) == (20, 10, "accepted")
    (objective,) = said["objectives"]
    assert (objective["value"], objective["by_hand"], objective["met"]) == (0.9, True, True)
    (audit,) = said["audits"]
    assert (audit["minor"], audit["major"]) == (1, 0)
    (nonconformity,) = said["nonconformities"]
    assert nonconformity["state"] == "open"
    (window,) = said["monitoring"]
    assert (window["measured"], window["late"], window["findings"]) == (1, 1, 1)
    assert [row["id"] for row in said["improvements"]] == ["I-1"]
    page = Path("review.html").read_text()
    assert found["sha256"] in page
    assert "buy a course" in page


def test_same_place_in_the_log_gives_the_same_digest_and_the_blob_is_the_pack(firm):
    firm.add("risk")
    first = json.loads(run("--json"))
    assert json.loads(run("--json")) == first
    held = firm.store.get_blob(first["sha256"])
    assert hashlib.sha256(held).hexdigest() == first["sha256"]
    assert json.loads(held) == {k: v for k, v in first.items() if k != "sha256"}
    cut = firm.store.get(first["last"]).received_at
    at = json.loads(run("--json", "--to", cut[:26] + "+00:00"))
    firm.add("improvement")
    assert json.loads(run("--json"))["sha256"] != first["sha256"]
    assert json.loads(run("--json", "--to", cut[:26] + "+00:00")) == at  # the log went on


def test_what_closed_before_the_period_is_left_out(firm):
    firm.add("improvement")
    firm.close("improvement/I-1")
    later = firm.store.status().size
    assert [row["state"] for row in json.loads(run("--json"))["inputs"]["improvements"]] == [
        "closed"
    ]
    from aims_mlops.management.registers.read import register_of
    from aims_mlops.report.review import review

    records = list(signed(firm.store).find())
    assert len(records) == later
    body = review(
        records,
        register_of(firm.project, records),
        log="x",
        first="2999-01-01T00:00:00.000000Z",
        last=None,
    )
    assert body["inputs"]["improvements"] == []


@pytest.mark.parametrize(
    "options", [("--to", "2999-01-01"), ("--from", "2026-02-02", "--to", "2026-01-01")]
)
def test_period_that_cannot_be_is_told(firm, options):
    done = CliRunner().invoke(app, ["report", "review", *options])
    assert done.exit_code != 0
    assert "--to" in str(done.exception) + done.output


def test_entry_names_the_pack_and_a_wrong_digest_is_refused(firm):
    with pytest.raises(DocumentError, match="no review pack of this digest"):
        firm.add("management-review", pack="ab" * 32)
    other = firm.store.put_blob(b"minutes", media_type="text/plain")
    with pytest.raises(DocumentError, match="is no review pack"):
        firm.add("management-review", pack=other.sha256)
    digest = json.loads(run("--json"))["sha256"]
    firm.add("management-review", pack=digest)
    firm.approve("management-review/M-2026", by="cy")
    assert inputs(firm).state == "met"


def inputs(firm):
    store = firm.store
    records = list(signed(store).find())
    now = parse(records[-1].received_at)
    picture = picture_of(
        firm.project, records, now, wrong_pack=lambda pack: wrong_pack(store, pack)
    )
    return review_inputs(picture)


def test_forger_who_stores_a_text_like_a_pack_is_told(firm):
    firm.add("risk")
    true = json.loads(run("--json"))
    del true["sha256"]
    for change, words in (
        ({"log": "0" * 32}, "another log"),
        ({"size": 10_000}, "does not have there"),
        ({"last": "0" * 64}, "does not have there"),
        ({"size": 0, "last": "0" * 64}, "does not have there"),
        ({"inputs": []}, "as `aims report review` writes it"),
        ({"format": "aims-review/9"}, "no review pack"),
    ):
        forged = frozen(true | change)
        held = firm.store.put_blob(forged, media_type="application/json")
        assert words in (wrong_pack(firm.store, held.sha256) or ""), change
    assert true["format"] == FORMAT
    assert wrong_pack(firm.store, hashlib.sha256(frozen(true)).hexdigest()) is None


def test_entry_that_got_in_another_way_is_told_by_readiness(firm):
    firm.store.append(
        Evidence(
            kind="management-review",
            subjects=(Subject.of_name("management-review:M-1"),),
            body={
                "step": "add",
                "id": "M-1",
                "title": "Review",
                "held": NOW.date().isoformat(),
                "attendees": ["cy"],
                "pack": "ab" * 32,
            },
            actor="ana",
            claimed_at="2026-12-01T00:00:00Z",
        )
    )
    found = inputs(firm)
    assert found.state == "in part"
    assert "no review pack of this digest" in found.why
    everyone = SimpleNamespace(person="ana", roles=frozenset(), systems=None)
    reading = Reading(
        project=firm.project, store=firm.store, viewer=everyone, now=datetime.now(UTC)
    )
    row = next(one for one in readiness(reading)["rows"] if one["id"] == "R49")
    assert "no review pack of this digest" in row["why"]  # in the console as well


def test_audit_pack_holds_readiness_and_what_the_review_looked_at(firm):
    digest = json.loads(run("--json"))["sha256"]
    firm.add("management-review", pack=digest)
    done = CliRunner().invoke(app, ["audit-pack", "pack"])
    assert done.exit_code == 0, done.output + str(done.exception)
    held = Path("pack/reviews", f"{digest}.json").read_bytes()
    assert hashlib.sha256(held).hexdigest() == digest
    start = Path("pack/index.html").read_text()
    assert f"reviews/{digest}.html" in start
    assert "readiness.html" in start
    assert "R49" in Path("pack/readiness.html").read_text()
